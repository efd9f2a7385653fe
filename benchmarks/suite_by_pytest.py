"""Does what `suite_by_script.py` does as tests, one for each model, so that pytest-xdist runs several at once.

SUITE='CONTAINER_URL FOLDER TOOLS NAME...' python -m pytest -n 2 suite_by_pytest.py
"""

import os
from pathlib import Path

import pytest
import suite_by_script

CONTAINER, FOLDER, TOOLS, *NAMES = os.environ["SUITE"].split()


@pytest.mark.parametrize("name", NAMES)
def test_model(name: str) -> None:
    """Run a model."""
    Path(FOLDER).mkdir(exist_ok=True)
    assert suite_by_script.result(CONTAINER, Path(FOLDER), TOOLS, name) == "passed"
