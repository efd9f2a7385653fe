"""What is in a folder: read once, because a suite has thousands of files."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.core.values import frozen


@frozen
class Tree:
    """The files below a folder. Hidden folders, and folders that are links, are left out.

    Attributes:
        root: the folder, without links.
        folders: by folder, the names of its files, and whether each is a link.
    """

    root: Path
    folders: Mapping[Path, Mapping[str, bool]]

    def files(self, *endings: str) -> Iterator[Path]:
        """Yield every file, or those whose names end so."""
        ending = endings or ("",)
        return (folder / name for folder, names in self.folders.items() for name in names if name.endswith(ending))

    def has(self, path: Path) -> bool:
        """Whether it has a file; a link does not count, because it may lead elsewhere."""
        return self.folders.get(path.parent, {}).get(path.name) is False


def read(root: Path) -> Tree:
    """Return what is below a folder, sorted; a folder that cannot be read counts as empty."""
    return Tree(root=root, folders=dict(sorted(_folders(root))))


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
