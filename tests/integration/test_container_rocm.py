"""The image for AMD GPUs made of Debian packages: it compiles for them and contains their runtime."""

from collections.abc import Callable, Iterator

import pytest

from tests.integration.dock import ROOT, Dock, Yard

NAME = "rocm-debian"
# CI machines have no GPU. The runtime says so by one of these, if it was loaded at all.
NO_DEVICE = ("hipErrorNoDevice", "hipErrorInvalidDevice")


@pytest.fixture(scope="module")
def rocm_dock(dock: Dock) -> Iterator[Dock]:
    """Return Docker with the image for AMD GPUs; the image for the CPU is built by each of the engines."""
    dock.supplies.add(NAME)
    done = dock.harness("image", "build", NAME)
    assert done.returncode == 0, done.stdout + done.stderr
    yield dock
    dock.engine.api.remove_image(done.stdout.splitlines()[-1].split()[0])


@pytest.fixture
def yard(rocm_dock: Dock, yards: Callable[..., Yard]) -> Yard:
    yard = yards(rocm_dock)
    yard.specs = ROOT / "quality_tests"
    return yard


def test_a_model_is_compiled_for_a_gpu_that_is_not_here(yard: Yard) -> None:
    result = yard.run("tiny/clip", "--image", NAME, "--backend", "rocm", "--chip", "gfx942", "--compile-only")
    assert result.verdict == (0, "compiled", None), result.text
    assert result.report["environment"]["image"]["hip"].endswith("libamdhip64.so.6")


def test_the_runtime_is_loaded_and_finds_no_gpu(yard: Yard) -> None:
    result = yard.run("tiny/clip", "--image", NAME, "--backend", "rocm", "--chip", "gfx942")
    assert result.verdict == (3, "error", "device"), result.text
    assert any(each in yard.log for each in NO_DEVICE), yard.log
    assert "cannot open shared object" not in yard.log
    assert yard.left() == []
