"""What is in a folder of specs or of a suite: it is read once, because it may have thousands of files."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.core import strict_json
from harness.core.cases import EMPTY
from harness.host import files
from harness.specs.violations import MAX_BYTES

# The fields by which documents are recognised; a file that has none of these words is not parsed.
_FIELDS = {name: f'"{name}"'.encode() for name in ("extends", "function_run", "mlir", "type")}


class Tree:
    """The files below a folder. Hidden folders, and folders that are links, are left out.

    Attributes:
        root: the folder, without links.
        folders: by folder, sorted, the names of its files, and whether each is a link. A folder that cannot be read
            counts as empty.
    """

    def __init__(self, root: Path) -> None:
        """Read the folders."""
        self.root = root
        self.folders: Mapping[Path, Mapping[str, bool]] = dict(sorted(_folders(root)))
        self._fields: dict[Path, frozenset[str]] = {}

    def files(self, *endings: str) -> Iterator[Path]:
        """Yield every file, or those whose names end so."""
        ending = endings or ("",)
        return (folder / name for folder, names in self.folders.items() for name in names if name.endswith(ending))

    def has(self, path: Path) -> bool:
        """Whether it has a file; a link does not count, because it may lead elsewhere."""
        return self.folders.get(path.parent, EMPTY).get(path.name) is False

    def document(self, path: Path, *fields: str) -> Mapping[str, Any]:
        """Return the object in a JSON file that has the word of one of these fields.

        Nothing if the file has none of them, or no object, or cannot be read.
        """
        known, text = self._fields.get(path), b""
        try:
            if known is None:
                text = files.read(path, MAX_BYTES)
                known = self._fields[path] = frozenset(name for name, word in _FIELDS.items() if word in text)
            if known.isdisjoint(fields):
                return EMPTY
            found = strict_json.parsed(text or files.read(path, MAX_BYTES))
        except (OSError, ValueError):
            return EMPTY
        return found if isinstance(found, dict) else EMPTY


def _folders(root: Path) -> Iterator[tuple[Path, Mapping[str, bool]]]:
    left = [str(root)]
    while left:
        folder = left.pop()
        names: dict[str, bool] = {}
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        left += [] if entry.name.startswith(".") else [entry.path]
                    else:
                        names[entry.name] = entry.is_symlink()
        except OSError:
            continue
        yield Path(folder), names
