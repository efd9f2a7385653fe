"""Names the operation that makes both sides differ.

First a look at every value (one program for each side that returns all of them), and at every operation alone, given
the values of the good side. Both can mislead: to return a value keeps it from being fused away, and can hide a failure,
create one or misplace it. So a suspect is named only by cuts: programs up to one operation that return as little as
possible. The same cuts find the operation where the looks fail, by halving.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.core.callbacks import Notice, ignore
from harness.core.text import counted
from harness.localize import program as programs
from harness.localize.difference import Difference
from harness.localize.laboratory import BAD, GOOD
from harness.localize.program import ARGUMENT, Cut, Value
from harness.localize.subject import Mark, Shown, Subject, discard

_GROUP_BYTES = 512 << 20
_KEPT_BYTES = 2 << 30
_MOST_CULPRITS = 4
_MOST_CUTS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How far values are from those of the good side.

    Attributes:
        errors: by value, in the whole program.
        alone: by value, with its operation alone, given the values of the good side.
    """

    errors: Mapping[Value, Difference] = field(default_factory=dict)
    alone: Mapping[Value, Difference] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Culprit:
    """Operations that together make the sides differ.

    Attributes:
        operations: their indices; one, as a rule.
        is_confirmed: whether cuts prove it.
        why: what proves it, for the reader.
        cut: the smallest cut that shows it.
    """

    operations: tuple[int, ...]
    is_confirmed: bool
    why: str
    cut: Cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """What was found.

    Attributes:
        culprits: what makes the sides differ, in order.
        look: the errors of all values, as far as they could be looked at.
    """

    culprits: tuple[Culprit, ...]
    look: Look


