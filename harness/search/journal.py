"""Keeps the progress of a search in a file, so that the same search resumes after an interruption, even by SIGKILL.

The first line of search.jsonl identifies the search; each other line is a tested release.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from harness.core import records, strict_json
from harness.core.errors import UsageError
from harness.host import locks
from harness.host.beneath import Folder
from harness.host.disk import disk_errors
from harness.pipeline.out_dir import RESULTS, new_out_dir
from harness.report.results import SEARCH_JOURNAL

NAME = SEARCH_JOURNAL
_LOCK_NAME = ".search.lock"
_MAX_BYTES = 64 << 20
_END: Mapping[str, Any] = {"end": True}


class SearchJournal:
    """The progress of a search, in a folder that no other process uses meanwhile.

    Attributes:
        folder: the folder of the results.
        lines: the tested releases.
    """

    def __init__(
        self, folder: Path, identity: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], lock: int
    ) -> None:
        """Write the file.

        Args:
            folder: the folder of the results.
            identity: all that the search depends on.
            lines: the releases tested so far.
            lock: descriptor that holds the lock of the folder.
        """
        self.folder, self.lines, self._lock = folder, list(lines), lock
        head = {"question": identity, "key": key(identity)}
        with disk_errors(folder):
            Folder(folder).write(folder / NAME, "".join(map(_line, (head, *self.lines))).encode())

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Unlock the folder."""
        os.close(self._lock)

    def add(self, line: Mapping[str, Any]) -> None:
        """Append a tested release; a process that is killed after this has not lost it."""
        self.lines.append(line)
        self._append(line)

    def end(self) -> None:
        """Append that the search is over, so that it is not resumed."""
        self._append(_END)

    def _append(self, line: Mapping[str, Any]) -> None:
        with disk_errors(self.folder, removable=True), Folder(self.folder).appended(self.folder / NAME) as file:
            file.write(_line(line).encode())


def key(identity: Mapping[str, Any]) -> str:
    """Return the SHA-256 of an identity."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def of_search(out: Path | None, identity: Mapping[str, Any]) -> SearchJournal:
    """Return the journal of a search: in the folder `out`, else in that of an interrupted search, else in a new one.

    Raises:
        UsageError: another search, interrupted or running, is in `out`.
        DiskError: the folder cannot be written.
    """
    folder = new_out_dir(out) if out else interrupted(RESULTS, identity)
    journal = opened(folder, identity) if folder else None
    if journal is None and out:
        raise UsageError(f"{out}: in use by another search; wait until it has ended, or choose another --out.")
    return journal or of_search(new_out_dir(None), identity)


def opened(folder: Path, identity: Mapping[str, Any]) -> SearchJournal | None:
    """Return the journal of a search in a folder, or None if another process uses the folder.

    Raises:
        UsageError: the folder has another interrupted search.
        DiskError: the folder cannot be written.
    """
    with disk_errors(folder):
        lock = locks.try_acquire(Folder(folder), folder / _LOCK_NAME)
    if lock is None:
        return None
    known, lines = read(folder)
    if known in {None, key(identity)}:
        return SearchJournal(folder, identity, lines, lock)
    os.close(lock)
    raise UsageError(f"{folder / NAME}: belongs to another interrupted search; choose another --out, or remove it.")


def interrupted(folders: Path, identity: Mapping[str, Any]) -> Path | None:
    """Return the newest folder below `folders` in which this search was interrupted."""
    found = sorted(path.parent for path in folders.glob(f"*/{NAME}") if not path.parent.is_symlink())
    return next((folder for folder in reversed(found) if read(folder)[0] == key(identity)), None)


def read(folder: Path) -> tuple[str | None, list[Mapping[str, Any]]]:
    """Return the key and the lines of the interrupted search in a folder; without one, None and no lines.

    A last line without a line end is ignored: the process was killed while it wrote it.
    """
    try:
        content = Folder(folder).read(folder / NAME, _MAX_BYTES)
        parsed = [strict_json.loads(line) for line in content.split(b"\n")[:-1] if line.strip()]
        head, *lines = records.read(list[Mapping[str, Any]], parsed)
        return (None, []) if _END in lines else (records.read(str, head.get("key")), lines)
    except (OSError, ValueError):
        return None, []


@contextlib.contextmanager
def malformed(progress: SearchJournal) -> Iterator[None]:
    """Raise a UsageError that names the journal for lines that are not those of its search."""
    try:
        yield
    except records.MalformedError as error:
        raise UsageError(f"{progress.folder / NAME}: {error}; remove the file, or choose another --out.") from error


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value) + "\n"
