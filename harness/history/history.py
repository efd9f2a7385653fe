"""The history of all runs: records them, and finds the results of a case before."""

import functools
import operator
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Self, TypeVar

from harness.core.errors import UsageError
from harness.core.history import CaseRecord, Flakiness, HistorySettings, Recorded, RunRecord, RunSummary
from harness.core.statuses import Kind, Status
from harness.history import database
from harness.host import checkout

_RUN = tuple(each.name for each in fields(RunRecord))
_CASE = tuple(each.name for each in fields(CaseRecord))
_VALUES = operator.attrgetter(*_CASE)
# Every value is a parameter. The names of columns are those of the dataclasses.
_NEWEST_FIRST = "ORDER BY runs.started DESC, runs.number DESC"
_OURS = "(:project IS NULL OR runs.project = :project)"
# By what `newest` can choose results.
_CONDITIONS: Mapping[str, str] = {
    "": "TRUE",
    "case": "cases.id = :value",
    "release": "cases.release = :value",
    "chip": "cases.chip = :value",
    "branch": "runs.branch = :value",
    "commit": 'substr(runs."commit", 1, length(:value)) = :value',
}
KEYS = tuple(key for key in _CONDITIONS if key not in {"", "case"})
RECENT = 20
_VERDICTS = frozenset(Status) - {Status.ERROR, Status.SKIPPED, Status.UNSUPPORTED}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class History:
    """The history in a file. Every method raises DiskError if the file cannot be used.

    Attributes:
        path: the file, which need not exist.
        project: folder whose runs alone are found; None for those of all projects.
    """

    path: Path
    project: str | None = None

    @classmethod
    def of(cls, settings: HistorySettings) -> Self:
        """Return the history of the settings, which is for one: of a file for all projects, the runs of this one."""
        if settings.path is None:
            raise UsageError("--no-history leaves nothing to look at; remove it.")
        return cls(settings.path, this_project() if settings.is_shared else None)

    def add(self, run: RunRecord, cases: Iterable[CaseRecord]) -> bool:
        """Record a run, and return whether it is a new one. Cases that it has already stay as they are."""

        def act(connection: database.Connection) -> bool:
            added = connection.execute(_insert("runs", _RUN), [getattr(run, name) for name in _RUN])
            is_new = added.rowcount > 0
            (number,) = connection.execute("SELECT number FROM runs WHERE id = ?", [run.id]).fetchone()
            rows = ((number, *_VALUES(case)) for case in cases)
            connection.executemany(_insert("cases", ("run", *_CASE)), rows)
            return is_new

        return database.transaction(self.path, act)

    def runs(self, limit: int) -> list[RunSummary]:
        """Return the newest runs, the newest first."""

        def act(connection: database.Connection) -> list[RunSummary]:
            query = f"SELECT number, {_columns('runs', _RUN)} FROM runs WHERE {_OURS} {_NEWEST_FIRST} LIMIT :limit"
            found = connection.execute(query, {"project": self.project, "limit": limit}).fetchall()
            return [RunSummary(run=_run(tuple(row)), counts=_counts(connection, number)) for number, *row in found]

        return self._read(act, [])

    def results(self, case: str, limit: int) -> list[Recorded]:
        """Return the newest results of a case, the newest first.

        Args:
            case: its id, or the model, the name or a glob of these, for several cases.
            limit: how many results of each case.
        """

        def act(connection: database.Connection) -> list[Recorded]:
            found: list[Recorded] = []
            for name in self._ids(connection, case):
                found += self._query(connection, "case", name, limit)
            return found

        return self._read(act, [])

    def of_cases(self, ids: Collection[str], limit: int, *, least: int = 1) -> Mapping[str, list[Recorded]]:
        """Return so many of the newest results of each of these cases that has at least some, the newest first."""

        def act(connection: database.Connection) -> Mapping[str, list[Recorded]]:
            found = {name: self._rows(connection, "case", name, limit) for name in ids}
            return {name: list(map(_recorded, rows)) for name, rows in found.items() if len(rows) >= least}

        return self._read(act, {})

    def newest(self, key: str, value: str) -> list[Recorded]:
        """Return the newest result of each case with a release, chip, branch or commit, as `KEYS` names them."""

        def act(connection: database.Connection) -> list[Recorded]:
            found: dict[str, Recorded] = {}
            for each in self._query(connection, key, value, -1):
                found.setdefault(each.case.id, each)
            return list(found.values())

        return self._read(act, [])

    def last(self, ids: Collection[str]) -> Mapping[str, CaseRecord]:
        """Return the newest result of each of these cases that has one."""

        def act(connection: database.Connection) -> Mapping[str, CaseRecord]:
            found = {name: self._query(connection, "case", name, 1) for name in ids}
            return {name: rows[0].case for name, rows in found.items() if rows}

        return self._read(act, {})

    def run(self, name: str) -> tuple[RunRecord, tuple[CaseRecord, ...]]:
        """Return a run with its cases.

        Args:
            name: `last`, `last~2` for the second before it, or the beginning of an id.

        Raises:
            UsageError: there is no such run, or there are several.
        """

        def act(connection: database.Connection) -> tuple[RunRecord, tuple[CaseRecord, ...]] | None:
            number = self._number(connection, name)
            if number is None:
                return None
            own, of_cases = (
                f"SELECT {_columns('runs', _RUN)} FROM runs WHERE number = ?",
                f"SELECT {_columns('cases', _CASE)} FROM cases WHERE run = ?",
            )
            row = connection.execute(own, [number]).fetchone()
            return _run(row), tuple(map(_case, connection.execute(of_cases, [number])))

        if (found := self._read(act, None)) is None:
            raise UsageError(f"{name}: the history {self.path} has no such run; `harness history` lists them.")
        return found

    def pin(self, name: str, *, is_pinned: bool) -> RunRecord:
        """Pin a run, so that it and its results are kept, or unpin it; return it as it is then.

        Raises:
            UsageError: there is no such run, or there are several.
        """
        found, _ = self.run(name)
        command = "UPDATE runs SET is_pinned = ? WHERE id = ?"
        database.transaction(self.path, lambda connection: connection.execute(command, [is_pinned, found.id]))
        return replace(found, is_pinned=is_pinned)

    def pinned(self) -> tuple[RunRecord, ...]:
        """Return the runs of all projects that are pinned."""

        def act(connection: database.Connection) -> tuple[RunRecord, ...]:
            query = f"SELECT {_columns('runs', _RUN)} FROM runs WHERE is_pinned"
            return tuple(map(_run, connection.execute(query)))

        return self._read(act, ())

    def prune(self, *, before: str | None, keep: int | None, dry_run: bool = False) -> int:
        """Remove old runs that are not pinned, and return how many.

        Args:
            before: remove the runs that started before this time; None for none.
            keep: remove all but so many of the newest runs; None for none.
            dry_run: only count them.
        """

        def act(connection: database.Connection) -> int:
            query = f"SELECT number, started FROM runs WHERE {_OURS} AND NOT is_pinned {_NEWEST_FIRST}"
            found = connection.execute(query, {"project": self.project}).fetchall()
            old = [
                [number]
                for index, (number, started) in enumerate(found)
                if (keep is not None and index >= keep) or (before is not None and started < before)
            ]
            if not dry_run:
                connection.executemany("DELETE FROM runs WHERE number = ?", old)
            return len(old)

        if self._read(lambda _: True, None) is None:
            return 0
        removed = database.transaction(self.path, act)
        if removed and not dry_run:
            database.compact(self.path)
        return removed

    def _read(self, act: database.Act[T], otherwise: T) -> T:
        """Return what is read, or something else if there is no file."""
        found = database.read(self.path, act)
        return otherwise if found is None else found

    def _query(self, connection: database.Connection, key: str, value: str, limit: int) -> list[Recorded]:
        return list(map(_recorded, self._rows(connection, key, value, limit)))

    def _rows(self, connection: database.Connection, key: str, value: str, limit: int) -> list[tuple[Any, ...]]:
        query = (
            f"SELECT {_columns('runs', _RUN)}, {_columns('cases', _CASE)} FROM cases "
            f"JOIN runs ON runs.number = cases.run WHERE {_OURS} AND {_CONDITIONS[key]} {_NEWEST_FIRST} LIMIT :limit"
        )
        return connection.execute(query, {"project": self.project, "value": value, "limit": limit}).fetchall()

    def _ids(self, connection: database.Connection, case: str) -> list[str]:
        query = (
            "SELECT DISTINCT cases.id FROM cases JOIN runs ON runs.number = cases.run "
            f"WHERE {_OURS} AND (cases.id = :case OR cases.name GLOB :pattern) ORDER BY cases.id"
        )
        pattern = case if "/" in case else f"{case}/*"
        found = connection.execute(query, {"project": self.project, "case": case, "pattern": pattern})
        return [name for (name,) in found]

    def _number(self, connection: database.Connection, name: str) -> int | None:
        if (back := generations(name)) is not None:
            query = f"SELECT number FROM runs WHERE {_OURS} {_NEWEST_FIRST} LIMIT 1 OFFSET :back"
            row = connection.execute(query, {"project": self.project, "back": back}).fetchone()
            return row and int(row[0])
        query = "SELECT number FROM runs WHERE substr(id, 1, length(:name)) = :name"
        found = connection.execute(query, {"name": name}).fetchall()
        if len(found) > 1:
            raise UsageError(f"{name}: several runs have ids that begin so; name more of its characters.")
        return int(found[0][0]) if found else None


