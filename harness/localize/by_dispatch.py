"""Names the first dispatch whose operands agree on both sides and whose results do not.

Both sides print the tensors of every dispatch; the dispatches are matched by name, or by the types of their tensors, in
order. What a dispatch reads and nothing wrote before is uninitialised memory or an in-place destination: it counts as
no operand, and a copy of it as no result.
"""

import difflib
import math
from collections.abc import Callable, Hashable, Iterator, Sequence

from harness.core.text import one_line
from harness.core.values import frozen
from harness.localize import difference, dispatch_trace
from harness.localize.dispatch_trace import DIGITS, Event, Trace, TracedTensor
from harness.localize.laboratory import BAD, BOTH, NAMES, Experiment, Laboratory, Trial, program_of

_COPIES = ("slow_memcpy", "__builtin")


@frozen
class Pair:
    """A dispatch on both sides, and how far they are from each other.

    Attributes:
        index: its place in the order in which the bad side ran them.
        name: its name there.
        received: the largest error of its operands, as far as they were written before.
        error: the largest error of its results.
        type: the type of that result, such as `16x16xf32`.
    """

    index: int
    name: str
    received: float
    error: float
    type: str

    @property
    def element(self) -> str:
        """The element type of that result."""
        return self.type.rpartition("x")[2]

    @property
    def ulp(self) -> float:
        """The error in units of the last place of the largest number."""
        return difference.in_ulp(self.error, self.element)


@frozen
class Traced:
    """What the traces show.

    Attributes:
        pairs: the dispatches that both sides have.
        culprit: the first one that makes an error of right operands; None if there is none.
        unmatched: the number of dispatches of the bad side that the good one lacks.
        why: why there is no culprit.
    """

    pairs: tuple[Pair, ...] = ()
    culprit: Pair | None = None
    unmatched: int = 0
    why: str = ""


def traced(laboratory: Laboratory, flags: Sequence[str] = ()) -> Traced:
    """Run the case on both sides with traces, and compare them.

    Args:
        laboratory: both sides.
        flags: further flags for the bad side, so that both partition the program alike.
    """
    trials = laboratory.tried([_experiment(laboratory, side, flags) for side in BOTH])
    for name, trial in zip(NAMES, trials, strict=True):
        if trial.ran is None or trial.ran.log_path is None:
            return Traced(why=f"With traces, the {name} side does not run: {one_line(trial.outcome.reason)}")
    found = compared(*(_trace(trial) for trial in trials))
    for trial in trials:
        trial.discard()
    return found


def _experiment(laboratory: Laboratory, side: int, flags: Sequence[str]) -> Experiment:
    spec = laboratory.cases[side].spec
    return Experiment(
        program=program_of(spec),
        inputs=spec.inputs,
        function=spec.run_function or "",
        flags=(dispatch_trace.FLAG, *(flags if side == BAD else ())),
    )


def _trace(trial: Trial) -> Trace:
    assert trial.ran and trial.ran.log_path  # noqa: PT018, S101 - checked before
    return dispatch_trace.read(trial.ran.log_path)


def compared(bad: Trace, good: Trace) -> Traced:
    """Return what two traces show."""
    pairs = tuple(_pairs(bad, good))
    unmatched = len(bad.events) - len(pairs)
    if not pairs:
        return Traced(unmatched=unmatched, why="No dispatch of the bad side has an equal on the good side.")
    largest = {each.element: max(other.error for other in pairs if other.element == each.element) for each in pairs}
    for each in pairs:
        limit = max(DIGITS, difference.noticeable(each.element, largest[each.element]))
        if each.error > limit and each.received <= limit:
            return Traced(pairs=pairs, culprit=each, unmatched=unmatched)
    return Traced(pairs=pairs, unmatched=unmatched, why="No dispatch makes an error of right operands.")


def _pairs(bad: Trace, good: Trace) -> Iterator[Pair]:
    """Yield the dispatches that correspond, in order."""
    written = set[bytes]()
    for index, other in _matched(bad.events, good.events):
        event, its = bad.events[index], good.events[other]
        if event.name.startswith(_COPIES):
            continue
        operands = zip(event.inputs, its.inputs, strict=False)
        received = [_error(bad, good, *each) for each in operands if bad.digest(each[0]) in written]
        results = zip(event.outputs, its.outputs, strict=False)
        errors = [(_error(bad, good, *each), each[0].type) for each in results]
        written |= {bad.digest(each) for each in event.outputs}
        error, type_ = max(errors, default=(0.0, ""))
        yield Pair(index=index, name=event.name, received=max(received, default=0.0), error=error, type=type_)


def _error(bad: Trace, good: Trace, one: TracedTensor, other: TracedTensor) -> float:
    """Return the error of a tensor relative to the largest number of the good side's."""
    if one.type != other.type:
        return math.inf
    return difference.relative(bad.numbers(one), good.numbers(other))


def _matched(bad: Sequence[Event], good: Sequence[Event]) -> Iterator[tuple[int, int]]:
    """Yield the places of dispatches that correspond: by name and types, or by types alone where names say little."""
    found = list(_alike(bad, good, lambda event: (event.name, event.types)))
    if 2 * len(found) < len(bad):
        found = list(_alike(bad, good, lambda event: event.types))
    yield from found


def _alike(bad: Sequence[Event], good: Sequence[Event], key: Callable[[Event], Hashable]) -> Iterator[tuple[int, int]]:
    matcher = difflib.SequenceMatcher(None, list(map(key, bad)), list(map(key, good)), autojunk=False)
    for block in matcher.get_matching_blocks():
        yield from ((block.a + offset, block.b + offset) for offset in range(block.size))
