from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.core.search_settings import SearchSettings
from harness.core.settings import ContainerSettings, RunSettings, Settings
from harness.search import axis
from harness.search.axis import Axis

SETTINGS = Settings(run=RunSettings(run_wrapper=("perf", "stat")), container=ContainerSettings(engine="docker"))


def test_what_the_columns_are(tmp_path: Path) -> None:
    library = tmp_path / "libamdhip64.so"
    library.touch()
    assert axis.of(SearchSettings()) == (Axis.RELEASE, ())
    assert axis.of(SearchSettings(images=("rocm",))) == (Axis.RELEASE, ()), "one image is that of all releases"
    assert axis.of(SearchSettings(images=("rocm-7.2", "rocm-6.4"))) == (Axis.IMAGE, ("rocm-7.2", "rocm-6.4"))
    assert axis.of(SearchSettings(images=("rocm",), hips=(library,))) == (Axis.HIP, (str(library),))
    with pytest.raises(UsageError, match="expected each once"):
        axis.of(SearchSettings(images=("rocm", "rocm")))
    with pytest.raises(UsageError, match="no such file; expected a HIP runtime"):
        axis.of(SearchSettings(hips=(tmp_path / "none",)))
    with pytest.raises(UsageError, match="cannot be combined with several --image"):
        axis.of(SearchSettings(images=("rocm-7.2", "rocm-6.4"), hips=(library,)))


def test_over_says_what_the_options_have_to_name() -> None:
    images = ("rocm-6.4", "rocm-7.2")
    assert axis.of(SearchSettings(over="images", images=images)) == (Axis.IMAGE, images)
    with pytest.raises(UsageError, match="--over images: name at least two --image"):
        axis.of(SearchSettings(over="images", images=images[:1]))
    with pytest.raises(UsageError, match="--over releases: remove --image"):
        axis.of(SearchSettings(over="releases", images=images))


def test_a_hip_runtime_is_its_content(tmp_path: Path) -> None:
    old, new = tmp_path / "old.so", tmp_path / "new.so"
    old.write_text("1")
    new.write_text("2")
    (_, found) = Axis.HIP.variants(SETTINGS, (str(old), str(new))).values()
    assert (found.name, str(found)) == (str(new), f"{new}@sha256:d4735e3a265e")
    assert found.options == ("--run-wrapper", f"env IREE_HIP_DYLIB_PATH=file:{new} perf stat")
    new.write_text("1")
    with pytest.raises(UsageError, match=r"new.so: the same content as .*old.so \(sha256 6b86b273"):
        Axis.HIP.variants(SETTINGS, (str(old), str(new)))
    assert Axis.RELEASE.variants(SETTINGS, ("3.9.0",)) == {}


def test_the_settings_of_a_column() -> None:
    assert Axis.RELEASE.settings(SETTINGS, "3.9.0").release.name == "3.9.0"
    image = Axis.IMAGE.settings(SETTINGS, "rocm-7.2")
    assert (image.container.image, image.container.engine, image.release.name) == ("rocm-7.2", "docker", None)
    words = Axis.HIP.settings(SETTINGS, "/opt/rocm-7.2/lib/libamdhip64.so").run.run_wrapper
    assert words == ("env", "IREE_HIP_DYLIB_PATH=file:/opt/rocm-7.2/lib/libamdhip64.so", "perf", "stat")
