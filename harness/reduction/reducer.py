"""Makes a failing program smaller as long as it fails in the same way: delta debugging (no I/O of its own)."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from harness.core.callbacks import Notice, ignore
from harness.core.values import frozen
from harness.localize.program import Cut, Program
from harness.reduction import reductions
from harness.reduction.candidate import Candidate, Proposal, Values


@frozen(slots=False)
class State:
    """A program that fails as the case does.

    Attributes:
        candidate: the program and its inputs.
        program: its function.
        outputs: what the good side returns; none if it is only compiled.
        how: how it fails, for the reader.
        limits: by element type, the absolute error of outputs from which it does; none where others say so.
    """

    candidate: Candidate
    program: Program
    outputs: tuple[Values, ...] = ()
    how: str = ""
    limits: Mapping[str, float] = field(default_factory=dict)

    @property
    def operations(self) -> int:
        """The number of its operations."""
        return len(self.program.operations)

    @property
    def size(self) -> tuple[int, int]:
        """How large it is: its operations, and the characters of its text."""
        return self.operations, len(self.candidate.text)


@dataclass(kw_only=True)
class Reducer:
    """Tries smaller programs, several at once, and goes on from each one that fails.

    Attributes:
        attempt: returns the state of a smaller program of a state if it fails as the case does, or None.
        accepted: called with each state that is gone on from.
        rejected: called with the key of each proposal that is not.
        cancel: stops what is tried.
        jobs: how many are tried at once.
        ends_s: when to stop, as `clock` has it.
        clock: a monotonic clock.
        known: keys of proposals that need not be tried.
        notice: called with what goes on.
        tried: how many were tried.
        is_done: whether nothing smaller was found when it ended.
    """

    attempt: Callable[[State, Proposal], State | None]
    accepted: Callable[[State], None]
    rejected: Callable[[str], None] = ignore
    cancel: Callable[[], None] = ignore
    jobs: int
    ends_s: float
    clock: Callable[[], float] = time.monotonic
    known: set[str] = field(default_factory=set)
    notice: Notice = ignore
    tried: int = 0
    is_done: bool = False

    def run(self, start: State) -> State:
        """Return the smallest state that was found."""
        best, is_smaller = start, True
        while is_smaller:
            before = best
            for number in range(len(_REDUCTIONS)):
                best = self._reduced(best, number)
            is_smaller = best is not before
        self.is_done = self.clock() < self.ends_s
        return best

    def _reduced(self, best: State, number: int) -> State:
        """Go on with one kind of reduction until it yields nothing that fails."""
        with ThreadPoolExecutor(self.jobs) as pool:
            try:
                while better := self._next(best, number, pool):
                    best = better
                    self.accepted(best)
            except BaseException:
                self.cancel()  # what runs in other threads
                raise
        return best

    def _next(self, best: State, number: int, pool: ThreadPoolExecutor) -> State | None:
        """Return the first smaller program that fails; those after it in the same batch are tried again later."""
        proposals = self._new(best, _REDUCTIONS[number](best))
        while self.clock() < self.ends_s and (batch := list(islice(proposals, self.jobs))):
            self.tried += len(batch)
            self.notice(f"{self.tried} programs tried; the smallest has {_size(best)}")
            found = list(pool.map(lambda each: self.attempt(best, each), [each for _, each in batch]))
            for (key, _), state in zip(batch, found, strict=True):
                if state is None and self.clock() < self.ends_s:  # else it may have been killed
                    self.known.add(key)
                    self.rejected(key)
            if better := next(filter(None, found), None):
                return better
        return None

    def _new(self, best: State, proposals: Iterator[Proposal]) -> Iterator[tuple[str, Proposal]]:
        """Yield each proposal that was not tried, with its key."""
        seen = {best.candidate.key}
        for each in proposals:
            key = each.key if isinstance(each, Candidate) else f"{best.candidate.key}:{_named(each)}"
            if key not in seen and key not in self.known:
                seen.add(key)
                yield key, each


def _named(cut: Cut) -> str:
    return f"{cut.returns}{sorted(cut.boundary)}{sorted(cut.keeps)}"


def _size(state: State) -> str:
    operations, characters = state.size
    return f"{operations} operations and {characters:,} characters"


def _cuts(state: State) -> Iterator[Proposal]:
    return iter(reductions.cuts(state.program))


def _of_text(make: Callable[[Candidate], Iterator[Candidate]]) -> Callable[[State], Iterator[Proposal]]:
    return lambda state: iter(make(state.candidate))


_REDUCTIONS: Sequence[Callable[[State], Iterator[Proposal]]] = (_cuts, *map(_of_text, reductions.REDUCTIONS))
