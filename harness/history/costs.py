"""What cases took before: their time and memory, from their newest results."""

from collections.abc import Collection, Mapping
from typing import Any

from harness.core.history import Cost
from harness.history import database
from harness.history.history import History

_NEWEST = 5  # results of a case that are looked at: the last one may have ended early
_QUERY = """
    SELECT cases.compile_seconds, cases.compile_memory_bytes, cases.run_seconds, cases.peak_memory_bytes
    FROM cases JOIN runs ON runs.number = cases.run
    WHERE cases.id = :id AND (:project IS NULL OR runs.project = :project)
    ORDER BY runs.started DESC, runs.number DESC LIMIT :newest
"""


def costs(history: History, ids: Collection[str]) -> Mapping[str, Cost]:
    """Return what each of these cases took, whatever the release; nothing of one that has no results.

    Raises:
        DiskError: the history cannot be read.
    """

    def act(connection: database.Connection) -> dict[str, Cost]:
        found = {}
        for name in ids:
            values = {"project": history.project, "id": name, "newest": _NEWEST}
            if rows := connection.execute(_QUERY, values).fetchall():
                compiled_s, compile_bytes, ran_s, run_bytes = map(_newest, zip(*rows, strict=True))
                found[name] = Cost(
                    compile_seconds=compiled_s,
                    compile_memory_bytes=compile_bytes,
                    run_seconds=ran_s,
                    peak_memory_bytes=run_bytes,
                )
        return found

    return database.read(history.path, act) or {}


def _newest(column: tuple[Any, ...]) -> Any:
    """Return the newest value that is known."""
    return next((each for each in column if each is not None), None)
