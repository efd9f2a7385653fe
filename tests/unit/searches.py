"""Samples for searches: releases whose truth is known, and what tests them without a tool."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.core.outcomes import Outcome
from harness.core.statuses import Kind, Phase, Status
from harness.search.finding import Finding, SearchRequest
from harness.search.probes import Probe, Question
from harness.search.release_runner import ReleaseResult
from tests.unit.reports import ENVIRONMENT, outcome, report

FAILED = {"status": Status.FAILED, "kind": Kind.NUMERIC, "phase": Phase.COMPARE, "reason": "output 0: 12 of 44 differ"}
NOT_COMPILED = {"status": Status.FAILED, "kind": Kind.COMPILE, "phase": Phase.COMPILE, "reason": "error: no such op"}
NO_VERDICT = {"status": Status.ERROR, "kind": Kind.TOOL, "phase": Phase.RUN, "reason": "in the way"}
UNSUPPORTED = {"status": Status.UNSUPPORTED, "kind": None, "phase": None, "reason": "3.0.0 does not know --x"}
PASSED = {"status": Status.PASSED, "kind": None, "phase": Phase.COMPARE, "reason": ""}
LETTERS: Mapping[str, Mapping[str, Any]] = {
    "g": PASSED,
    "b": FAILED,
    "c": NOT_COMPILED,
    "e": NO_VERDICT,
    "u": UNSUPPORTED,
}


def names(count: int) -> tuple[str, ...]:
    """Return names of releases, oldest first."""
    return tuple(f"3.{minor}.0" for minor in range(count))


def search_request(history: str, *, good: int | None = None, bad: int | None = None, **changes: Any) -> SearchRequest:
    """Return a request to search a history of letters, as in `LETTERS`, between the given ends."""
    releases = names(len(history))
    filled: dict[str, Any] = {
        "case": "tiny/clip[cpu]",
        "model": "tiny",
        "submodel": "clip",
        "backend": "cpu",
        "chip": None,
        "path": "quality_tests/tiny/clip_cpu.json",
        "releases": releases,
        "good": releases[good] if good is not None else None,
        "bad": releases[bad] if bad is not None else None,
        "question": Question(),
    }
    return SearchRequest(**(filled | changes))


def finding(request: SearchRequest, probed: Mapping[int, Probe] | None = None, **changes: Any) -> Finding:
    """Return what is known at the start of a search."""
    commands = {name: f"nox -s quality -- tiny/clip --iree {name}" for name in request.releases}
    return Finding(request=request, probes=probed or {}, commands=commands, **changes)


def probe(letter: str, release: str = "3.0.0", **changes: Any) -> Probe:
    """Return the probe of a release with a letter of a history."""
    filled: dict[str, Any] = {"release": release, "commit": f"{release:0<40}", "numbers": {"dispatches": 41.0}}
    return Probe(**(filled | dict(LETTERS[letter]) | changes))


def results(
    *outcomes: Outcome, reused: Mapping[str, str] | None = None, folder: str = "probes/x", seconds: float = 12.0
) -> ReleaseResult:
    """Return results of a release."""
    known = report(*outcomes, environment=ENVIRONMENT, seconds=seconds)
    return ReleaseResult(report=known, folder=folder, reused=reused or {})


@dataclass
class FakeTester:
    """Tests by a history of letters; of several letters for a release each is for one run.

    Attributes:
        history: for each release, oldest first, one letter, or one for each run.
        seconds: how long each run takes.
        mix: the outcome of a compiler and a runtime.
        probed: what was tested: release and number of the run.
        prepared: the releases that were prepared.
        discarded: whose raw outputs were removed: release and number of the run.
    """

    history: Sequence[str]
    seconds: float = 12.0
    mix: Callable[[str, str], Mapping[str, Any]] = lambda _compiler, _runtime: NO_VERDICT
    probed: list[tuple[str, int]] = field(default_factory=list)
    prepared: list[str] = field(default_factory=list)
    discarded: list[tuple[str, int]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def probe(self, release: str, run: int = 1) -> ReleaseResult:
        """Test a release by its letter."""
        with self.lock:
            self.probed.append((release, run))
        letters = self.history[names(len(self.history)).index(release)]
        ended = outcome(**dict(LETTERS[letters[(run - 1) % len(letters)]]))
        name = release if run == 1 else f"{release}/runs/{run}"
        return results(ended, folder=f"probes/{name}", seconds=self.seconds)

    def mixed(self, compiler: str, runtime: str) -> ReleaseResult:
        """Test by the given function."""
        return results(outcome(**dict(self.mix(compiler, runtime))))

    def discard(self, result: ReleaseResult) -> None:
        """Remember it."""
        release, _, run = result.folder.removeprefix("probes/").partition("/runs/")
        self.discarded.append((release, int(run)))

    def prepare(self, release: str) -> None:
        """Remember it."""
        self.prepared.append(release)
