"""Records runs that other machines wrote, from their results.json."""

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import UsageError
from harness.history import recording
from harness.history.history import History
from harness.host import files
from harness.host.beneath import Folder
from harness.report import results


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of files of results.

    Attributes:
        new: number of runs that were recorded.
        known: number of runs that the history has already.
        faults: why the other files cannot be read.
    """

    new: int
    known: int
    faults: tuple[str, ...]


def import_all(history: History, project: str, paths: Sequence[Path]) -> Imported:
    """Record the runs of files of results, or of all that are in folders or below them.

    Args:
        history: where to record them.
        project: folder of the project that they are of.
        paths: the files and folders. Searches in them are left out, as they are where they run.

    Raises:
        UsageError: a path does not exist, or there is no file of results.
        DiskError: the history cannot be written.
    """
    new, known, faults = 0, 0, []
    for path, root in [found for each in paths for found in _found(each)]:
        try:
            is_new = _import(history, project, path, root)
        except UsageError as error:
            faults.append(str(error))
            continue
        new, known = new + is_new, known + (not is_new)
    if not new + known + len(faults):
        raise UsageError(f"No {results.NAME} in {', '.join(map(str, paths))} or below; name the folders of results.")
    return Imported(new=new, known=known, faults=tuple(faults))


def _import(history: History, project: str, path: Path, root: Folder | None) -> bool:
    try:
        text = root.read(path, results.MAX_BYTES) if root else files.read(path, results.MAX_BYTES)
        report = results.load(text)
        run = recording.run_record(report, id=recording.run_id(text), project=project, folder=path.parent.absolute())
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read ({files.reason(error)}).") from error
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
    return history.add(run, recording.case_records(report))


def _found(path: Path) -> Iterator[tuple[Path, Folder | None]]:
    """Yield the files of results that a path names, with the folder beneath which no link is followed."""
    if not path.exists():
        raise UsageError(f"{path}: no such file or folder; name a folder of results.")
    if path.is_dir():
        root = Folder(path)
        yield from ((each, root) for each in _below(root, path))
    else:
        yield path, None


def _below(root: Folder, folder: Path) -> Iterator[Path]:
    waiting = [folder]
    while waiting:
        content = root.content(waiting.pop())
        if any(path.name == results.SEARCH_JOURNAL for path, _ in content):
            continue
        waiting += reversed([path for path, state in content if stat.S_ISDIR(state.st_mode)])
        yield from (path for path, state in content if path.name == results.NAME and stat.S_ISREG(state.st_mode))
