"""Folders that come with the harness, inside an installed package or beside it in a checkout; and its own files."""

import functools
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import harness

PACKAGE = Path(harness.__file__).parent
# The folders of an installed package; pyproject.toml lists them.
DATA = PACKAGE / "data"


def folder(name: str) -> Path:
    """Return the bundled folder of a name such as `quality_tests`, which may be missing in a checkout."""
    installed = DATA / name
    return installed if installed.is_dir() else PACKAGE.parent / name


def sources() -> Iterator[tuple[str, Path]]:
    """Yield the files of the harness with their relative paths, without its bundled folders, in a fixed order."""
    for path in sorted(PACKAGE.rglob("*")):
        name = path.relative_to(PACKAGE)
        if DATA not in path.parents and "__pycache__" not in name.parts and path.is_file():
            yield str(name), path


@functools.cache
def sources_sha256() -> str:
    """Return a digest of the files of the harness."""
    digests = [(name, hashlib.sha256(path.read_bytes()).hexdigest()) for name, path in sources()]
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest()
