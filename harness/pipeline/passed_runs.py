"""The runs of cases that passed, in the cache, so that a case that passed before is not run again.

The key of an entry of kind `passes` is a digest of all that the run and the comparison of its outputs depended on. The
entry holds their results. It is written as the case passes, so a harness that is killed loses none. No failure is kept.
"""

import contextlib
import json
from collections.abc import Sequence
from dataclasses import field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from harness.core import strict_json
from harness.core.errors import DiskError
from harness.core.records import as_json, read
from harness.core.timings import Reused
from harness.core.values import frozen
from harness.pipeline.run_cache import KnownRun
from harness.pipeline.step_results import CompareResult, RunResult
from harness.store.store import Store

KIND = "passes"
_NAME = "pass.json"
_BYTES = 64 << 20


@frozen
class _Pass:
    """What is kept: the results of a run, and of the comparison of its outputs if there was one."""

    run: RunResult
    comparison: CompareResult | None


@frozen
class PassedRuns:
    """The runs of cases that passed; `harness.pipeline.run_cache.Runs` says what the methods are for.

    Attributes:
        store: keeps them.
        timeout_s: limit of a run; one that took longer does not count.
        known: those that were found.
    """

    store: Store
    timeout_s: float
    known: dict[str, KnownRun] = field(default_factory=dict)

    def find(self, key: str) -> KnownRun | None:
        """Return an earlier run, without what is not its result: its files and its times."""
        if key not in self.known and (found := self._read(key)) and found.run.process.seconds <= self.timeout_s:
            self.known[key] = _taken(found)
        return self.known.get(key)

    def keep(self, key: str, found: KnownRun) -> None:
        """Do nothing: whether a case passes is known when it has ended."""

    def keep_passed(self, key: str, run: RunResult, comparison: CompareResult | None) -> None:
        """Keep the run of a case that passed. A store that cannot be written keeps nothing."""
        bare = msgspec.structs.replace(run, folder=Path(), log_path=None, log_tail="", notes=())
        text = json.dumps(as_json(_Pass(run=bare, comparison=comparison)), allow_nan=False)

        def make(folder: Path) -> None:
            self.store.files.write(folder / _NAME, text.encode())

        with contextlib.suppress(DiskError):
            activity = "keeping the result of a case"
            self.store.provide(KIND, key, make, is_good=lambda _: False, activity=activity, private=True)

    def _read(self, key: str) -> _Pass | None:
        """Return what is kept; nothing if it cannot be read, or is no pass."""
        try:
            if not (entry := self.store.find(KIND, key)):
                return None
            found = read(_Pass, strict_json.loads(self.store.files.read(entry.path / _NAME, _BYTES)))
        except (OSError, ValueError, DiskError):
            return None
        failed = found.run.verdict or (found.comparison and found.comparison.verdict)
        return None if failed else found


def _taken(found: _Pass) -> KnownRun:
    both: Sequence[RunResult | CompareResult] = [found.run, *([found.comparison] if found.comparison else [])]
    began = datetime.fromtimestamp(found.run.began, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    reused = Reused(began=began, seconds=round(sum(each.seconds for each in both), 3))
    run = msgspec.structs.replace(found.run, seconds=0.0, reused=reused)
    comparison = found.comparison and msgspec.structs.replace(found.comparison, seconds=0.0)
    return KnownRun(origin=began, run=run, comparison=comparison)
