"""What a search over releases has found so far, derived from its probes; no I/O."""

import enum
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from harness.core.cases import EMPTY
from harness.core.statuses import Status
from harness.core.values import frozen
from harness.core.variants import Variant
from harness.iree.flags import ChangedDefault
from harness.search import bisect, probes, repeats
from harness.search.axis import Axis
from harness.search.bisect import Change, Sides, Span, Unproved
from harness.search.probes import Mark, Probe, Question


@frozen
class SearchRequest:
    """What to search.

    Attributes:
        case: id of the case.
        model: its model.
        submodel: its submodel.
        backend: its backend.
        chip: its chip, or None on the CPU.
        path: path of its spec file or program.
        config: path of the config, for a case of a suite.
        axis: what is searched.
        releases: the releases to search, oldest first; or the images or HIP runtimes, which are called releases here.
        release: the release that all images or HIP runtimes are tested with; None if releases are searched.
        variants: how results name each image or HIP runtime; none if releases are searched.
        good: the release that the user says is good, or None to look for one.
        bad: the release that the user says is bad, or None to look for one.
        question: what makes a release bad.
        all_changes: whether to test every release.
    """

    case: str
    model: str
    submodel: str
    backend: str
    chip: str | None
    path: str
    config: str = ""
    axis: Axis = Axis.RELEASE
    releases: tuple[str, ...]
    release: str | None = None
    variants: Mapping[str, Variant] = field(default_factory=lambda: EMPTY)
    good: str | None
    bad: str | None
    question: Question
    all_changes: bool = False

    def named(self, index: int) -> str:
        """Return the name of a release in an answer; that of a HIP runtime has its digest."""
        name = self.releases[index]
        return str(self.variants.get(name, name))

    @property
    def span(self) -> Span:
        """The indices to search."""
        older, newer = (self.bad, self.good) if self.question.fix else (self.good, self.bad)
        indices = [self.releases.index(end) if end else None for end in (older, newer)]
        return Span(count=len(self.releases), older=indices[0], newer=indices[1])

    @property
    def bad_end(self) -> int | None:
        """Index of the release that the user says is bad."""
        return self.span.older if self.question.fix else self.span.newer


class Carrier(enum.StrEnum):
    """The part of IREE that causes a change between two releases."""

    COMPILER = "compiler"
    RUNTIME = "runtime"
    BOTH = "both"
    TOGETHER = "together"
    UNKNOWN = "unknown"


@frozen
class Attribution:
    """Which part of IREE causes a change.

    Attributes:
        carrier: the part.
        compiler: the newer compiler with the older runtime; None if not tested.
        runtime: the older compiler with the newer runtime; None if not tested.
    """

    carrier: Carrier
    compiler: Probe | None = None
    runtime: Probe | None = None


@frozen
class Finding:
    """The state of a search.

    Attributes:
        request: what is searched.
        probes: the tested releases by index, in the order in which they were tested.
        defaults: the defaults of flags that change within the releases to search.
        pinned: the release whose defaults are set with all releases.
        attribution: which part of IREE causes the change.
        commands: by release, the command that tests it again.
        stopped: whether the search was interrupted.
        elapsed_s: how long the search took, in seconds, with the time before interruptions.
    """

    request: SearchRequest
    probes: Mapping[int, Probe]
    defaults: tuple[ChangedDefault, ...] = ()
    pinned: str | None = None
    attribution: Attribution | None = None
    commands: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    stopped: bool = False
    elapsed_s: float = 0.0

    @property
    def marks(self) -> Mapping[int, Mark]:
        """The mark of each tested release."""
        return probes.marks(self.probes, self.request.question, self.request.bad_end)

    @property
    def change(self) -> Change | Unproved:
        """The change that the search is for, or why there is none."""
        return bisect.result(self.request.span, self._sides)

    @property
    def changes(self) -> Sequence[Change]:
        """Every change between tested releases."""
        count = len(self.request.releases)
        labels = [_label(self.probes.get(index), self.request.question) for index in range(count)]
        return bisect.changes(labels)

    def next_indices(self, at_once: int) -> tuple[int, ...]:
        """Return the indices of the releases to test next; none if the search is over.

        Args:
            at_once: the largest number of indices to return.
        """
        return self._untested(at_once) or self.unconfirmed[:at_once]

    def _untested(self, at_once: int) -> tuple[int, ...]:
        found = bisect.next_indices(self.request.span, self._sides, at_once)
        if found or not self.request.all_changes:
            return found
        return tuple(itertools.islice(bisect.untested(len(self.request.releases), self.probes), at_once))

    @property
    def steps_left(self) -> int:
        """About how many releases are still to be tested."""
        if self.request.all_changes:
            return len(self.request.releases) - len(self.probes)
        return bisect.steps_left(self.request.span, self._sides)

    @property
    def unconfirmed(self) -> tuple[int, ...]:
        """The indices that the answer rests on and that have to be run again, once nothing else is left to test."""
        if self._untested(1):
            return ()
        question = self.request.question
        return tuple(index for index in self._grounds if not repeats.is_confirmed(self.probes[index], question))

    @property
    def _grounds(self) -> Iterable[int]:
        """The indices that the answer rests on.

        These are both sides of the change, or the end that is not as it should be, or the one end that was found. That
        there are no other changes rests on all releases.
        """
        if self.request.all_changes:
            return self.probes
        match self.change:
            case Change(last=last, first=first):
                return (first, last)
            case Unproved(end="older", index=None):
                return (max(index for index, side in self._sides.items() if side),)
            case Unproved(index=index):
                return () if index is None else (index,)

    @property
    def likely_indices(self) -> tuple[int, ...]:
        """The indices that may follow the next one, whether that turns out to be good or bad."""
        if not (now := bisect.next_indices(self.request.span, self._sides)):
            return ()
        later = (
            bisect.next_indices(self.request.span, {**self._sides, **dict.fromkeys(now, side)})
            for side in (False, True)
        )
        return tuple(dict.fromkeys(itertools.chain.from_iterable(later)))

    @property
    def is_wrong(self) -> bool:
        """Whether an end is the opposite of what the user says."""
        change = self.change
        if not isinstance(change, Unproved):
            return False
        given = {"older": self.request.span.older, "newer": self.request.span.newer}[change.end]
        return given is not None and self.marks.get(given) in {Mark.GOOD, Mark.BAD}

    @property
    def _sides(self) -> Sides:
        return probes.sides(self.marks, self.request.question)


def carrier(compiler: Mark | None, runtime: Mark | None, newer: Mark) -> Carrier:
    """Return which part causes a change.

    If only one combination could be tested, it shows either that its newer part suffices or that the other is needed.

    Args:
        compiler: mark of the newer compiler with the older runtime; None or skip if they do not work together.
        runtime: mark of the older compiler with the newer runtime.
        newer: mark of the newer release.
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
    """Return a text that is equal for releases that are alike; None if there is no result."""
    if probe is None or probe.status in {probes.FLAKY, Status.ERROR, Status.SKIPPED, Status.UNSUPPORTED}:
        return None
    if question.metric is None:
        return probe.signature
    holds = question.metric.holds(probe.numbers)
    return None if holds is None else f"{question.metric.text}: {holds}"
