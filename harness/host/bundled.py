"""Folders that come with the harness: inside an installed package, or beside it in a checkout."""

from pathlib import Path

import harness

PACKAGE = Path(harness.__file__).parent
# The folders of an installed package; pyproject.toml lists them.
DATA = PACKAGE / "data"


def folder(name: str) -> Path:
    """Return the bundled folder of a name such as `quality_tests`, which may be missing in a checkout."""
    installed = DATA / name
    return installed if installed.is_dir() else PACKAGE.parent / name
