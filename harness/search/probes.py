"""What was seen of a case with a release, and what that says to the question that is asked (pure).

A failure is told by its signature: phase, kind and the message without what varies in it. To a search it is the same
failure if phase and kind are; what another failure is, nobody can tell, so it is neither good nor bad.
"""

import enum
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.core.cases import EMPTY, Case
from harness.core.floats import Number
from harness.core.outcomes import Outcome, Status
from harness.core.text import first_line
from harness.report.facts import case_seconds
from harness.search import metric
from harness.search.bisect import Seen
from harness.search.metric import Metric

_GREEN = {Status.PASSED, Status.RAN, Status.COMPILED}
_VARYING = re.compile(r"0x[0-9a-fA-F]+|(?:\S*/)(?=[^/\s]+)|[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
FLAKY = "flaky"
NOT_RUN = "not run:"


class Mark(enum.StrEnum):
    """What a release is to the question."""

    GOOD = "good"
    BAD = "bad"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A case with a release, as it was seen; a line of the log book, and an entry of `probes` in bisect.json.

    `status` is one of `Status`, or `flaky` where several runs of one case disagree; `results` is the folder of the
    (last) run, relative to that of the search; `numbers` are those that a metric can speak of; `verdict` was said by a
    person, and what was seen does not matter then.
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
    notes: tuple[str, ...] = ()
    verdict: Mark | None = None

    @property
    def failure(self) -> tuple[str | None, str | None] | None:
        """Phase and kind, if it failed."""
        return (self.phase, self.kind) if self.status == Status.FAILED else None

    @property
    def signature(self) -> str:
        """What it has in common with others that ended alike."""
        if self.status != Status.FAILED:
            return self.status
        first = first_line(self.reason)
        return f"{self.phase}: {self.kind}: {' '.join(_VARYING.sub('N', first).split())}"

    @property
    def headline(self) -> str:
        """Status, kind and the first line of the reason."""
        parts = (self.status, self.kind, first_line(self.reason))
        return ": ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of the releases: since when it fails, or since when no more (`fix`).

    With a metric, what fails is that it holds. `at_least` of `repeat` runs with a release have to agree.
    """

    fix: bool = False
    any_failure: bool = False
    metric: Metric | None = None
    repeat: int = 1
    at_least: int = 1


def without_expectations(case: Case) -> Case:
    """Return the case as one that nobody expects to fail."""
    spec = replace(case.spec, run_test_expecting_to_fail=False, compile_chip_expecting_to_fail=frozenset())
    return replace(case, spec=spec)


def probe(release: str, outcomes: Sequence[Outcome], question: Question, environment: Mapping[str, Any]) -> Probe:
    """Return what was seen in one or more runs of a case: what enough of them agree on, else that it is flaky."""
    labels = [_label(outcome, question) for outcome in outcomes]
    label, votes = Counter(labels).most_common(1)[0]
    agreed = [outcome for outcome, each in zip(outcomes, labels, strict=True) if each == label]
    seen, iree = agreed[-1], environment.get("iree", EMPTY)
    found = Probe(
        release=release,
        status=seen.status,
        kind=seen.kind,
        phase=seen.phase,
        reason=seen.reason,
        seconds=round(sum(case_seconds(outcome) for outcome in outcomes), 3),
        numbers=metric.numbers(seen),
        modules=tuple(module.sha256 for module in seen.modules),
        commit=iree.get("compiler_commit"),
        runtime_commit=iree.get("runtime_commit"),
        notes=seen.notes,
    )
    if len(agreed) == len(outcomes) or votes >= question.at_least:
        return found
    told = ", ".join(f"{number} {' '.join(filter(None, each))}" for each, number in Counter(labels).most_common())
    return replace(found, status=FLAKY, kind=None, phase=None, reason=f"{len(outcomes)} runs disagree: {told}")


def is_settled(outcomes: Sequence[Outcome], question: Question) -> bool:
    """Whether more runs can change nothing: enough agree, or they no longer can."""
    votes = Counter(_label(outcome, question) for outcome in outcomes).most_common(1)
    most, left = (votes[0][1] if votes else 0), question.repeat - len(outcomes)
    return most >= question.at_least or most + left < question.at_least


def marks(probes: Mapping[int, Probe], question: Question, bad_end: int | None) -> dict[int, Mark]:
    """Return what each place is to the question, given the end that is claimed to be bad.

    Of an end that nobody claims, the newest failure is the one that is asked about.
    """
    newest = max((place for place, each in probes.items() if each.failure), default=None)
    end = probes.get(-1 if newest is None else newest) if bad_end is None else probes.get(bad_end)
    wanted = end.failure if end else None
    return {place: each.verdict or _mark(each, question, wanted) for place, each in probes.items()}


def seen(marked: Mapping[int, Mark], question: Question) -> Seen:
    """Return marks as a search takes them, to which good is old unless a fix is searched for."""
    known = {Mark.GOOD: question.fix, Mark.BAD: not question.fix, Mark.SKIP: None}
    return {place: known[mark] for place, mark in marked.items()}


def _mark(probe: Probe, question: Question, wanted: tuple[str | None, str | None] | None) -> Mark:
    if probe.status == FLAKY:
        return Mark.SKIP
    if question.metric:
        return {True: Mark.BAD, False: Mark.GOOD, None: Mark.SKIP}[question.metric.holds(probe.numbers)]
    if probe.failure is None:
        return Mark.GOOD if probe.status in _GREEN else Mark.SKIP
    return Mark.BAD if question.any_failure or probe.failure == wanted else Mark.SKIP


def _label(outcome: Outcome, question: Question) -> tuple[str, ...]:
    """Return what runs have to agree on."""
    if question.metric and (holds := question.metric.holds(metric.numbers(outcome))) is not None:
        return (f"with {question.metric.text}" if holds else f"without {question.metric.text}",)
    return tuple(filter(None, (outcome.status, outcome.kind, outcome.phase)))
