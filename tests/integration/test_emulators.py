"""Emulators of AMD GPUs: stand-ins for their command lines, which find the HIP runtime of the tests in their root."""

from pathlib import Path

import pytest

from tests.integration import emulator, hip
from tests.integration.laboratory import Laboratory
from tests.integration.warm import HARNESS


@pytest.fixture
def root(tmp_path: Path, hip_library: Path) -> Path:
    """Return a ROCm root with both emulators."""
    return emulator.write_root(tmp_path / "rocm", hip_library)


def test_the_chips_with_a_configuration_are_run(lab: Laboratory, root: Path) -> None:
    hip.sums(lab, "add")
    result = lab.run("--emulator", "auto", "--emulator-root", str(root))
    found = {case["chip"]: (case["status"], case["kind"]) for case in result.report["cases"]}
    assert found == {"gfx942": ("passed", None), "gfx950": ("failed", "crash")}, result.text
    by = f"rocjitsu {emulator.BUILD}"
    good = next(case for case in result.report["cases"] if case["chip"] == "gfx942")
    assert good["devices"][0] == {
        "driver": "hip",
        "name": "Emulated",
        "uuid": f"GPU-{hip.UNIQUE_ID:016x}",
        "chip": "gfx942",
        "emulator": by,
    }
    assert f"emulated by {by}" in result.text
    assert f"emulated by {by}" in (lab.out / "junit.xml").read_text()
    assert f"--emulator auto --emulator-root {root}" in result.text
    shown = lab._of(*HARNESS, "history", "show", "toy/add[rocm-gfx942]").text
    assert f"emulated...{by[-7:]}" in shown, shown


def test_mirage_and_a_chip_that_it_has_not(lab: Laboratory, root: Path) -> None:
    hip.sums(lab, "add")
    options = ("--emulator", "mirage", "--emulator-root", str(root))
    result = lab.run(*options, "--chip", "gfx942", "--chip", "gfx1100")
    found = {case["chip"]: (case["status"], case["kind"]) for case in result.report["cases"]}
    assert found == {"gfx942": ("passed", None), "gfx1100": ("error", "device")}, result.text
    assert f"mirage in {root} has no configuration for gfx1100; expected one of gfx942, gfx950." in result.text
    assert "Mirage (hip, gfx942, GPU-9ba5000000000001, emulated by mirage 10.1.0a20261101" in result.text
