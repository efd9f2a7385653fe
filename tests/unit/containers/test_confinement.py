import dataclasses
import json
import os
import resource
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from docker.types import DeviceRequest, Mount, Ulimit

from harness.containers.confinement import ContainerLimits, run_words, settings
from harness.containers.engine_info import EngineInfo
from harness.core.blobs import Blob
from harness.core.callbacks import ignore
from harness.core.cases import Case
from harness.host import devices
from harness.host.cancel import CancelToken
from harness.host.devices import Gpu, Vendor
from harness.pipeline.environment import EnvironmentRequest
from harness.store.store import Store
from tests.unit.kfd import gpu
from tests.unit.samples import CPU, spec

GIB = 1 << 30


def engine(**changes: Any) -> EngineInfo:
    """Return what a default installation of Docker reports."""
    usual: dict[str, Any] = {"rootless": False, "remapped": False, "limits": True}
    usual |= {"selinux": False, "cdi_dirs": ()}
    usual |= {"name": "docker", "version": "28.2.2", "socket": "/run/docker.sock"}
    return EngineInfo(**(usual | changes))


def request(root: Path, **changes: Any) -> EnvironmentRequest:
    wanted: dict[str, Any] = {
        "cases": (),
        "folders": (root / "specs",),
        "store": Store(root / "store"),
        "out_dir": root / "out",
        "gpus": (),
        "cancel": CancelToken(),
        "notice": ignore,
    }
    return EnvironmentRequest(**(wanted | changes))


def host(
    root: Path, info: EngineInfo | None = None, limits: ContainerLimits | None = None, gpus: Sequence[Gpu] = ()
) -> dict[str, Any]:
    found: dict[str, Any] = settings(info or engine(), root, gpus, limits or ContainerLimits(memory_bytes=GIB))["host"]
    return found


USER = f"{os.getuid()}:{os.getgid()}"


@pytest.mark.parametrize(
    ("info", "userns_mode", "security_opt"),
    [
        (engine(), None, ["no-new-privileges"]),
        (engine(name="podman", rootless=True), None, ["no-new-privileges"]),
        (engine(remapped=True), "host", ["no-new-privileges"]),
        (engine(selinux=True), None, ["no-new-privileges", "label=disable"]),
        (engine(name="podman", rootless=True, selinux=True), None, ["no-new-privileges", "label=disable"]),
    ],
    ids=str,
)
def test_the_default_rights_of_a_container(
    tmp_path: Path, info: EngineInfo, userns_mode: str | None, security_opt: list[str]
) -> None:
    found = settings(info, tmp_path, (), ContainerLimits(memory_bytes=GIB))
    limits = found["host"].pop("ulimits")
    assert [each.name for each in limits] == ["nofile", "nproc"]
    assert found == {
        "entrypoint": ["/opt/iree-quality/bin/harness-worker"],
        "user": "0:0",
        "working_dir": "/",
        "environment": {"LANG": "C.UTF-8"},
        "volumes": ["/work"],
        "host": {
            "read_only": True,
            "network_mode": "none",
            "cap_drop": ["ALL"],
            "cap_add": ["SETGID", "SETPCAP", "SETUID"],
            "security_opt": security_opt,
            "userns_mode": userns_mode,
            "pids_limit": 32768,
            "mem_limit": GIB,
            "memswap_limit": GIB,
            "init": True,
            "auto_remove": True,
            "mounts": [Mount("/run/iree-quality", str(tmp_path), type="bind")],
            "tmpfs": {"/tmp": "size=64m"},  # noqa: S108 - the container's own
            "group_add": [],
            "devices": [],
            "device_requests": [],
        },
    }


def test_the_words_that_run_a_container_with_the_same_folders(tmp_path: Path) -> None:
    docker = run_words(engine(selinux=True), request(tmp_path))
    assert docker[:5] == ("docker", "--host", "unix:///run/docker.sock", "run", "--rm")
    shared = (f"--volume={tmp_path}/specs:{tmp_path}/specs:ro", f"--volume={tmp_path}/out:{tmp_path}/out")
    assert {"--network=none", f"--user={USER}", "--security-opt=label=disable", *shared} <= set(docker)
    assert any(word.startswith("--ulimit=nofile=") for word in docker), "an engine may default to more than it can set"
    podman = run_words(engine(name="podman", rootless=True), request(tmp_path, gpus=(amd(),)))
    assert podman[:3] == ("podman", "--url", "unix:///run/docker.sock")
    assert {"--user=0:0", "--device=/dev/null"} <= set(podman)
    assert not {"--gpus=all", "--security-opt=label=disable"} & set(podman)


