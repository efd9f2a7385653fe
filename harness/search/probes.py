"""The test of a case with one release, and what it means for the question of a search; no I/O.

A search looks for one failure, identified by phase and kind. A release with another failure is neither
good nor bad. The signature of a failure also has its message, without the parts that vary.
"""

import enum
import re
from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any

from harness.core.cases import EMPTY, Case, Listing
from harness.core.devices import shown
from harness.core.floats import Number
from harness.core.outcomes import Outcome
from harness.core.statuses import Kind, Status
from harness.core.text import first_line
from harness.core.values import frozen
from harness.report.facts import log_path
from harness.search import case_numbers
from harness.search.bisect import Sides
from harness.search.metric import Metric

GREEN = {Status.PASSED, Status.RAN, Status.COMPILED}
_VARYING = re.compile(r"0x[0-9a-fA-F]+|(?:\S*/)(?=[^/\s]+)|[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
ENDED_IN_ERROR = "ended in an error"
FLAKY = "flaky"
NOT_RUN = "not run:"


class Mark(enum.StrEnum):
    """What a release is to the question."""

    GOOD = "good"
    BAD = "bad"
    SKIP = "skip"


@frozen
class Probe:
    """The test of a case with a release: a line of search.jsonl, and an entry of `probes` in bisect.json.

    Attributes:
        release: the release.
        status: a `Status`, or `flaky` if several runs disagree.
        kind: the `Kind` of a failure or an error.
        phase: the `Phase` in which the case ended.
        reason: why the case failed, or why it was not tested.
        seconds: how long all its steps took, in all runs.
        numbers: the numbers that a metric can name.
        modules: SHA-256 of each compiled module.
        commit: the commit of the compiler.
        runtime_commit: the commit of the runtime.
        results: folder of the results, relative to that of the search: of a run that is as described here, or, if the
            runs disagree, of one that failed.
        log: path of the log of the step that decided, relative to the folder of the search.
        notes: remarks of that run.
        tally: how many runs ended how, e.g. `{"passed": 57, "failed (compare: numeric)": 3}`.
        repeating_s: time that all runs but the first took, in seconds.
        verdict: the user's own verdict, which counts in place of the status.
        devices: what it ran on, in all runs.
    """

    release: str
    status: str
    kind: str | None = None
    phase: str | None = None
    reason: str = ""
    seconds: Number = 0.0
    numbers: Mapping[str, Number] = field(default_factory=lambda: EMPTY)
    modules: tuple[str, ...] = ()
    commit: str | None = None
    runtime_commit: str | None = None
    results: str | None = None
    log: str | None = None
    notes: tuple[str, ...] = ()
    tally: Mapping[str, int] = field(default_factory=lambda: EMPTY)
    repeating_s: Number = 0.0
    verdict: Mark | None = None
    devices: tuple[str, ...] = ()

    @property
    def failure(self) -> tuple[str | None, str | None] | None:
        """Phase and kind of a failure."""
        return (self.phase, self.kind) if self.status == Status.FAILED else None

    @property
    def runs(self) -> int:
        """The number of runs."""
        return sum(self.tally.values()) or 1

    @property
    def signature(self) -> str:
        """The status, or the phase, kind and message of a failure; equal for equal failures."""
        if self.status != Status.FAILED:
            return self.status
        first = first_line(self.reason)
        return f"{self.phase}: {self.kind}: {' '.join(_VARYING.sub('N', first).split())}"

    @property
    def headline(self) -> str:
        """Status, kind and the first line of the reason."""
        parts = (self.status, self.kind, first_line(self.reason))
        return ": ".join(part for part in parts if part)


@frozen
class Question:
    """What makes a release bad.

    Attributes:
        fix: whether the search is for the first good release after a bad one.
        any_failure: whether every failure is bad, not only the one at the bad end.
        metric: the condition that is bad in place of a failure.
        repeat: the number of runs with each release.
        at_least: how many of them have to agree.
        confirms: whether the releases beside the answer are run many times more, and all of these runs have to agree.
    """

    fix: bool = False
    any_failure: bool = False
    metric: Metric | None = None
    repeat: int = 1
    at_least: int = 1
    confirms: bool = False


def without_expectations(case: Case) -> Case:
    """Return the case without the failures that its spec or its config expects, and as one that is not skipped."""
    listing = case.spec.listing and Listing(config=case.spec.listing.config)
    nothing: dict[str, Any] = {"compile_chip_expecting_to_fail": (), "expect": (), "ignored_chips": ()}
    spec = replace(case.spec, run_test_expecting_to_fail=False, listing=listing, **nothing)
    return replace(case, spec=spec)


def probe(release: str, outcome: Outcome, question: Question, environment: Mapping[str, Any]) -> Probe:
    """Return one run of a case as a probe.

    Args:
        release: the release.
        outcome: how the run ended.
        question: says what runs have to agree on.
        environment: what the report says about the environment.
    """
    iree = environment.get("iree", EMPTY)
    return Probe(
        release=release,
        status=outcome.status,
        kind=outcome.kind,
        phase=outcome.phase,
        reason=outcome.reason,
        numbers=case_numbers.numbers(outcome),
        modules=tuple(module.sha256 for module in outcome.modules),
        commit=iree.get("compiler_commit"),
        runtime_commit=iree.get("runtime_commit"),
        log=log_path(outcome) or None,
        notes=outcome.notes,
        devices=tuple(filter(None, (shown(outcome.devices),))),
        tally={_label(outcome, question): 1},
    )


def marks(probes: Mapping[int, Probe], question: Question, bad_end: int | None) -> dict[int, Mark]:
    """Return the mark of each probe.

    Args:
        probes: by index of the release.
        question: what makes a release bad.
        bad_end: index of the end that the user says is bad; if None, the newest failure is the one to look for.
    """
    newest = max((index for index, each in probes.items() if each.failure), default=None)
    end = probes.get(-1 if newest is None else newest) if bad_end is None else probes.get(bad_end)
    wanted = end.failure if end else None
    return {index: each.verdict or _mark(each, question, wanted) for index, each in probes.items()}


def sides(marked: Mapping[int, Mark], question: Question) -> Sides:
    """Return marks as the sides of a bisection: good is the older side, unless the search is for a fix."""
    known = {Mark.GOOD: question.fix, Mark.BAD: not question.fix, Mark.SKIP: None}
    return {index: known[mark] for index, mark in marked.items()}


def _mark(probe: Probe, question: Question, wanted: tuple[str | None, str | None] | None) -> Mark:
    if probe.status == FLAKY:
        return Mark.SKIP
    if question.metric:
        return {True: Mark.BAD, False: Mark.GOOD, None: Mark.SKIP}[question.metric.holds(probe.numbers)]
    if probe.failure is None:
        return Mark.GOOD if probe.status in GREEN else Mark.SKIP
    if probe.kind == Kind.BUDGET and wanted and wanted[1] != Kind.BUDGET and not question.any_failure:
        return Mark.GOOD  # all else was good
    return Mark.BAD if question.any_failure or probe.failure == wanted else Mark.SKIP


def _label(outcome: Outcome, question: Question) -> str:
    """Return what runs have to agree on, as the predicate of a sentence."""
    if question.metric and (holds := question.metric.holds(case_numbers.numbers(outcome))) is not None:
        return f"{'had' if holds else 'did not have'} {question.metric.text}"
    how = f" ({': '.join(filter(None, (outcome.phase, outcome.kind)))})" if outcome.kind else ""
    return f"{ENDED_IN_ERROR if outcome.status is Status.ERROR else outcome.status}{how}"
