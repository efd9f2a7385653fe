"""An image with an emulator of AMD GPUs: its wheels are pinned, and models run in a container of it without a GPU."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from containers.pin_images import pin_wheels
from tests.integration import documents, emulator, hip
from tests.integration.dock import Dock, Yard
from tests.integration.test_image import output_of
from tests.integration.warm import HARNESS, ran
from tests.unit.pages import Parsed

NAME = "rocm-emulated"
ROOT = "/opt/iree-quality/wheels/_rocm_sdk_devel"


def test_models_run_on_emulated_gpus_in_a_container(
    dock: Dock, yards: Callable[..., Yard], hip_library: Path, server: str, tmp_path: Path
) -> None:
    yard = yards(dock, can_build=True)
    hip.sums(yard, "add")
    emulator.write_index(tmp_path / "www/simple", hip_library)
    asked = ("--emulator", "auto", "--image", NAME, "--wheel-index", f"{server}/simple/")
    refused = yard.run(*asked)
    assert refused.code == 2
    assert f"{NAME}: its wheels (rocm-sdk-core>=10.1.0a0, rocm-sdk-devel>=10.1.0a0) are not pinned" in refused.text
    assert f"run `nox -s pins -- {NAME}`" in refused.text
    changes = list(pin_wheels(yard.containers, NAME, index=f"{server}/simple/"))
    assert changes == [f"added {package} {emulator.VERSION}" for package in ("rocm-sdk-core", "rocm-sdk-devel")]

    result = yard.run(*asked)
    assert (yard.out / "results.json").exists(), result.text
    found = {case["chip"]: (case["status"], case["kind"]) for case in result.report["cases"]}
    assert found == {"gfx942": ("passed", None), "gfx950": ("failed", "crash")}, result.text
    by = f"rocjitsu {emulator.BUILD}"
    (device,) = next(case["devices"] for case in result.report["cases"] if case["chip"] == "gfx942")
    assert (device["name"], device["emulator"]) == ("Emulated", by)
    argv = next(case["commands"]["run"] for case in result.report["cases"] if case["chip"] == "gfx942")
    assert argv[3:5] == [f"{ROOT}/bin/rocjitsu", "--config"]
    assert f"emulated by {by}" in result.text
    assert f"emulated by {by}" in (yard.out / "junit.xml").read_text()
    page = Parsed((yard.out / "report.html").read_text())
    assert all(f"emulated by {by}" in device for each in page.details for device in each["devices"])
    command = (*HARNESS, "history", "show", "toy/add[rocm-gfx942]")
    shown = ran(command, cwd=yard.root, env=yard.variables).stdout
    assert f"emulated...{by[-7:]}" in shown, shown
    image = result.report["environment"]["image"]["reference"]
    wheels = (tmp_path / "www/simple").glob("*/*.whl")
    _check_documents(dock, image, {hashlib.sha256(each.read_bytes()).hexdigest() for each in wheels})
    assert yard.left() == []
    dock.engine.api.remove_image(image)


def _check_documents(dock: Dock, image: str, digests: set[str]) -> None:
    """Check that the bill of materials and the provenance of an image have its wheels, with AMD's index."""
    where = f"{emulator.VERSION}?repository_url=https:%2F%2Frocm.nightlies.amd.com%2Fwhl-multi-arch%2F"
    purls = {f"pkg:pypi/{package}@{where}" for package in ("rocm-sdk-core", "rocm-sdk-devel")}
    components = documents.sbom(output_of(dock, "cat", "/opt/iree-quality/sbom.json", image=image))["components"]
    assert purls <= {each.get("purl") for each in components}
    made = documents.provenance(output_of(dock, "cat", "/opt/iree-quality/provenance.json", image=image))
    inputs = made["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert {each["digest"]["sha256"] for each in inputs if each.get("uri") in purls} == digests
