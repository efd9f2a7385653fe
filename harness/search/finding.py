"""What a search over releases has found so far: worked out anew from all that was seen (pure)."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.core.outcomes import Status
from harness.iree.flags import ChangedDefault
from harness.search import bisect, probes
from harness.search.bisect import Change, Span, Unproved
from harness.search.probes import Mark, Probe, Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is searched: a case over releases, oldest first, between the ends that are claimed."""

    case: str
    model: str
    submodel: str
    backend: str
    chip: str | None
    releases: tuple[str, ...]
    good: str | None
    bad: str | None
    question: Question
    all_changes: bool = False

    @property
    def span(self) -> Span:
        """The same as a search takes it."""
        older, newer = (self.bad, self.good) if self.question.fix else (self.good, self.bad)
        places = [self.releases.index(end) if end else None for end in (older, newer)]
        return Span(count=len(self.releases), older=places[0], newer=places[1])

    @property
    def bad_end(self) -> int | None:
        """The place of the end that is claimed to be bad."""
        return self.span.older if self.question.fix else self.span.newer


class Carrier(enum.StrEnum):
    """What carries a change from one release to the next."""

    COMPILER = "compiler"
    RUNTIME = "runtime"
    BOTH = "both"
    TOGETHER = "together"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """Which part carries the change, and what the newer compiler or runtime did with the older other part."""

    carrier: Carrier
    compiler: Probe | None = None
    runtime: Probe | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """All that is known: what was seen, in the order in which it was, and what follows from it.

    `defaults` are those that change within what is searched, unless they are `pinned` to a release's; `again` is the
    command that repeats a probe, but for the release; `stopped` says that the search did not come to its end.
    """

    asked: Asked
    seen: Mapping[int, Probe]
    defaults: tuple[ChangedDefault, ...] = ()
    pinned: str | None = None
    attribution: Attribution | None = None
    again: str = ""
    stopped: bool = False

    @property
    def marks(self) -> Mapping[int, Mark]:
        """What each release is to the question."""
        return probes.marks(self.seen, self.asked.question, self.asked.bad_end)

    @property
    def change(self) -> Change | Unproved:
        """The change that was asked about, or why there is none to be found."""
        return bisect.answer(self.asked.span, probes.seen(self.marks, self.asked.question))

    @property
    def changes(self) -> Sequence[Change]:
        """Every change of what is seen from one release to the next, as far as they were looked at."""
        count = len(self.asked.releases)
        labels = [_label(self.seen.get(place), self.asked.question) for place in range(count)]
        return bisect.changes(labels)

    def wanted(self, at_once: int) -> tuple[int, ...]:
        """Return the places to look at next."""
        found = bisect.wanted(self.asked.span, probes.seen(self.marks, self.asked.question), at_once)
        if found or not self.asked.all_changes:
            return found
        rest = bisect.every(len(self.asked.releases), self.seen)
        return tuple(place for place, _ in zip(rest, range(at_once), strict=False))

    @property
    def next_candidates(self) -> tuple[int, ...]:
        """The places that may be wanted next, whatever those that are wanted now turn out to be."""
        marked = probes.seen(self.marks, self.asked.question)
        now = self.wanted(1)
        after = (bisect.wanted(self.asked.span, {**marked, **dict.fromkeys(now, side)}) for side in (False, True))
        return tuple(dict.fromkeys(place for places in after for place in places))

    @property
    def is_wrong(self) -> bool:
        """Whether an end that was claimed was seen to be the opposite."""
        change = self.change
        if not isinstance(change, Unproved):
            return False
        claimed = {"older": self.asked.span.older, "newer": self.asked.span.newer}[change.end]
        return claimed is not None and self.marks.get(claimed) in {Mark.GOOD, Mark.BAD}


def carrier(compiler: Mark | None, runtime: Mark | None, newer: Mark) -> Carrier:
    """Return what carries a change, given what the newer of each makes of the older of the other.

    What is known of one alone says that it suffices, or else that the other is needed.

    Args:
        compiler: what the newer compiler with the older runtime is; None or skip if they do not go together.
        runtime: what the older compiler with the newer runtime is.
        newer: what the newer of both are.
    """
    by = tuple(None if each in {None, Mark.SKIP} else each is newer for each in (compiler, runtime))
    match by:
        case True, True:
            return Carrier.BOTH
        case False, False:
            return Carrier.TOGETHER
        case (True, _) | (None, False):
            return Carrier.COMPILER
        case (_, True) | (False, None):
            return Carrier.RUNTIME
        case _:
            return Carrier.UNKNOWN


def _label(probe: Probe | None, question: Question) -> str | None:
    """Return what a release has in common with others that are alike; None if nobody can tell."""
    if probe is None or probe.status in {probes.FLAKY, Status.ERROR, Status.SKIPPED, Status.UNSUPPORTED}:
        return None
    if question.metric is None:
        return probe.signature
    holds = question.metric.holds(probe.numbers)
    return None if holds is None else f"{question.metric.text}: {holds}"
