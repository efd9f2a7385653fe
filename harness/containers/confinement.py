"""Settings of a container, which gets as few rights, files and devices as a run needs.

Reads limits, device files and CDI specifications of this machine.
"""

import os
import resource
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.containers import manifest, worker
from harness.containers.engine_info import EngineInfo
from harness.core import strict_json
from harness.core.values import frozen
from harness.host import devices, files
from harness.host.devices import Gpu, Vendor
from harness.pipeline.environment import EnvironmentRequest

if TYPE_CHECKING:  # loading the SDK takes longer than most commands
    from docker.types import DeviceRequest, Ulimit

_PIDS = 32768  # threads count too, and a compilation has one per core
# The highest limits of open files, and of processes of the user in all containers. Podman has no higher ones itself.
_LIMITS = {"nofile": (resource.RLIMIT_NOFILE, 65536), "nproc": (resource.RLIMIT_NPROC, 32768)}
_MEMORY_SHARE = 0.9
FOLDER = Path("/run/iree-quality")  # where the container has the worker's folder
_CDI_KIND = "amd.com/gpu"
_CDI_BYTES = 1 << 20


@frozen
class ContainerLimits:
    """What the user lets a container do and use.

    Attributes:
        capabilities: Linux capabilities to add, such as `SYS_NICE`.
        memory_bytes: memory limit; None for nine tenths of the machine's memory.
    """

    capabilities: tuple[str, ...] = ()
    memory_bytes: int | None = None


def settings(info: EngineInfo, folder: Path, gpus: Sequence[Gpu], limits: ContainerLimits) -> dict[str, Any]:
    """Return the settings of a container for `Engine.create`.

    The container has a read-only root, no network, a volume for the tools' folders and nothing of this machine but the
    worker's folder and the GPUs. The worker is root with the rights to become another user and no others; tools run as
    users without any (`harness.containers.worker`).

    Args:
        info: the engine.
        folder: the folder with the worker's socket.
        gpus: the GPUs that tools may use.
        limits: what the user allows.
    """
    return {
        "entrypoint": [str(manifest.WORKER)],
        "host": _host_config(info, folder, gpus, limits),
        "user": "0:0",
        "working_dir": "/",
        "environment": {"LANG": "C.UTF-8"},
        "volumes": [str(worker.WORK)],
    }


def _host_config(info: EngineInfo, folder: Path, gpus: Sequence[Gpu], limits: ContainerLimits) -> dict[str, Any]:
    from docker.types import Mount  # noqa: PLC0415 - loaded on first use

    memory_bytes = limits.memory_bytes or int(devices.memory_bytes()[1] * _MEMORY_SHARE)
    return {
        "read_only": True,
        "network_mode": "none",
        "cap_drop": ["ALL"],
        "cap_add": [*worker.CAPABILITIES, *limits.capabilities],
        "security_opt": ["no-new-privileges", *["label=disable"] * info.selinux],
        "userns_mode": "host" if info.remapped else None,
        "pids_limit": _PIDS,
        "mem_limit": memory_bytes,
        "memswap_limit": memory_bytes,
        "ulimits": list(_own_limits()),
        "init": True,
        "auto_remove": True,
        "mounts": [Mount(str(FOLDER), str(folder.resolve()), type="bind")],
        "tmpfs": {"/tmp": "size=64m"},  # noqa: S108 - tools have temporary folders of their own
        "group_add": [str(each) for each in devices.group_ids(gpus)],
        **_gpus(info, gpus),
    }


def run_words(info: EngineInfo, request: EnvironmentRequest) -> tuple[str, ...]:
    """Return the words with which a user runs a container that sees the same folders and GPUs as a run."""
    user = "0:0" if info.rootless else f"{os.getuid()}:{os.getgid()}"
    others = [gpu for gpu in request.gpus if gpu.vendor is not Vendor.NVIDIA]
    return (
        *(info.name, "--url" if info.name == "podman" else "--host", f"unix://{info.socket}"),
        *("run", "--rm", "--network=none", f"--user={user}"),
        *(["--security-opt=label=disable"] * info.selinux),
        *(f"--volume={each}" for each in _shared(request)),
        *(f"--ulimit={each['Name']}={each['Soft']}:{each['Hard']}" for each in _own_limits()),
        *(f"--group-add={group}" for group in _groups(info, request.gpus)),
        *(f"--device={node}" for node in devices.nodes(others)),
        *(["--gpus=all"] if len(others) < len(request.gpus) else []),
    )


