from pathlib import Path

import pytest

from harness.core.cases import Backend, Case, Target
from harness.core.errors import UsageError
from harness.core.settings import CaseSettings, ContainerSettings, Settings
from harness.host.devices import Vendor, render_nodes
from harness.pipeline import selection
from tests.unit import kfd
from tests.unit.samples import spec


def test_two_programs_of_one_name_are_refused(tmp_path: Path) -> None:
    paths = [tmp_path / "a" / "x.mlir", tmp_path / "b" / "a" / "x.mlir"]
    for path in paths:
        path.parent.mkdir(parents=True)
        path.write_text("module {}")
    asked = CaseSettings(selectors=tuple(map(str, paths)))
    with pytest.raises(UsageError, match=r"x\.mlir has the name a/x, as .*x\.mlir has; rename it"):
        selection.cases(Settings(cases=asked, container=ContainerSettings(engine="local")))


@pytest.mark.parametrize(
    ("backend", "compile_only", "wanted"),
    [
        (Backend.CPU, False, []),
        (Backend.ROCM, False, [0]),
        (Backend.ROCM, True, []),
        (Backend.CUDA, False, [1]),
        (Backend.VULKAN, True, []),
        (Backend.VULKAN, False, [1]),
    ],
)
def test_a_container_gets_the_gpus_on_which_something_runs(
    backend: Backend,
    compile_only: bool,  # noqa: FBT001
    wanted: list[int],
) -> None:
    here = (kfd.gpu(0), kfd.gpu(1, chip="sm_80", sku=None, vendor=Vendor.NVIDIA))
    case = Case(spec=spec(), target=Target(backend=backend, chip="a", compile_only=compile_only))
    is_rendering = backend is Backend.VULKAN and not compile_only
    rendering = render_nodes() if is_rendering else ()
    assert selection.gpus_for([case], here) == (*(here[index] for index in wanted), *rendering)
    assert selection.needs_vulkan([case]) is is_rendering
