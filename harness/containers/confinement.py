"""What a container may do and see: the least that a run needs (pure, but for looking at files of this machine)."""

import json
import os
import resource
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.containers import manifest
from harness.containers.engine import About
from harness.core.errors import EngineError
from harness.host import devices
from harness.host.devices import Gpu, Vendor
from harness.pipeline.environment import EnvironmentRequest

if TYPE_CHECKING:  # only containers need it, and loading it takes longer than most commands
    from docker.types import DeviceRequest, Mount, Ulimit

_PIDS = 32768  # threads count, and each compilation has as many as there are cores
# At most: of open files, and of the processes of this user, wherever they are. Podman leaves itself no more.
_LIMITS = {"nofile": (resource.RLIMIT_NOFILE, 65536), "nproc": (resource.RLIMIT_NPROC, 32768)}
_MEMORY_SHARE = 0.9
# Folders of an image that a folder of this machine must not hide.
_IMAGE_OWN = frozenset(
    {"/", "/bin", "/dev", "/etc", "/lib", "/lib64", "/opt", "/proc", "/run", "/sbin", "/sys", "/usr"}
    | {"/tmp"}  # noqa: S108 - the container has its own
    | {f"/usr/{name}" for name in ("bin", "lib", "lib64", "local", "local/bin", "local/lib")}
)
_CDI_KIND = "amd.com/gpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """What a container may have beyond the least. `memory_bytes` is its limit, by default most of the machine's."""

    capabilities: tuple[str, ...] = ()
    memory_bytes: int | None = None


def settings(about: About, request: EnvironmentRequest, grants: Grants) -> dict[str, Any]:
    """Return how a container is created, as `Engine.create` takes it.

    It runs as the caller, on a read-only root, without a network, and can become nobody else. In a rootless engine
    the caller is called root.

    Raises:
        EngineError: a folder that it needs would hide one of the image.
    """
    memory_bytes = grants.memory_bytes or int(devices.memory_bytes()[1] * _MEMORY_SHARE)
    host = {
        "read_only": True,
        "network_mode": "none",
        "cap_drop": ["ALL"],
        "cap_add": list(grants.capabilities),
        "security_opt": ["no-new-privileges", *["label=disable"] * about.selinux],
        "userns_mode": "host" if about.remapped else None,
        "pids_limit": _PIDS,
        "mem_limit": memory_bytes,
        "memswap_limit": memory_bytes,
        "ulimits": list(_own_limits()),
        "init": True,
        "auto_remove": True,
        "mounts": list(_mounts(request)),
        "tmpfs": {"/tmp": "mode=1777,exec"},  # noqa: S108 - the container's own
        "group_add": [str(each) for each in _groups(about, request.gpus)],
        **_gpus(about, request.gpus),
    }
    user = "0:0" if about.rootless else f"{os.getuid()}:{os.getgid()}"
    return {
        "entrypoint": [str(manifest.WORKER)],
        "host": host,
        "user": user,
        "working_dir": "/",
        "environment": {"LANG": "C.UTF-8"},
    }


def _groups(about: About, gpus: Sequence[Gpu]) -> list[int]:
    """Return the groups that the container's user is in: the GPUs', and those that the caller is in.

    Numbers mean something else in a rootless engine, so the caller's are left out there.
    """
    own = set() if about.rootless else set(os.getgroups()) - {0, os.getgid()}
    return sorted(own.union(devices.group_ids(gpus)))


def _own_limits() -> Iterator["Ulimit"]:
    """Yield limits no higher than this process's own: an engine's defaults may be above what it may give."""
    from docker.types import Ulimit  # noqa: PLC0415 - see above

    for name, (number, most) in _LIMITS.items():
        soft, hard = (min(own, most) if own >= 0 else most for own in resource.getrlimit(number))
        yield Ulimit(name=name, soft=soft, hard=hard)


def _mounts(request: EnvironmentRequest) -> Iterator["Mount"]:
    """Yield each folder once, at the place where this machine has it, so that paths mean the same on both sides."""
    from docker.types import Mount  # noqa: PLC0415 - see above

    written = dict.fromkeys((request.store.root, request.out_dir), False)
    local = (blob for case in request.cases for blob in case.spec.blobs if blob.url.startswith("file:"))
    files = [path for path in (each.local_path for each in local) if path.is_file()]
    beside = [path for path in files if not any(map(path.is_relative_to, request.folders))]
    for path, read_only in (dict.fromkeys((*request.folders, *beside), True) | written).items():
        if any(str(each) in _IMAGE_OWN or each.is_relative_to(manifest.ROOT) for each in (path, path.resolve())):
            raise EngineError(
                f"{path}: this folder would hide one of the image; use one of its own, or --engine local."
            )
        yield Mount(str(path), str(path.resolve()), type="bind", read_only=read_only)


def _gpus(about: About, gpus: Sequence[Gpu]) -> dict[str, Any]:
    """Return what passes GPUs through: AMD's by CDI where the engine has it, else by their device files."""
    from docker.types import DeviceRequest  # noqa: PLC0415 - see above

    amd = [gpu for gpu in gpus if gpu.vendor is Vendor.AMD]
    nvidia = [gpu for gpu in gpus if gpu.vendor is Vendor.NVIDIA]
    names = [_cdi_name(about, gpu) for gpu in amd]
    by_cdi = [name for name in names if name] if all(names) else []
    by_file = [] if by_cdi else devices.nodes(amd)
    requests = [DeviceRequest(driver="cdi", device_ids=by_cdi)] if by_cdi else []
    return {
        "devices": [f"{node}:{node}:rw" for node in by_file if Path(node).is_char_device()],
        "device_requests": [*requests, *([_nvidia_request(about, nvidia)] if nvidia else [])],
    }


def _nvidia_request(about: About, gpus: Sequence[Gpu]) -> "DeviceRequest":
    """Return what passes NVIDIA GPUs through, with their libraries: by NVIDIA's own runtime, or its CDI names."""
    from docker.types import DeviceRequest  # noqa: PLC0415 - see above

    names = [gpu.uuid or "all" for gpu in gpus]
    if about.name == "podman":
        return DeviceRequest(driver="cdi", device_ids=[f"nvidia.com/gpu={name}" for name in names])
    return DeviceRequest(driver="nvidia", device_ids=names, capabilities=[["gpu", "compute", "utility"]])


def _cdi_name(about: About, gpu: Gpu) -> str | None:
    """Return the CDI name of a GPU: of the device that has its device file and the fewest others.

    Container Device Interface, SPEC.md: `kind`, and `devices` of `name` and `containerEdits`.
    """
    found = [
        (len(nodes), f"{_CDI_KIND}={name}")
        for spec in _cdi_specs(about.cdi_dirs)
        for name, nodes in spec.items()
        if gpu.node in nodes
    ]
    return min(found)[1] if found else None


def _cdi_specs(dirs: Iterable[str]) -> Iterator[dict[str, set[str]]]:
    """Yield the device files of each AMD device, by its name."""
    for path in sorted(path for each in dirs for path in Path(each).glob("*.json")):
        try:
            spec = json.loads(path.read_bytes())
            if spec["kind"] == _CDI_KIND:
                edits = {each["name"]: each["containerEdits"].get("deviceNodes", ()) for each in spec["devices"]}
                yield {name: {node["path"] for node in nodes} for name, nodes in edits.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # the engine will say what it thinks of it