def this_project() -> str:
    """Return the top folder of the git checkout that the current folder is in, or the current folder."""
    here = Path.cwd()
    found = checkout.find(here)
    return str(found.folder if found else here)


def generations(name: str) -> int | None:
    """Return 0 for `last`, 2 for `last~2`, and None for any other name."""
    word, tilde, count = name.partition("~")
    if word != "last" or (tilde and not (count.isascii() and count.isdigit() and len(count) < len("1000000"))):
        return None
    return int(count) if tilde else 0


def flakiness(results: Sequence[Recorded], *, most: int = RECENT) -> Flakiness:
    """Return how steady a case was: its newest results, with the release, device and inputs of the newest of them.

    Args:
        results: those of a case, the newest first. Those without a verdict, or that did not run again, do not count.
        most: how many of them to look at.
    """
    recent = [each.case for each in results if each.case.status in _VERDICTS and not each.case.is_reused][:most]
    same = [each for each in recent if _is_alike(each, recent[0])]
    return Flakiness.of(Counter(str(each.kind or each.status) for each in same))


def _is_alike(case: CaseRecord, other: CaseRecord) -> bool:
    """Whether two results should be the same. One that crashed before its outputs were compared has no limits."""
    inputs = [(each.release, each.hardware, each.inputs) for each in (case, other)]
    return inputs[0] == inputs[1] and (case.limits == other.limits or not (case.limits and other.limits))