def test_what_the_user_allows(tmp_path: Path) -> None:
    found = host(tmp_path, limits=ContainerLimits(capabilities=("SYS_NICE", "IPC_LOCK")))
    assert (found["cap_drop"], found["cap_add"]) == (["ALL"], ["SETGID", "SETPCAP", "SETUID", "SYS_NICE", "IPC_LOCK"])
    assert found["mem_limit"] == found["memswap_limit"] == int(devices.memory_bytes()[1] * 0.9)


@pytest.mark.parametrize(
    ("own", "expected"), [((64, 128), (64, 128)), ((64, 1 << 20), (64, 65536)), ((70_000, 80_000), (65536, 65536))]
)
def test_limits_are_never_above_those_of_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: tuple[int, int], expected: tuple[int, int]
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: own)
    assert host(tmp_path)["ulimits"][0] == Ulimit(name="nofile", soft=expected[0], hard=expected[1])
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert host(tmp_path)["ulimits"][0] == Ulimit(name="nofile", soft=65536, hard=65536)


def shared(wanted: EnvironmentRequest) -> list[str]:
    words = run_words(engine(), wanted)
    return [word.removeprefix("--volume=") for word in words if word.startswith("--volume=")]


def test_commands_by_hand_see_each_folder_once(tmp_path: Path) -> None:
    specs, store = tmp_path / "specs", Store(tmp_path / "specs/store")
    wanted = request(tmp_path, folders=(specs, tmp_path / "other", specs), store=store, out_dir=specs / "out")
    read = [f"{path}:{path}:ro" for path in (specs, tmp_path / "other", specs / "store")]
    assert shared(wanted) == [*read, f"{specs}/out:{specs}/out"]


def test_commands_by_hand_see_a_folder_by_the_name_of_its_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert shared(request(tmp_path, folders=(tmp_path / "link",)))[0] == f"{tmp_path}/real:{tmp_path}/link:ro"


