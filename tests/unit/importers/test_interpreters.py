import sys
from pathlib import Path

import pytest

from harness.core.errors import ToolError
from harness.importers.interpreters import RUNNING, interpreter


def test_the_running_python_is_taken_if_it_fits(tmp_path: Path) -> None:
    assert interpreter(RUNNING, tmp_path, offline=True) == Path(sys.executable)
    assert not list(tmp_path.iterdir())


def test_another_python_of_this_machine_is_found(tmp_path: Path) -> None:
    found = interpreter(RUNNING, tmp_path, running="2.7", offline=True)
    assert found.is_file()
    assert found.is_absolute()


def test_a_python_that_is_missing_gets_one_error(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"needs Python 3\.99; run once without --offline\. uv said: .*3\.99"):
        interpreter("3.99", tmp_path, offline=True)
    with pytest.raises(ToolError, match=r"needs Python 3\.99; install it\. uv said: .*3\.99"):
        interpreter("3.99", tmp_path)
