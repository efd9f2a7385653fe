from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.core.settings import ContainerSettings, RunSettings, SearchSettings, Settings
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


def test_the_settings_of_a_column() -> None:
    assert Axis.RELEASE.settings(SETTINGS, "3.9.0").release.name == "3.9.0"
    image = Axis.IMAGE.settings(SETTINGS, "rocm-7.2")
    assert (image.container.image, image.container.engine, image.release.name) == ("rocm-7.2", "docker", None)
    words = Axis.HIP.settings(SETTINGS, "/opt/rocm-7.2/lib/libamdhip64.so").run.run_wrapper
    assert words == ("env", "IREE_HIP_DYLIB_PATH=file:/opt/rocm-7.2/lib/libamdhip64.so", "perf", "stat")