def test_commands_by_hand_see_local_files_beside_the_folders(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    inside, outside, odd = tmp_path / "specs/in.bin", tmp_path / "in.bin", tmp_path / "é b%20"
    for path in (inside, outside, odd):
        path.write_text("")
    blobs = [Blob(url=path.as_uri()) for path in (inside, outside, odd, outside, tmp_path / "missing")]
    models = [spec(mlir=blob) for blob in blobs] + [spec(mlir=Blob(url="https://host/x"))]
    wanted = request(tmp_path, cases=[Case(spec=model, target=CPU) for model in models])
    assert shared(wanted)[:3] == [f"{path}:{path}:ro" for path in (tmp_path / "specs", outside, odd)]


def amd(node: str = "/dev/null", index: int = 0) -> Gpu:
    return dataclasses.replace(gpu(index), node=node)


def passed(root: Path, gpus: Sequence[Gpu], **changes: Any) -> tuple[list[str], list[DeviceRequest]]:
    found = host(root, engine(**changes), gpus=gpus)
    return found["devices"], found["device_requests"]


def test_the_device_files_of_the_gpus_that_may_be_used(tmp_path: Path) -> None:
    plain = tmp_path / "renderD128"
    plain.write_text("")
    names = ["/dev/null", "/dev/zero"]
    shared = ["/dev/kfd:/dev/kfd:rw"] if Path("/dev/kfd").is_char_device() else []
    gpus = [amd(name) for name in (*names, str(plain), f"{tmp_path}/missing")]
    assert passed(tmp_path, gpus) == ([*shared, *(f"{name}:{name}:rw" for name in names)], [])
    assert passed(tmp_path, ()) == ([], [])


def test_groups_are_passed_by_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = os.stat

    def stat_of_another_group(path: Any, **options: Any) -> os.stat_result:
        found = stat(path, **options)
        return os.stat_result((*found[:5], 44, *found[6:])) if str(path) == "/dev/null" else found

    monkeypatch.setattr(os, "stat", stat_of_another_group)
    assert devices.nodes((amd(),)) == ("/dev/kfd", "/dev/null")
    theirs = {44, *devices.group_ids((amd("/dev/kfd"),))}
    assert host(tmp_path, gpus=(amd("/dev/null"),))["group_add"] == [str(each) for each in sorted(theirs)]


def cdi(folder: Path, name: str, found: Any) -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(found if isinstance(found, str) else json.dumps(found))
    return str(folder)


def spec_of(kind: str = "amd.com/gpu", **nodes: list[str]) -> dict[str, Any]:
    """Return a CDI specification of devices and their device files."""
    edits = {name: {"deviceNodes": [{"path": path} for path in paths]} for name, paths in nodes.items()}
    return {
        "cdiVersion": "0.6.0",
        "kind": kind,
        "devices": [{"name": n, "containerEdits": e} for n, e in edits.items()],
    }


def by_cdi(*names: str) -> tuple[list[str], list[DeviceRequest]]:
    return [], [DeviceRequest(driver="cdi", device_ids=list(names))]


def test_the_cdi_device_with_the_gpu_and_the_fewest_others(tmp_path: Path) -> None:
    first, second = ["/dev/kfd", "/dev/null", "/dev/dri/card0"], ["/dev/kfd", "/dev/zero"]
    folder = cdi(tmp_path / "cdi", "amd.json", spec_of(all=first + second, gpu0=first, gpu1=second))
    cdi(tmp_path / "cdi", "b.json", spec_of("nvidia.com/gpu", tiny=["/dev/null"]))
    missing = f"{tmp_path}/nosuch"
    assert passed(tmp_path, [amd()], cdi_dirs=(missing, folder)) == by_cdi("amd.com/gpu=gpu0")
    assert passed(tmp_path, [amd("/dev/zero"), amd()], cdi_dirs=(folder,)) == by_cdi(
        "amd.com/gpu=gpu1", "amd.com/gpu=gpu0"
    )
    assert passed(tmp_path, [], cdi_dirs=(folder,)) == ([], [])


def test_device_files_if_cdi_does_not_know_every_gpu(tmp_path: Path) -> None:
    folder = cdi(tmp_path / "cdi", "amd.json", spec_of(gpu0=["/dev/null"]))
    by_file = passed(tmp_path, [amd(), amd("/dev/zero")])
    assert passed(tmp_path, [amd(), amd("/dev/zero")], cdi_dirs=(folder,)) == by_file
    assert passed(tmp_path, [amd()], cdi_dirs=())[1] == []


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "{",
        "[]",
        "null",
        "1",
        {},
        {"kind": "amd.com/gpu"},
        {"kind": "amd.com/gpu", "devices": None},
        {"kind": "amd.com/gpu", "devices": [1]},
        {"kind": "amd.com/gpu", "devices": [{"name": "x"}]},
        {"kind": "amd.com/gpu", "devices": [{"name": "x", "containerEdits": None}]},
        {"kind": "amd.com/gpu", "devices": [{"name": "x", "containerEdits": {"deviceNodes": None}}]},
        {"kind": "amd.com/gpu", "devices": [{"name": "x", "containerEdits": {"deviceNodes": [{}]}}]},
    ],
)
def test_a_broken_cdi_specification_is_ignored(tmp_path: Path, broken: Any) -> None:
    cdi(tmp_path / "cdi", "a.json", broken)
    (tmp_path / "cdi/b.json").mkdir()
    (tmp_path / "cdi/c.json").write_bytes(b"\xff")
    folder = cdi(tmp_path / "cdi", "d.json", spec_of(gpu0=["/dev/null"]))
    assert passed(tmp_path, [amd()], cdi_dirs=(folder,)) == by_cdi("amd.com/gpu=gpu0")


def test_nvidia_by_docker_and_by_podman(tmp_path: Path) -> None:
    gpus = [gpu(1, vendor=Vendor.NVIDIA), dataclasses.replace(gpu(2, vendor=Vendor.NVIDIA), uuid=None)]
    names = [gpus[0].uuid or "", "all"]
    capabilities = [["gpu", "compute", "graphics", "utility"]]
    by_docker = DeviceRequest(driver="nvidia", device_ids=names, capabilities=capabilities)
    assert passed(tmp_path, gpus) == ([], [by_docker])
    by_podman = DeviceRequest(driver="cdi", device_ids=[f"nvidia.com/gpu={name}" for name in names])
    assert passed(tmp_path, gpus, name="podman") == ([], [by_podman])


def test_gpus_of_both_vendors(tmp_path: Path) -> None:
    folder = cdi(tmp_path / "cdi", "amd.json", spec_of(gpu0=["/dev/null"]))
    found = passed(tmp_path, [amd(), gpu(1, vendor=Vendor.NVIDIA)], cdi_dirs=(folder,))[1]
    assert [each["Driver"] for each in found] == ["cdi", "nvidia"]


def test_all_that_renders_is_passed_through_for_vulkan(tmp_path: Path) -> None:
    rendering = Gpu(index=0, vendor=Vendor.VULKAN, chip=None, node="/dev/null")
    assert passed(tmp_path, [rendering]) == (["/dev/null:/dev/null:rw"], [])
    words = run_words(engine(), request(tmp_path, gpus=(rendering,)))
    assert "--device=/dev/null" in words
    assert "--gpus=all" not in words
