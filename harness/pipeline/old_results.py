"""Removes old folders of results: only those that the harness made, that no process uses, and that no history pins."""

import contextlib
import datetime as dt
import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from harness.core.errors import UsageError
from harness.core.history import RunRecord
from harness.core.values import frozen
from harness.history import recording
from harness.host import locks
from harness.host.beneath import Folder
from harness.host.disk import allocated_bytes
from harness.pipeline.out_dir import LATEST, LOCK
from harness.report import results

_NAME = re.compile(r"(\d{8}T\d{6}Z)(?:-\d{1,3})?")  # as `new_out_dir` makes it
_SEARCH_LOCK = ".search.lock"
# One of them is in each folder of a run, a benchmark or a search that ended, or was killed.
_MARKS = (results.NAME, "bench.json", results.SEARCH_JOURNAL, LOCK)


@frozen
class OldResults:
    """A folder of results.

    Attributes:
        path: the folder.
        bytes: the disk space that it takes.
    """

    path: Path
    bytes: int


@frozen
class Pruned:
    """What became of folders of results.

    Attributes:
        removed: the folders that were removed, or would be.
        pinned: the folders that are old, but pinned.
        in_use: the folders that are old, but in use.
    """

    removed: tuple[OldResults, ...]
    pinned: tuple[Path, ...]
    in_use: tuple[Path, ...]


def prune(
    root: Path, *, keep: int | None, before: dt.datetime | None, pins: Collection[RunRecord], dry_run: bool = False
) -> Pruned:
    """Remove old folders of results, the oldest first.

    Args:
        root: the folder that they are in, such as `results`.
        keep: remove all but so many of the newest; None for none.
        before: remove those of runs that started before; None for none.
        pins: the runs whose results are kept.
        dry_run: remove nothing.

    Raises:
        UsageError: there is no such folder.
    """
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder; expected one with folders of results, such as results.")
    files, removed, pinned, in_use = Folder(root), [], [], []
    for path in _old(files, keep, before):
        if _is_pinned(files, path, pins):
            pinned.append(path)
            continue
        size_bytes = sum(allocated_bytes(state) for _, state in files.walk(path))
        with _unused(files, path) as is_unused:
            if not is_unused:
                in_use.append(path)
                continue
            if not dry_run:
                files.remove(path)
        removed.append(OldResults(path=path, bytes=size_bytes))
    return Pruned(removed=tuple(removed), pinned=tuple(pinned), in_use=tuple(in_use))


def _old(files: Folder, keep: int | None, before: dt.datetime | None) -> list[Path]:
    """Return the folders that are old. The newest, to which `latest` leads, is none of them."""
    found = [(started, path) for path, _ in files.content(files.path) if (started := _started(files, path))]
    newest_first = sorted(found, reverse=True)
    old = [
        path
        for index, (started, path) in enumerate(newest_first)
        if (keep is not None and index >= keep) or (before is not None and started < before)
    ]
    latest = _latest(files)
    return [path for path in reversed(old) if path.name != latest]


def _started(files: Folder, path: Path) -> dt.datetime | None:
    """Return when the run of a folder started; None if it is no folder of results of ours."""
    found = _NAME.fullmatch(path.name)
    if not found or not files.is_folder(path) or not any(files.is_regular(path / mark) for mark in _MARKS):
        return None
    with contextlib.suppress(ValueError):
        return dt.datetime.strptime(found[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
    return None


def _latest(files: Folder) -> str:
    with contextlib.suppress(OSError):
        return str((files.path / LATEST.name).readlink())
    return ""


def _is_pinned(files: Folder, path: Path, pins: Collection[RunRecord]) -> bool:
    """Whether a run is pinned, by its folder, or by its results should the folder have been moved."""
    if not pins:
        return False
    if str(path.absolute()) in {each.folder for each in pins}:
        return True
    with contextlib.suppress(OSError, ValueError):
        text = files.read(path / results.NAME, results.MAX_BYTES)
        return recording.run_id(text) in {each.id for each in pins}
    return False


@contextlib.contextmanager
def _unused(files: Folder, path: Path) -> Iterator[bool]:
    """Yield whether no process writes into a folder, and let none begin meanwhile."""
    with contextlib.ExitStack() as stack:
        for name in (LOCK, _SEARCH_LOCK):
            if files.is_regular(path / name):
                descriptor = locks.try_acquire(files, path / name)
                if descriptor is None:
                    yield False
                    return
                stack.callback(os.close, descriptor)
        yield True