@dataclass(kw_only=True)
class Locator:
    """Looks into a subject that is known to fail.

    Attributes:
        subject: the function.
        notice: called with what goes on.
    """

    subject: Subject
    notice: Notice = ignore
    _cuts: int = 0

    def located(self) -> Located:
        """Return the operations that make the sides differ."""
        look = Look() if self.subject.failure else self._look()
        found = list[Culprit]()
        boundary = frozenset[Value]()
        while len(found) < _MOST_CULPRITS and (culprit := self._next(look, boundary)):
            found.append(culprit)
            if self.subject.failure or not culprit.is_confirmed:
                break
            last = max(culprit.operations)
            healed = frozenset(each for each in self.subject.program.taps if each[0] <= last)
            if healed <= boundary or not self.subject.learn_values(self._values(healed)):
                break
            boundary = healed
            if self._shown(Cut(returns=self.subject.program.results, boundary=boundary)).mark is not Mark.FAILS:
                break
        return Located(culprits=tuple(found), look=look)

    def _values(self, boundary: frozenset[Value]) -> Sequence[Value]:
        """Return the values of a boundary that later operations use."""
        program = self.subject.program
        last = max(index for index, _ in boundary)
        return program.frontier(last, set(range(len(program.operations))))

    # Looks

    def _look(self) -> Look:
        """Look at every value of the program, and at every operation alone."""
        program, errors, is_whole = self.subject.program, dict[Value, Difference](), True
        keeps = sum(map(program.size_bytes, program.taps)) <= _KEPT_BYTES
        for group in programs.groups(program, program.taps, _GROUP_BYTES):
            shown = self._shown(Cut(returns=group))
            errors |= shown.differences
            is_whole = is_whole and bool(shown.differences)
            if shown.differences and keeps:
                self.subject.keep(group, shown.trials[GOOD])
                discard(shown.trials[BAD : BAD + 1])
            else:
                discard(shown.trials)
        self.subject.learn(errors)
        return Look(errors=errors, alone=self._alone() if is_whole and keeps else {})

    def _alone(self) -> Mapping[Value, Difference]:
        """Look at every operation alone: in one program, each is given the values of the good side."""
        program, found = self.subject.program, dict[Value, Difference]()
        boundary = frozenset(program.taps)
        for group in programs.groups(program, program.taps, _GROUP_BYTES):
            shown = self._shown(Cut(returns=group, boundary=boundary))
            found |= shown.differences
            discard(shown.trials)
        return found

    # Cuts

    def _next(self, look: Look, boundary: frozenset[Value]) -> Culprit | None:
        """Return the first culprit of what is computed from a boundary; None if nothing differs."""
        for suspect in dict.fromkeys(self._suspects(look, boundary)):
            if culprit := self._confirmed(suspect, boundary):
                return culprit
        return self._halved(look, boundary)

    def _suspects(self, look: Look, boundary: frozenset[Value]) -> Iterator[int]:
        """Yield the operations that a look makes suspect: wrong alone, or wrong of right operands."""
        subject, passed = self.subject, {index for index, _ in boundary}
        wrong = sorted(
            (value for value in look.alone if value[0] not in passed and self._is_wrong_alone(look, value)),
            key=lambda value: value[0],
        )
        yield from (index for index, _ in wrong)
        for value, error in sorted(look.errors.items()):
            if value[0] in passed or error.relative <= subject.limit(value):
                continue
            operands = subject.program.tapped_operands(value[0])
            if all(look.errors[each].relative <= subject.limit(each) for each in operands if each in look.errors):
                yield value[0]
                return

    def _is_wrong_alone(self, look: Look, value: Value) -> bool:
        """Whether an operation is wrong alone: far more than rounding explains, and not much less than the worst."""
        element = self.subject.program.element(value)
        same = (each.relative for other, each in look.alone.items() if self.subject.program.element(other) == element)
        from harness.localize import difference

        return look.alone[value].relative > difference.noticeable(element, max(same))

    def _confirmed(self, index: int, boundary: frozenset[Value]) -> Culprit | None:
        """Return the culprit if an operation fails alone, given the values of the good side."""
        subject = self.subject
        values = [each for each in subject.program.taps if each[0] == index]
        operands = subject.program.tapped_operands(index)
        if not values:
            return None
        if not (subject.failure and self._compiles_only) and not subject.learn_values(operands):
            return None
        cut = Cut(returns=tuple(values), boundary=frozenset(operands))
        if self._shown(cut).mark is not Mark.FAILS:
            return None
        return Culprit(operations=(index,), is_confirmed=True, why="alone, it fails in the same way", cut=cut)

    @property
    def _compiles_only(self) -> bool:
        failure = self.subject.failure
        return failure is not None and failure[0] is not None and failure[0].value == "compile"

    def _halved(self, look: Look, boundary: frozenset[Value]) -> Culprit | None:
        """Return the first operation with which the program up to it fails, found by halving."""
        subject, program = self.subject, self.subject.program
        cone = program.ancestors(program.results) - {index for index, _ in boundary}
        steps = sorted({index for index, _ in program.taps} & cone)
        low, high = 0, len(steps) - 1
        if not steps or self._prefix(steps[high], cone, boundary).mark is not Mark.FAILS:
            return None
        while low < high:
            middle = (low + high) // 2
            if self._prefix(steps[middle], cone, boundary).mark is Mark.FAILS:
                high = middle
            else:
                low = middle + 1
        return self._smallest(steps[high], cone, boundary)

    def _prefix(self, last: int, cone: "set[int] | frozenset[int]", boundary: frozenset[Value]) -> Shown:
        """Try the program up to an operation, which returns that value alone, or else all that are needed later."""
        values = tuple(each for each in self.subject.program.taps if each[0] == last)
        shown = self._shown(Cut(returns=values, boundary=boundary))
        frontier = self.subject.program.frontier(last, cone)
        if shown.mark is Mark.FAILS or set(frontier) <= set(values):
            return shown
        return self._shown(Cut(returns=frontier, boundary=boundary))

    def _smallest(self, last: int, cone: "set[int] | frozenset[int]", boundary: frozenset[Value]) -> Culprit:
        """Return the fewest operations up to the last one that fail together, given the values of the good side."""
        if alone := self._confirmed(last, boundary):
            return alone
        kept = self._shrunk(last, boundary)
        if kept is None:
            values = tuple(each for each in self.subject.program.taps if each[0] == last)
            why = "the program up to it fails, and the program before it does not"
            return Culprit(operations=(last,), is_confirmed=False, why=why, cut=Cut(returns=values, boundary=boundary))
        operations, cut = kept
        why = "together they fail in the same way, and none can be left out"
        return Culprit(operations=operations, is_confirmed=True, why=why, cut=cut)

    def _shrunk(self, last: int, boundary: frozenset[Value]) -> tuple[tuple[int, ...], Cut] | None:
        """Return the fewest operations that fail together: neighbours are added until they do, then left out again."""
        program = self.subject.program
        kept, distance = {last}, 1
        while True:
            grown = self._grown(kept, boundary)
            if grown == kept and not self._fails(kept, last, boundary):
                return None
            kept = grown
            if self._fails(kept, last, boundary):
                break
        for each in sorted(kept - {last}):
            if self._cuts < _MOST_CUTS and self._fails(kept - {each}, last, boundary):
                kept = kept - {each}
        return tuple(sorted(kept)), self._slice(kept, last, boundary)

    def _grown(self, kept: set[int], boundary: frozenset[Value]) -> set[int]:
        program = self.subject.program
        before = {value[0] for index in kept for value in program.tapped_operands(index) if value not in boundary}
        return kept | before

    def _slice(self, kept: set[int], last: int, boundary: frozenset[Value]) -> Cut:
        program = self.subject.program
        outside = {value for index in kept for value in program.tapped_operands(index) if value[0] not in kept}
        returns = tuple(each for each in program.taps if each[0] == last)
        others = tuple(
            each for each in program.taps
            if each[0] in kept and each[0] != last and not any(each in program.tapped_operands(index) for index in kept)
        )
        return Cut(returns=(*others, *returns), boundary=frozenset(outside) | boundary)

    def _fails(self, kept: set[int], last: int, boundary: frozenset[Value]) -> bool:
        cut = self._slice(kept, last, boundary)
        outside = [each for each in cut.boundary if each[0] not in kept]
        needed = {value for index in kept for value in self.subject.program.tapped_operands(index) if value in cut.boundary}
        if not self._compiles_only and not self.subject.learn_values(sorted(needed)):
            return False
        return self._shown(cut).mark is Mark.FAILS

    def _shown(self, cut: Cut) -> Shown:
        self._cuts += 1
        operations = len({index for index, _ in cut.returns})
        self.notice(f"cut {self._cuts}: {counted(operations, 'value')}")
        return self.subject.shown(cut)
