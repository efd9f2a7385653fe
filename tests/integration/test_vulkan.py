"""Vulkan on the software driver of Mesa, which the tests need as they need container engines."""

import pytest

from tests.integration.laboratory import Laboratory

pytestmark = pytest.mark.usefixtures("able_to_use_vulkan")


def test_a_program_runs_on_a_device_that_is_named(lab: Laboratory) -> None:
    lab.spec("add_vulkan")
    asked = lab.run("--backend", "vulkan", "--gpu", "0")
    assert asked.verdict == (0, "passed", None), asked.text
    assert asked.case["id"] == "toy/add[vulkan-llvmpipe]"
    assert [word for word in asked.case["commands"]["run"] if word.startswith("--device=vulkan://GPU-")]
    assert "--iree-vulkan-target=llvmpipe" in asked.case["commands"]["compile"]
    assert list((lab.store_dir / "shaders").rglob("*")), "the next run compiles no shader again"
    wrong = lab.run("--backend", "vulkan", "--gpu", "7")
    assert wrong.code == 2, wrong.text
    assert "--gpu 7: no such GPU; expected one of GPU 0 (llvmpipe" in wrong.text


def test_a_release_that_hides_the_driver_and_a_machine_without_one(lab: Laboratory) -> None:
    lab.spec("add_vulkan")
    unknown = lab.run("--backend", "vulkan", "--iree", "3.11.0")
    assert unknown.verdict == (3, "unsupported", None), unknown.text
    assert unknown.case["reason"] == "IREE 3.11.0 cannot compile for llvmpipe; supported in 3.12.0 and later"
    hidden = lab.run("--backend", "vulkan", "--iree", "3.11.0", "--chip", "vp_android_baseline_2022")
    assert hidden.verdict == (3, "unsupported", None), hidden.text
    assert hidden.case["reason"].startswith("this release hides the device of Vulkan: NOT_FOUND; physical device 0")
    nowhere = dict.fromkeys(("VK_ICD_FILENAMES", "VK_DRIVER_FILES"), "/nowhere.json")
    without = lab.run("--backend", "vulkan", environment=lab.environment | nowhere)
    assert without.verdict == (3, "error", "device"), without.text
    assert "VK_ERROR_INCOMPATIBLE_DRIVER" in without.case["reason"]


def test_an_old_release_compiles_for_a_chip_that_is_not_here(lab: Laboratory) -> None:
    lab.spec("add_vulkan")
    compiled = lab.run("--backend", "vulkan", "--compile-chip", "rdna3", "--iree", "3.0.0")
    assert compiled.verdict == (0, "compiled", None), compiled.text
