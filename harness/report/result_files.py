"""Finds the files of results in folders, such as the unpacked artifacts of CI."""

import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.core.errors import UsageError
from harness.core.values import frozen
from harness.host import files
from harness.host.beneath import Folder
from harness.report import results


@frozen
class ResultFile:
    """A file of results.

    Attributes:
        path: its path.
        root: the folder beneath which no link is followed; None if the file itself was named.
    """

    path: Path
    root: Folder | None

    def read(self) -> bytes:
        """Return its bytes.

        Raises:
            UsageError: it cannot be read.
        """
        try:
            read = self.root.read if self.root else files.read
            return read(self.path, results.MAX_BYTES)
        except (OSError, ValueError) as error:
            raise UsageError(f"{self.path}: cannot be read ({files.reason(error)}).") from error


def found(paths: Sequence[Path]) -> Iterator[ResultFile]:
    """Yield the files that paths name: each a file, or a folder with files of results in it or below it.

    Searches in a folder are left out: their results are those of other releases.

    Raises:
        UsageError: there is no such path.
    """
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder; name a folder of results.")
        if path.is_dir():
            root = Folder(path)
            yield from (ResultFile(path=each, root=root) for each in _below(root, path))
        else:
            yield ResultFile(path=path, root=None)


def _below(root: Folder, folder: Path) -> Iterator[Path]:
    waiting = [folder]
    while waiting:
        content = root.content(waiting.pop())
        if any(path.name == results.SEARCH_JOURNAL for path, _ in content):
            continue
        waiting += reversed([path for path, state in content if stat.S_ISDIR(state.st_mode)])
        yield from (path for path, state in content if path.name == results.NAME and stat.S_ISREG(state.st_mode))
