"""Libraries of NVIDIA's driver, as far as the harness calls or names them: stand-ins with the same entry points."""

import subprocess
from pathlib import Path

from harness.host import nvml
from tests.integration.laboratory import Laboratory

# Source: NVML API reference. Of the GPUs, one is known, and one fails to tell.
NVML = """
#include <string.h>
int nvmlInit_v2(void) { return 0; }
int nvmlShutdown(void) { return 0; }
int nvmlDeviceGetHandleByPciBusId_v2(const char *bus, void **device) {
  *device = strcmp(bus, "0000:07:00.0") ? device : 0;
  return strcmp(bus, "0000:ff:00.0") ? 0 : 6;
}
int nvmlDeviceGetCudaComputeCapability(void *device, int *major, int *minor) {
  *major = 9, *minor = 0;
  return device ? 3 : 0;
}
"""


def library(path: Path, source: str) -> Path:
    """Compile a library."""
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", path], input=source.encode(), check=True)
    return path


def test_the_driver_tells_the_chips_of_gpus(tmp_path: Path) -> None:
    here = str(library(tmp_path / "libnvidia-ml.so.1", NVML))
    assert nvml.chips(["0000:07:00.0", "0000:08:00.0", "0000:ff:00.0"], here) == {"0000:07:00.0": "sm_90"}
    assert nvml.chips(["0000:07:00.0"], str(tmp_path / "none.so")) == {}
    failing = library(tmp_path / "failing.so", "int nvmlInit_v2(void) { return 9; }")
    assert nvml.chips(["0000:07:00.0"], str(failing)) == {}


def test_the_driver_is_found_where_it_has_no_link_for_developers(lab: Laboratory) -> None:
    lab.spec("add_cuda")
    library(lab.root / "driver" / "libcuda.so.1", "int nothing;")
    missing = lab.run("--chip", "sm_90")
    assert missing.verdict == (3, "error", "device"), missing.text
    assert "CUDA driver library" in missing.case["reason"]
    notes = " ".join(missing.case["notes"])
    assert "IREE 3.13.0 does not know sm_90, so it compiles for sm_80, whose code runs there" in notes
    found = lab.run("--chip", "sm_90", environment=lab.environment | {"LD_LIBRARY_PATH": str(lab.root / "driver")})
    assert found.code == 3, found.text
    assert "CUDA driver library" not in found.case["reason"]
