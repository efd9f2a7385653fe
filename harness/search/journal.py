"""The only place that keeps the log book of a search: which question it is of, and a line for all that was seen.

A search that was interrupted, even by SIGKILL, goes on from its log book when the same is asked again.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from harness.core.errors import UsageError
from harness.host import locks
from harness.host.disk import disk_errors, write_atomically
from harness.pipeline.out_dir import RESULTS, new_out_dir

NAME = "search.jsonl"
_LOCK_NAME = ".search.lock"
_END: Mapping[str, Any] = {"end": True}


class Logbook:
    """What was seen in a search so far, in a folder that no other process uses meanwhile."""

    def __init__(
        self, folder: Path, question: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], lock: int
    ) -> None:
        """Begin with what is known; see `opened`."""
        self.folder, self.lines, self._lock = folder, list(lines), lock
        head = {"question": question, "key": key(question)}
        with disk_errors(folder):
            write_atomically(folder / NAME, "".join(map(_line, (head, *self.lines))))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let others have the folder."""
        os.close(self._lock)

    def add(self, line: Mapping[str, Any]) -> None:
        """Keep a line; once this returns, a process that is killed has not lost it."""
        self.lines.append(line)
        self._append(line)

    def end(self) -> None:
        """Note that there is nothing to go on with."""
        self._append(_END)

    def _append(self, line: Mapping[str, Any]) -> None:
        with disk_errors(self.folder), (self.folder / NAME).open("a", encoding="utf-8") as file:
            file.write(_line(line))


def key(question: Mapping[str, Any]) -> str:
    """Return what stands for a question."""
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()


def of_question(out: Path | None, question: Mapping[str, Any]) -> Logbook:
    """Return the log book of a question: in the folder named, or where it was interrupted, or in a new folder.

    Raises:
        UsageError: the folder named has an interrupted search of another question, or another process is at it.
        DiskError: it cannot be written.
    """
    folder = new_out_dir(out) if out else interrupted(RESULTS, question)
    book = opened(folder, question) if folder else None
    if book is None and out:
        raise UsageError(f"{out}: another process has a search in it; wait for it, or name another --out.")
    return book or of_question(new_out_dir(None), question)


def opened(folder: Path, question: Mapping[str, Any]) -> Logbook | None:
    """Return the log book of a folder: that of the same question if it was interrupted, else a new one.

    None if another process is at it.

    Raises:
        UsageError: the folder has an interrupted search of another question.
        DiskError: it cannot be written.
    """
    with disk_errors(folder):
        lock = locks.try_acquire(folder / _LOCK_NAME)
    if lock is None:
        return None
    known, lines = read(folder)
    if known in {None, key(question)}:
        return Logbook(folder, question, lines, lock)
    os.close(lock)
    said = "this is of another search, which was interrupted"
    raise UsageError(f"{folder / NAME}: {said}; name another --out, or remove it.")


def interrupted(folders: Path, question: Mapping[str, Any]) -> Path | None:
    """Return the newest folder below one that has the interrupted search of a question."""
    found = sorted(path.parent for path in folders.glob(f"*/{NAME}") if not path.parent.is_symlink())
    return next((folder for folder in reversed(found) if read(folder)[0] == key(question)), None)


def read(folder: Path) -> tuple[str | None, list[Mapping[str, Any]]]:
    """Return the key of the interrupted search in a folder, and its lines; None if there is none.

    The last line may have been cut off.
    """
    try:
        text = (folder / NAME).read_text(encoding="utf-8")
        head, *lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
        return (None, []) if _END in lines else (str(head["key"]), lines)
    except (OSError, ValueError, KeyError, TypeError):
        return None, []


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value) + "\n"
