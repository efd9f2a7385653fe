"""Devices of Vulkan, as iree-run-module prints them, and the command lines that name them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.core.errors import ToolError
from harness.host.cancel import CancelToken
from harness.host.devices import Gpu, Vendor
from harness.host.process import ProcessResult
from harness.pipeline.device_list import DeviceLister, addressed
from harness.pipeline.tools import ToolEnd, ToolRun
from tests.unit import kfd

# As 3.13.0 prints the first, with the rest of its facts; the others are as drivers of GPUs are known to name them.
PRINTED = """\
# ============================================================================
# Enumerated devices for driver 'vulkan'
# ============================================================================

# ===----------------------------------------------------------------------===
# --device=vulkan://GPU-6d65736132322e332e36000000000000
#   llvmpipe (LLVM 15.0.6, 256 bits) (llvmpipe Mesa 22.3.6 (LLVM 15.0.6))
# ===----------------------------------------------------------------------===
name: llvmpipe (LLVM 15.0.6, 256 bits)
type: cpu

# ===----------------------------------------------------------------------===
# --device=vulkan://GPU-000000000c0000000000000000000000
#   AMD Radeon PRO W7900 (RADV NAVI31)
# ===----------------------------------------------------------------------===

# ===----------------------------------------------------------------------===
# --device=vulkan://GPU-5f2b3c4d000000000000000000000001
#   NVIDIA A100-SXM4-40GB
# ===----------------------------------------------------------------------===
"""
UUID = "GPU-5f2b3c4d-0000-0000-0000-000000000001"


@dataclass
class Printing:
    """Tools that print a text, or cannot be started."""

    text: str | None

    def run(self, asked: ToolRun, cancel: CancelToken) -> ToolEnd:
        del cancel
        assert asked.argv == ("/iree-run-module", "--dump_devices=vulkan")
        if self.text is None:
            raise ToolError("Cannot start it.")
        asked.log_path.write_text(self.text)
        ended = ProcessResult(exit_code=0, signal=None, timed_out=False, seconds=0, cpu_seconds=0, peak_memory_bytes=0)
        return ToolEnd(process=ended, free_bytes=0)


def listed(folder: Path, text: str | None, here: Sequence[Gpu] = ()) -> tuple[Gpu, ...]:
    program = Path("/iree-run-module")
    lister = DeviceLister(program=program, tools=Printing(text), out_dir=folder, cancel=CancelToken())
    found = lister.vulkan(here)
    assert not list(folder.iterdir())
    return found


def test_the_devices_that_are_printed(tmp_path: Path) -> None:
    kfd.gpu_node(tmp_path / "root", 0, kfd.W7900)
    first = kfd.gpu(0)
    amd = Gpu(index=0, vendor=Vendor.AMD, chip="gfx1100", bus_id="0000:0c:00.0", node=first.node)
    nvidia = Gpu(index=1, vendor=Vendor.NVIDIA, chip="sm_80", uuid=UUID, bus_id="0000:07:00.0", node="/dev/nvidia0")
    (tmp_path / "out").mkdir()
    software, radeon, a100 = listed(tmp_path / "out", PRINTED, [amd, nvidia])
    assert (software.chip, software.uuid, software.nodes) == ("llvmpipe", "GPU-6d65736132322e332e36000000000000", ())
    assert str(software) == "GPU 0 (llvmpipe (LLVM 15.0.6, 256 bits) (llvmpipe Mesa 22.3.6 (LLVM 15.0.6)))"
    assert (radeon.chip, radeon.index, radeon.nodes) == (None, 1, (amd.node,))
    assert (a100.bus_id, a100.nodes) == ("0000:07:00.0", ("/dev/nvidia0",))


@pytest.mark.parametrize("text", ["", "UNAVAILABLE; [vkCreateInstance] VK_ERROR_INCOMPATIBLE_DRIVER", None])
def test_no_devices_are_no_error_here(tmp_path: Path, text: str | None) -> None:
    assert listed(tmp_path, text) == ()


def test_devices_that_share_a_uuid_are_named_by_number(tmp_path: Path) -> None:
    twins = listed(tmp_path, PRINTED.replace("5f2b3c4d000000000000000000000001", "000000000c0000000000000000000000"))
    assert [each.uuid for each in twins[1:]] == [None, None]
    argv = ("iree-run-module", "--device=vulkan", "--device=vulkan://1", "--function=f")
    exact = addressed(argv, ("vulkan", "vulkan://1"), twins[1:])
    assert exact == ("iree-run-module", "--device=vulkan://1", "--device=vulkan://2", "--function=f")
    assert addressed(argv, ("vulkan", "vulkan://1"), ()) == argv
