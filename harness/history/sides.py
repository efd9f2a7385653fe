"""Finds the side of a comparison that a name stands for: a run, a folder of results, or what the history has."""

from pathlib import Path

from harness.core.comparisons import Side
from harness.core.errors import UsageError
from harness.core.history import HistorySettings, Recorded
from harness.history import recording
from harness.history.history import KEYS, History, generations
from harness.host import files
from harness.report import results

_FORMS = "a folder of results, `last`, `last~1`, `run:ID`, " + ", ".join(f"`{key}:...`" for key in KEYS)


def side(name: str, settings: HistorySettings) -> Side:
    """Return a side.

    Args:
        name: a folder of results or its results.json; `last`, or `last~2` for the second run before it; `run:ID`; or
            `release:3.9.0`, `chip:gfx942`, `branch:main` or `commit:1a2b3c` for the newest result of each such case.
        settings: where the history is.

    Raises:
        UsageError: there is no such side, or its results cannot be read.
        DiskError: the history cannot be read.
    """
    key, colon, value = name.partition(":")
    if generations(name) is not None or (colon and key == "run"):
        run, cases = History.of(settings).run(name if generations(name) is not None else value)
        found = [Recorded(run=run, case=case) for case in cases]
    elif colon and key in KEYS:
        found = History.of(settings).newest(key, value)
    else:
        found = _written(name)
    if not found:
        raise UsageError(f"{name}: no such result in the history; `harness history` lists the runs.")
    return Side(name=name, cases=tuple(found))


def _written(name: str) -> list[Recorded]:
    path = Path(name) / results.NAME if Path(name).is_dir() else Path(name)
    if not path.exists():
        raise UsageError(f"{name}: no such side; expected {_FORMS}.")
    report = results.read(path)
    try:
        run_id = recording.run_id(files.read(path, results.MAX_BYTES))
        run = recording.run_record(report, id=run_id, project="", folder=path.parent)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read ({files.reason(error)}).") from error
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
    cases = [Recorded(run=run, case=case) for case in recording.case_records(report)]
    if not cases:
        raise UsageError(f"{path}: has no case to compare.")
    return cases
