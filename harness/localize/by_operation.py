"""Names the operation that makes both sides differ.

First come looks: at every value, in one program for each side that returns them all, and at every operation alone,
given the values of the good side. Both can mislead: a value that is returned is not fused away, which can hide a
failure, create one or misplace it. So only cuts decide: programs of few operations that return as little as possible.
Where the looks show nothing, cuts at half of what is left find the operation.
"""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from harness.core.callbacks import Notice, ignore
from harness.core.text import counted
from harness.core.values import frozen
from harness.localize import difference
from harness.localize.difference import Difference
from harness.localize.fewest import fewest
from harness.localize.laboratory import BAD, GOOD
from harness.localize.program import ARGUMENT, Cut, Value, groups
from harness.localize.subject import Mark, Shown, Subject, discard

_GROUP_BYTES, _KEPT_BYTES = 512 << 20, 2 << 30
_MOST_CULPRITS, _MOST_CUTS = 4, 60
ALONE = "Alone, and given the values of the good side, it fails in the same way."
TOGETHER = "Together they fail in the same way, and none of them can be left out."
UP_TO = "The program up to it fails, and the program before it does not; alone it does not fail."


@frozen
class Look:
    """How far values are from those of the good side.

    Attributes:
        errors: by value, in the whole program.
        alone: by value, with its operation alone, given the values of the good side.
    """

    errors: Mapping[Value, Difference] = field(default_factory=dict)
    alone: Mapping[Value, Difference] = field(default_factory=dict)


@frozen
class Culprit:
    """Operations that together make the sides differ.

    Attributes:
        operations: their indices; one, as a rule.
        is_confirmed: whether a program of these operations alone fails.
        why: what proves it, for the reader.
        cut: the smallest cut that shows it.
    """

    operations: tuple[int, ...]
    is_confirmed: bool
    why: str
    cut: Cut


@frozen
class Located:
    """What was found.

    Attributes:
        culprits: what makes the sides differ, in order.
        look: the errors of all values that were looked at.
        unused: arguments that nothing uses, without which the program does not fail.
    """

    culprits: tuple[Culprit, ...]
    look: Look
    unused: tuple[int, ...] = ()


