"""Records runs that other machines wrote, from their results.json."""

from collections.abc import Sequence
from pathlib import Path

from harness.core.errors import UsageError
from harness.core.values import frozen
from harness.history import recording
from harness.history.history import History
from harness.report import result_files, results
from harness.report.result_files import ResultFile


@frozen
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
    for each in result_files.found(paths):
        try:
            is_new = _import(history, project, each)
        except UsageError as error:
            faults.append(str(error))
            continue
        new, known = new + is_new, known + (not is_new)
    if not new + known + len(faults):
        raise UsageError(f"No {results.NAME} in {', '.join(map(str, paths))} or below; name the folders of results.")
    return Imported(new=new, known=known, faults=tuple(faults))


def _import(history: History, project: str, each: ResultFile) -> bool:
    text = each.read()
    try:
        report = results.load(text)
        folder = each.path.parent.absolute()
        run = recording.run_record(report, id=recording.run_id(text), project=project, folder=folder)
    except UsageError as error:
        raise UsageError(f"{each.path}: {error}") from error
    return history.add(run, recording.case_records(report))