def _insert(table: str, names: Sequence[str]) -> str:
    columns = ", ".join(f'"{name}"' for name in names)
    marks = ", ".join("?" for _ in names)
    return f"INSERT INTO {table} ({columns}) VALUES ({marks}) ON CONFLICT DO NOTHING"


@functools.cache
def _columns(table: str, names: tuple[str, ...]) -> str:
    return ", ".join(f'{table}."{name}"' for name in names)


def _counts(connection: database.Connection, number: int) -> Mapping[Status, int]:
    query = "SELECT status, count(*) FROM cases WHERE run = ? GROUP BY status"
    found: dict[str, int] = dict(connection.execute(query, [number]).fetchall())
    return {status: found[status] for status in Status if status in found}


def _recorded(row: tuple[Any, ...]) -> Recorded:
    return Recorded(run=_run(row[: len(_RUN)]), case=_case(row[len(_RUN) :]))


@functools.lru_cache(maxsize=64)  # many results are of one run
def _run(row: tuple[Any, ...]) -> RunRecord:
    values: dict[str, Any] = dict(zip(_RUN, row, strict=True))
    return RunRecord(**values | {"is_pinned": bool(values["is_pinned"])})


def _case(row: Sequence[Any]) -> CaseRecord:
    values: dict[str, Any] = dict(zip(_CASE, row, strict=True))
    values |= {name: bool(values[name]) for name in ("is_green", "is_cached", "is_reused")}
    return CaseRecord(**values | {"status": Status(values["status"]), "kind": values["kind"] and Kind(values["kind"])})


def by_case(found: Sequence[Recorded]) -> Iterator[Sequence[Recorded]]:
    """Yield the results of each case, which are beside each other."""
    start = 0
    for end in range(1, len(found) + 1):
        if end == len(found) or found[end].case.id != found[start].case.id:
            yield found[start:end]
            start = end