@dataclass(kw_only=True)
class Locator:
    """Looks into a subject that is known to fail.

    Attributes:
        subject: the function.
        suspects: operations that the compiler names, by their indices; they are tried first.
        notice: called with what goes on.
    """

    subject: Subject
    suspects: AbstractSet[int] = frozenset()
    notice: Notice = ignore
    _cuts: int = 0

    def located(self) -> Located:
        """Return the operations that make the sides differ.

        Raises:
            ImportFailedError: the bindings of MLIR broke down.
        """
        look = Look() if self.subject.failure else self._look()
        found = list[Culprit]()
        boundary = frozenset[Value]()
        while len(found) < _MOST_CULPRITS and (culprit := self._next(look, boundary)):
            found.append(culprit)
            if self.subject.failure or not culprit.is_confirmed or not (healed := self._healed(culprit, boundary)):
                break
            boundary = healed
        return Located(culprits=tuple(found), look=look, unused=() if found else self._unused())

    def _unused(self) -> tuple[int, ...]:
        """Return the arguments that nothing uses, if the program does not fail without them."""
        program = self.subject.program
        used = {number for each in program.operations for index, number in each.operands if index == ARGUMENT}
        unused = tuple(number for number in range(len(program.arguments)) if number not in used)
        if not unused or self._shown(Cut(returns=program.results)).mark is not Mark.AGREES:
            return ()
        return unused

    def _healed(self, culprit: Culprit, boundary: frozenset[Value]) -> frozenset[Value]:
        """Return all values up to a culprit if the rest fails though it is given those of the good side; else none."""
        program, last = self.subject.program, max(culprit.operations)
        healed = frozenset(each for each in program.taps if each[0] <= last)
        needed = program.frontier(last, range(len(program.operations)))
        if healed <= boundary or not self.subject.learn_values(needed):
            return frozenset()
        rest = self._shown(Cut(returns=program.results, boundary=healed))
        return healed if rest.mark is Mark.FAILS else frozenset()

    def _look(self) -> Look:
        """Look at every value of the program, and at every operation alone."""
        program, errors, is_whole = self.subject.program, dict[Value, Difference](), True
        keeps = sum(map(program.size_bytes, program.taps)) <= _KEPT_BYTES
        for group in groups(program, program.taps, _GROUP_BYTES, self.subject.most_values):
            shown = self._shown(Cut(returns=group))
            errors |= shown.differences
            is_whole = is_whole and bool(shown.differences)
            if shown.differences and keeps and self.subject.keep(group, shown.trials[GOOD]):
                discard(shown.trials[BAD : BAD + 1])
            else:
                discard(shown.trials)
        self.subject.learn(errors)
        return Look(errors=errors, alone=self._alone() if is_whole and keeps else {})

    def _alone(self) -> Mapping[Value, Difference]:
        program, found = self.subject.program, dict[Value, Difference]()
        for group in groups(program, program.taps, _GROUP_BYTES, self.subject.most_values):
            shown = self._shown(Cut(returns=group, boundary=frozenset(program.taps)))
            found |= shown.differences
            discard(shown.trials)
        return found

    def _next(self, look: Look, boundary: frozenset[Value]) -> Culprit | None:
        """Return the first culprit of what is computed from a boundary; None if nothing differs."""
        passed = {index for index, _ in boundary}
        for suspect in dict.fromkeys(self._suspects(look)):
            if suspect not in passed and (culprit := self._confirmed(suspect)):
                return culprit
        return self._among(self.suspects - passed) or self._halved(boundary)

    def _among(self, suspects: AbstractSet[int]) -> Culprit | None:
        """Return a culprit among operations if they fail together: one of them, or the fewest."""

        def fails(fewer: Sequence[int]) -> bool:
            return self._cuts < _MOST_CUTS and bool(fewer) and self._fails(self._slice({*fewer}, fewer[-1]))

        if not fails(sorted(suspects)):
            return None
        kept = fewest(sorted(suspects), fails)
        return self._confirmed(kept[0]) if len(kept) == 1 else self._culprit({*kept}, kept[-1])

    def _suspects(self, look: Look) -> Iterator[int]:
        """Yield the operations that a look makes suspect: those that are wrong alone, then wrong of right operands."""
        subject = self.subject
        yield from (value[0] for value in sorted(look.alone) if self._is_wrong_alone(look, value))
        for value, error in sorted(look.errors.items()):
            operands = [each for each in subject.program.tapped_operands(value[0]) if each in look.errors]
            if subject.is_wrong(value, error) and not any(
                subject.is_wrong(each, look.errors[each]) for each in operands
            ):
                yield value[0]

    def _is_wrong_alone(self, look: Look, value: Value) -> bool:
        """Whether an operation is wrong alone: by far more than rounding, and not by much less than the worst one."""
        if self.subject.thresholds or self.subject.is_exact:
            return self.subject.is_wrong(value, look.alone[value])
        element = self.subject.program.element(value)
        same = [each.relative for other, each in look.alone.items() if self.subject.program.element(other) == element]
        return look.alone[value].relative > difference.noticeable(element, max(same))

    def _confirmed(self, index: int) -> Culprit | None:
        """Return the culprit if an operation fails alone, given the values of the good side."""
        cut = self._slice({index}, index)
        if not cut.returns or not self._fails(cut):
            return None
        return Culprit(operations=(index,), is_confirmed=True, why=ALONE, cut=cut)

    def _halved(self, boundary: frozenset[Value]) -> Culprit | None:
        """Return the first operation with which the program up to it fails."""
        program = self.subject.program
        cone = program.ancestors(program.results) - {index for index, _ in boundary}
        steps = sorted({index for index, _ in program.taps} & cone)
        low, high = 0, len(steps) - 1
        if not steps or not self._fails_up_to(steps[high], cone, boundary):
            return None
        while low < high:
            middle = (low + high) // 2
            if self._fails_up_to(steps[middle], cone, boundary):
                high = middle
            else:
                low = middle + 1
        return self._smallest(steps[high], boundary)

    def _fails_up_to(self, last: int, cone: AbstractSet[int], boundary: frozenset[Value]) -> bool:
        """Whether the program up to an operation fails: it returns that value alone, or all that are used later."""
        values = self._values(last)
        frontier = self.subject.program.frontier(last, cone)
        return any(
            self._shown(Cut(returns=each, boundary=boundary)).mark is Mark.FAILS
            for each in dict.fromkeys((values, frontier))
        )

    def _values(self, index: int) -> tuple[Value, ...]:
        return tuple(each for each in self.subject.program.taps if each[0] == index)

    def _smallest(self, last: int, boundary: frozenset[Value]) -> Culprit:
        """Return the fewest operations up to the last one that fail together, given the values of the good side."""
        if alone := self._confirmed(last):
            return alone
        if kept := self._together(last, boundary):
            return self._culprit(kept, last)
        cut = Cut(returns=self._values(last), boundary=boundary)
        return Culprit(operations=(last,), is_confirmed=False, why=UP_TO, cut=cut)

    def _culprit(self, kept: AbstractSet[int], last: int) -> Culprit:
        cut = self._slice(kept, last)
        return Culprit(operations=tuple(sorted(kept)), is_confirmed=True, why=TOGETHER, cut=cut)

    def _together(self, last: int, boundary: frozenset[Value]) -> AbstractSet[int]:
        """Return the fewest operations that fail together; none if no such operations fail.

        Operands are added to the last one until they do; if these do not, all before it are taken.
        """
        program = self.subject.program
        kept: AbstractSet[int] = {last}
        while not self._fails(self._slice(kept, last)):
            grown = kept | {each for index in kept for each, _ in program.tapped_operands(index)}
            if grown == kept:
                passed = {index for index, _ in boundary}
                kept = {index for index, _ in program.taps if index <= last and index not in passed}
                break
            kept = grown
        return self._fewest(kept, last) if self._fails(self._slice(kept, last)) else set()

    def _fewest(self, kept: AbstractSet[int], last: int) -> AbstractSet[int]:
        """Leave out as many operations as possible, many at once first."""

        def fails(fewer: Sequence[int]) -> bool:
            return self._cuts < _MOST_CUTS and self._fails(self._slice({*fewer, last}, last))

        return {*fewest(sorted(kept - {last}), fails), last}

    def _slice(self, kept: AbstractSet[int], last: int) -> Cut:
        """Return a cut of some operations: what no other of them uses is returned, what they need beside is given."""
        program = self.subject.program
        used = {value for index in kept for value in program.tapped_operands(index)}
        returns = (each for each in program.taps if each[0] in kept and (each[0] == last or each not in used))
        return Cut(returns=tuple(returns), boundary=frozenset(value for value in used if value[0] not in kept))

    def _fails(self, cut: Cut) -> bool:
        """Whether a cut fails that is given values of the good side."""
        if self.subject.needs_values and not self.subject.learn_values(sorted(cut.boundary)):
            return False
        return self._shown(cut).mark is Mark.FAILS

    def _shown(self, cut: Cut) -> Shown:
        self._cuts += 1
        values: Sequence[Value] = cut.returns
        self.notice(f"program {self._cuts}, which returns {counted(len(values), 'value')}")
        return self.subject.shown(cut)
