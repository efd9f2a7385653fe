"""Folders that come with the harness: inside an installed package, or beside it in a checkout."""

from pathlib import Path

import harness

PACKAGE = Path(harness.__file__).parent
# Where an installed package has them; pyproject.toml says what goes there.
DATA = PACKAGE / "data"


def folder(name: str) -> Path:
    """Return the folder of a name such as `quality_tests`; in a checkout it may be missing."""
    installed = DATA / name
    return installed if installed.is_dir() else PACKAGE.parent / name
