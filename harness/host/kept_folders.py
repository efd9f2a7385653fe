"""Keeps folders open that are used thousands of times."""

import os
import weakref
from collections.abc import Iterable
from pathlib import Path


class KeptFolders:
    """Folders right beneath a folder, each open from its first use until nothing refers to this object.

    Another folder may have taken the place of one, so it is looked at before each use.

    Attributes:
        descriptors: those that are open.
    """

    def __init__(self, path: Path, names: Iterable[str]) -> None:
        """Open nothing yet.

        Args:
            path: the folder above.
            names: those to keep.
        """
        self.descriptors: set[int] = set()
        self._above, self._names = f"{path}/", frozenset(names)
        self._opened: dict[str, tuple[int, os.stat_result]] = {}
        weakref.finalize(self, _close, self.descriptors)

    def descriptor(self, name: str) -> int:
        """Return the descriptor of a folder; -1 if it has to be opened."""
        if name not in self._opened:
            return -1
        descriptor, before = self._opened[name]
        try:
            now = os.lstat(self._above + name)
        except OSError:
            return -1
        return descriptor if (now.st_ino, now.st_dev) == (before.st_ino, before.st_dev) else -1

    def keep(self, name: str, descriptor: int) -> None:
        """Take the descriptor of a folder that was opened by its name, if it is one to keep."""
        if name in self._names:
            self._opened[name] = descriptor, os.fstat(descriptor)
            self.descriptors.add(descriptor)


def _close(descriptors: set[int]) -> None:
    for each in descriptors:
        os.close(each)
