"""Whether a process can use a GPU. Device files that only root can make are real ones."""

import os
import stat
from pathlib import Path

import pytest

from harness.host import devices
from harness.host.devices import Vendor
from tests.unit import kfd
from tests.unit.users import needs_root, without_rights


def test_nothing_is_missing_if_all_device_files_can_be_opened(tmp_path: Path) -> None:
    for gpu in (kfd.gpu(), kfd.gpu(1, vendor=Vendor.NVIDIA)):
        kfd.device_files(tmp_path, [gpu])
        assert devices.missing(gpu, tmp_path) == ""


def test_a_missing_device_file(tmp_path: Path) -> None:
    amd, nvidia = kfd.gpu(), kfd.gpu(1, chip=None, sku=None, vendor=Vendor.NVIDIA)
    assert devices.missing(amd, tmp_path) == (
        f"{tmp_path}/dev/kfd does not exist, so GPU 0 (gfx942, mi300) cannot be used: load the driver (sudo modprobe "
        "amdgpu), or pass the device to the container (--device /dev/kfd); Docker Desktop has no GPUs."
    )
    kfd.device_files(tmp_path, [amd, nvidia])
    (tmp_path / "dev/dri/renderD128").unlink()
    assert f"{tmp_path}/dev/dri/renderD128 does not exist" in devices.missing(amd, tmp_path)
    (tmp_path / "dev/nvidia-uvm").unlink()
    assert "sudo modprobe nvidia-uvm" in devices.missing(nvidia, tmp_path)
    (tmp_path / "dev/nvidiactl").unlink()
    assert "sudo modprobe nvidia)" in devices.missing(nvidia, tmp_path)


@pytest.mark.parametrize("node", ["dev/kfd", "dev/dri/renderD128"])
def test_a_file_that_is_not_a_device(tmp_path: Path, node: str) -> None:
    gpu = kfd.gpu()
    kfd.device_files(tmp_path, [gpu])
    (tmp_path / node).unlink()
    kfd.write(tmp_path, node, "made by a program that found a writable /dev")
    assert devices.missing(gpu, tmp_path).startswith(f"{tmp_path / node} is not a character device, so GPU 0 ")


def device(path: Path, mode: int, group: int, numbers: tuple[int, int] = (1, 3)) -> None:
    """Make a device file, by default with the numbers of /dev/null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.mknod(path, stat.S_IFCHR, os.makedev(*numbers))
    path.chmod(mode)
    os.chown(path, 0, group)


@needs_root
def test_a_device_that_fails_when_it_is_opened(tmp_path: Path) -> None:
    gpu = kfd.gpu()
    kfd.device_files(tmp_path, [gpu])
    node = tmp_path / "dev/dri/renderD128"
    device(node, 0o666, 0, numbers=(511, 4711))  # no driver has it; a container's device rules refuse as late
    found = devices.missing(gpu, tmp_path)
    assert found.startswith(f"{node} cannot be opened (No such device or address), so GPU 0 ")
    assert found.endswith("(--device /dev/dri/renderD128), or reload the driver (sudo modprobe amdgpu).")


@needs_root
@pytest.mark.parametrize(
    ("mode", "group", "fix"),
    [
        (
            0o660,
            44,
            "it belongs to group video (44); join it (sudo usermod -aG video $USER) and log in again, or start",
        ),
        (0o660, 54321, "it belongs to group 54321 (54321); join it (sudo usermod -aG 54321 $USER)"),
        (0o600, 44, "give a group access (sudo chgrp render "),
        (0o640, 44, "give a group access (sudo chgrp render "),
        (0o660, 0, "give a group access (sudo chgrp render "),
        (0o666, 0, ""),
    ],
)
def test_a_device_without_access(public_dir: Path, mode: int, group: int, fix: str) -> None:
    gpu = kfd.gpu()
    device(public_dir / "dev/kfd", mode, group)
    device(public_dir / "dev/dri/renderD128", 0o666, 0)
    with without_rights():
        found = devices.missing(gpu, public_dir)
    reason = f"{public_dir}/dev/kfd is not accessible to this user, so GPU 0 (gfx942, mi300) cannot be used: {fix}"
    assert found.startswith(reason) if fix else found == ""


@needs_root
def test_groups_are_those_of_real_devices_except_root(tmp_path: Path) -> None:
    gpus = [kfd.gpu(index) for index in range(4)]
    for node, group in (("kfd", 993), ("dri/renderD128", 993), ("dri/renderD129", 44), ("dri/renderD130", 0)):
        device(tmp_path / "dev" / node, 0o660, group)
    os.chown(kfd.write(tmp_path, "dev/dri/renderD131", ""), 0, 77)
    assert devices.group_ids(gpus, tmp_path) == (44, 993)
    assert devices.group_ids(gpus[:1], tmp_path) == (993,)
    assert devices.group_ids([], tmp_path) == ()
    assert devices.group_ids(gpus, tmp_path / "nowhere") == ()