def _groups(info: EngineInfo, gpus: Sequence[Gpu]) -> list[int]:
    """Return the ids of the groups of the container's user: those of the GPUs, and those of the caller.

    A rootless engine maps ids to others, so the caller's groups are left out there.
    """
    own = set() if info.rootless else set(os.getgroups()) - {0, os.getgid()}
    return sorted(own.union(devices.group_ids(gpus)))


def _own_limits() -> Iterator["Ulimit"]:
    """Yield limits that are not above those of this process; an engine may default to more than it can set."""
    from docker.types import Ulimit  # noqa: PLC0415 - loaded on first use

    for name, (number, most) in _LIMITS.items():
        soft, hard = (min(own, most) if own >= 0 else most for own in resource.getrlimit(number))
        yield Ulimit(name=name, soft=soft, hard=hard)


def _shared(request: EnvironmentRequest) -> Iterator[str]:
    """Yield the folders that commands repeated by hand need, at the same path as here: `/a:/a:ro`."""
    local = (blob for case in request.cases for blob in case.spec.blobs if blob.url.startswith("file:"))
    files = [path for path in (each.local_path for each in local) if path.is_file()]
    beside = [path for path in files if not any(map(path.is_relative_to, request.folders))]
    for path in dict.fromkeys((*request.folders, *beside, request.store.root)):
        yield f"{path.resolve()}:{path}:ro"
    yield f"{request.out_dir.resolve()}:{request.out_dir}"


def _gpus(info: EngineInfo, gpus: Sequence[Gpu]) -> dict[str, Any]:
    """Return settings that pass GPUs through: AMD's by CDI if the engine knows all of them, else by device file."""
    from docker.types import DeviceRequest  # noqa: PLC0415 - loaded on first use

    nvidia = [gpu for gpu in gpus if gpu.vendor is Vendor.NVIDIA]
    others = [gpu for gpu in gpus if gpu.vendor is not Vendor.NVIDIA]
    names = [_cdi_name(info, gpu) for gpu in others]
    by_cdi = [name for name in names if name] if all(names) else []
    by_file = [] if by_cdi else devices.nodes(others)
    requests = [DeviceRequest(driver="cdi", device_ids=by_cdi)] if by_cdi else []
    return {
        "devices": [f"{node}:{node}:rw" for node in by_file if Path(node).is_char_device()],
        "device_requests": [*requests, *([_nvidia_request(info, nvidia)] if nvidia else [])],
    }


def _nvidia_request(info: EngineInfo, gpus: Sequence[Gpu]) -> "DeviceRequest":
    """Return the request for NVIDIA GPUs and their libraries: to NVIDIA's runtime with Docker, by CDI with Podman."""
    from docker.types import DeviceRequest  # noqa: PLC0415 - loaded on first use

    names = [gpu.uuid or "all" for gpu in gpus]
    if info.name == "podman":
        return DeviceRequest(driver="cdi", device_ids=[f"nvidia.com/gpu={name}" for name in names])
    return DeviceRequest(driver="nvidia", device_ids=names, capabilities=[["gpu", "compute", "graphics", "utility"]])


def _cdi_name(info: EngineInfo, gpu: Gpu) -> str | None:
    """Return the name of the CDI device that has the GPU's device file and the fewest others; None if there is none."""
    found = [
        (len(nodes), f"{_CDI_KIND}={name}")
        for spec in _cdi_specs(info.cdi_dirs)
        for name, nodes in spec.items()
        if gpu.node in nodes
    ]
    return min(found)[1] if found else None


def _cdi_specs(dirs: Iterable[str]) -> Iterator[dict[str, set[str]]]:
    """Yield the device files of AMD's CDI devices, by name of the device.

    Container Device Interface, SPEC.md: `kind`, and `devices` with `name` and `containerEdits`.
    """
    for path in sorted(path for each in dirs for path in Path(each).glob("*.json")):
        try:
            spec = strict_json.loads(files.read(path, _CDI_BYTES))
            if spec["kind"] == _CDI_KIND:
                edits = {each["name"]: each["containerEdits"].get("deviceNodes", ()) for each in spec["devices"]}
                yield {name: {node["path"] for node in nodes} for name, nodes in edits.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # the engine reports an invalid specification itself
