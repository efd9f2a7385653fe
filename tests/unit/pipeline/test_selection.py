from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.core.settings import CaseSettings, ContainerSettings, Settings
from harness.pipeline import selection


def test_two_programs_of_one_name_are_refused(tmp_path: Path) -> None:
    paths = [tmp_path / "a" / "x.mlir", tmp_path / "b" / "a" / "x.mlir"]
    for path in paths:
        path.parent.mkdir(parents=True)
        path.write_text("module {}")
    asked = CaseSettings(selectors=tuple(map(str, paths)))
    with pytest.raises(UsageError, match=r"x\.mlir has the name a/x, as .*x\.mlir has; rename it"):
        selection.cases(Settings(cases=asked, container=ContainerSettings(engine="local")))
