"""Which devices a run gets, as the program lists them."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.core.devices import Device, shown
from harness.host.cancel import CancelToken
from harness.host.process import ProcessResult
from harness.pipeline.tools import ToolEnd, ToolRun
from harness.pipeline.used_devices import UsedDevices

RULE = f"# ===----{'-' * 60}===\n"
# As iree-run-module 3.13.0 prints devices; the driver of Vulkan says nothing of an architecture.
HIP = "".join(
    f"{RULE}# --device=hip://GPU-39626135-3030-3030-3030-30303030303{number}\n#   AMD Instinct MI300X\n{RULE}\n"
    "- amdhip64_dylib_path: /opt/rocm/lib/libamdhip64.so\n- gpu-arch-name: gfx942:sramecc+:xnack-\n\n"
    for number in (1, 2)
)
LLVMPIPE = "00000000-1e5f-86d1-a5b5-77cd1b31fbc2"
VULKAN = f"{RULE}# --device=vulkan://{LLVMPIPE}\n#   llvmpipe (LLVM 15.0.6, 256 bits)\n{RULE}"
FIRST, SECOND = (
    Device(driver="hip", name="AMD Instinct MI300X", uuid=f"GPU-9ba500000000000{number}", chip="gfx942")
    for number in (1, 2)
)
SOFTWARE = Device(driver="vulkan", name="llvmpipe (LLVM 15.0.6, 256 bits)", uuid=LLVMPIPE)


@dataclass
class Lister:
    """Prints devices."""

    argvs: list[tuple[str, ...]] = field(default_factory=list)

    def run(self, asked: ToolRun, cancel: CancelToken) -> ToolEnd:
        del cancel
        self.argvs.append(asked.argv)
        driver = asked.argv[-1].partition("=")[2]
        asked.log_path.write_text({"hip": HIP, "vulkan": VULKAN}.get(driver, "UNAVAILABLE; no driver\n"))
        end = ProcessResult(
            exit_code=0, signal=None, timed_out=False, seconds=0.1, cpu_seconds=0.1, peak_memory_bytes=1
        )
        return ToolEnd(process=end, free_bytes=1)


def run(folder: Path, *devices: str, gpu: str = "0") -> ToolRun:
    options = [f"--device={each}" for each in devices]
    return ToolRun(
        argv=("wrap", "/iree-run-module", *options, "--module=m.vmfb"),
        folder=folder,
        log_path=folder / "run.log",
        timeout_s=5,
        variables={"HIP_VISIBLE_DEVICES": gpu},
    )


@pytest.mark.parametrize(
    ("devices", "used"),
    [
        (["hip"], [FIRST]),
        (["hip://0", "hip://1"], [FIRST, SECOND]),
        (["hip://GPU-39626135-3030-3030-3030-303030303032"], [SECOND]),
        (["hip://GPU-9ba5000000000002"], [SECOND]),
        ([f"vulkan://{LLVMPIPE}"], [SOFTWARE]),
        (["local-task"], []),
        (["cuda"], []),
        (["hip://7"], []),
    ],
)
def test_the_devices_of_options(tmp_path: Path, devices: list[str], used: list[Device]) -> None:
    found = UsedDevices().of(run(tmp_path, *devices), "/iree-run-module", Lister(), CancelToken())
    assert [*found] == used
    assert not [*tmp_path.iterdir()]


def test_the_program_is_asked_once_for_each_driver_and_environment(tmp_path: Path) -> None:
    lister, devices = Lister(), UsedDevices(emulator="rocjitsu 0.3.0")
    for gpu in ("0", "0", "1"):
        found = devices.of(run(tmp_path, "hip", gpu=gpu), "/iree-run-module", lister, CancelToken())
    assert lister.argvs == [("wrap", "/iree-run-module", "--dump_devices=hip")] * 2
    assert shown(found) == "AMD Instinct MI300X (hip, gfx942, GPU-9ba5000000000001, emulated by rocjitsu 0.3.0)"
