"""The function that is looked into, on both sides: its parts are cut, tried and compared here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from harness.core.errors import IntegrityError
from harness.core.statuses import Kind, Phase
from harness.core.tensors import Tensor, Thresholds
from harness.core.values import frozen
from harness.localize import difference
from harness.localize.difference import Difference
from harness.localize.editor import CutProgram, CutRefusedError, Editor
from harness.localize.laboratory import BOTH, GOOD, Experiment, Input, Laboratory, Trial
from harness.localize.program import ARGUMENT, Cut, Program, Value

Failure = tuple[Phase | None, Kind | None]


class Mark(StrEnum):
    """What a cut shows."""

    FAILS = "fails"
    AGREES = "agrees"
    UNKNOWN = "unknown"


@frozen
class Shown:
    """What a cut shows.

    Attributes:
        mark: whether the sides differ as the whole program does.
        differences: by returned value, how far the bad side is from the good one; empty if one of them has none.
        trials: how the cut ended on each side; empty if it could not be made.
        reason: why it shows nothing.
    """

    mark: Mark
    differences: Mapping[Value, Difference] = field(default_factory=dict)
    trials: Sequence[Trial] = ()
    reason: str = ""


@dataclass(kw_only=True)
class Subject:
    """A function on both sides.

    Attributes:
        laboratory: compiles and runs.
        editors: what cuts the program of each side.
        program: the function, as the bad side has it.
        inputs: its arguments.
        matched: by the index of an operation of the bad side, that of the good side's program.
        is_compiled_alone: whether the case is compiled and not run.
        failure: how the bad side fails; None if it only computes other numbers.
        noticeable: by element type, from which relative error on values differ.
        thresholds: what says that values differ, where the case fails by less than rounding explains; None if errors
            relative to the scale of each value do.
        most_values: the largest number of values that a program may return; None for any.
        is_exact: whether any difference counts, because one compiler made both sides in the same way.
        given: values that are known from the good side.
    """

    laboratory: Laboratory
    editors: Sequence[Editor]
    program: Program
    inputs: tuple[Input, ...]
    matched: Mapping[int, int]
    is_compiled_alone: bool = False
    failure: Failure | None = None
    noticeable: dict[str, float] = field(default_factory=dict)
    thresholds: Thresholds | None = None
    most_values: int | None = None
    is_exact: bool = False
    given: dict[Value, Tensor] = field(default_factory=dict)

    def shown(self, cut: Cut) -> Shown:
        """Try a cut on both sides and compare what it returns.

        Raises:
            ImportFailedError: the bindings of MLIR broke down.
        """
        try:
            experiments = [self.experiment(cut, side) for side in BOTH]
        except (CutRefusedError, KeyError) as error:
            return Shown(mark=Mark.UNKNOWN, reason=str(error))
        return self.judged(cut.returns, self.laboratory.tried(experiments))

    def judged(self, returns: Sequence[Value], trials: Sequence[Trial]) -> Shown:
        """Return what trials of a program show that returns some values."""
        bad, good = trials
        if not good.is_good:
            return Shown(mark=Mark.UNKNOWN, trials=trials, reason=f"the good side: {good.outcome.reason}")
        if self.failure:
            return Shown(mark=Mark.FAILS if self._is_alike(bad) else Mark.AGREES, trials=trials)
        if not bad.is_good:
            return Shown(mark=Mark.UNKNOWN, trials=trials, reason=f"the bad side: {bad.outcome.reason}")
        errors = (each for _, each in differences(bad, good, len(returns), self.thresholds))
        found = dict(zip(returns, errors, strict=True))
        fails = any(self.is_wrong(value, each) for value, each in found.items())
        return Shown(mark=Mark.FAILS if fails else Mark.AGREES, differences=found, trials=trials)

    def _is_alike(self, trial: Trial) -> bool:
        """Whether a trial fails in the same phase; messages, and kinds, change under cuts."""
        return bool(self.failure and trial.failure and trial.failure[0] == self.failure[0])

    def is_wrong(self, value: Value, error: Difference) -> bool:
        """Whether a value differs by more than rounding explains."""
        if self.is_exact:
            return error.relative > 0
        if self.thresholds:
            return error.exceeds
        element = self.program.element(value)
        return error.relative > difference.limit(self.noticeable, element)

    def learn(self, found: Mapping[Value, Difference]) -> None:
        """Set from which errors on values differ, by the largest ones that were seen."""
        for element in {self.program.element(value) for value in found}:
            largest = max(each.relative for value, each in found.items() if self.program.element(value) == element)
            self.noticeable[element] = difference.noticeable(element, largest)

    def experiment(self, cut: Cut, side: int) -> Experiment:
        """Return a cut as a program with its inputs.

        Raises:
            CutRefusedError: it would not be valid.
            KeyError: a value of the good side is not known.
        """
        made = self.made(cut, side)
        inputs = tuple(map(self.input, made.arguments)) if self.needs_values else ()
        return Experiment(
            program=made.program,
            inputs=inputs,
            function=self.program.function,
            compiles_only=not self.needs_values,
        )

    @property
    def needs_values(self) -> bool:
        """Whether programs have to run to show something, and need inputs for that."""
        return not (self.is_compiled_alone or (self.failure and self.failure[0] is Phase.COMPILE))

    def whole(self, side: int) -> Experiment:
        """Return the whole program of a side, as the bindings write it, with its inputs.

        Raises:
            ImportFailedError: they cannot parse it.
        """
        program, _ = self.editors[side].same(self.program.function)
        return Experiment(
            program=program,
            inputs=self.inputs if self.needs_values else (),
            function=self.program.function,
            compiles_only=not self.needs_values,
        )

    def made(self, cut: Cut, side: int) -> CutProgram:
        """Return the program of a cut; its arguments are named as the bad side does.

        Raises:
            CutRefusedError: it would not be valid.
        """
        names = self.matched if side == GOOD else {index: index for index in self.matched}
        back = {other: own for own, other in names.items()} | {ARGUMENT: ARGUMENT}
        names = {**names, ARGUMENT: ARGUMENT}
        try:
            asked = Cut(
                returns=tuple((names[index], number) for index, number in cut.returns),
                boundary=frozenset((names[index], number) for index, number in cut.boundary if index in names),
                keeps=cut.keeps,
            )
        except KeyError as error:
            raise CutRefusedError("the other side has no such operation") from error
        made = self.editors[side].cut(self.program.function, asked)
        return CutProgram(
            program=made.program, arguments=tuple((back[index], number) for index, number in made.arguments)
        )

    def input(self, value: Value) -> Input:
        """Return an argument of the function, or a value that is known from the good side.

        Raises:
            KeyError: it is not known.
        """
        index, number = value
        return self.inputs[number] if index == ARGUMENT else self.given[value]

    def learn_values(self, values: Iterable[Value]) -> bool:
        """Compute values with the good side; return whether all are known now."""
        wanted = tuple(dict.fromkeys(each for each in values if each not in self.given))
        if not wanted:
            return True
        failure, self.failure = self.failure, None
        try:
            (trial,) = self.laboratory.tried([self.experiment(Cut(returns=wanted), GOOD)], [GOOD])
        except CutRefusedError:
            return False
        finally:
            self.failure = failure
        return trial.is_good and self.keep(wanted, trial)

    def keep(self, returns: Sequence[Value], trial: Trial) -> bool:
        """Keep what a trial of the good side returned, as inputs of other cuts."""
        try:
            self.given |= {value: trial.tensor(index) for index, value in enumerate(returns)}
        except (IntegrityError, ValueError, IndexError):
            return False
        return True


def differences(bad: Trial, good: Trial, count: int, thresholds: Thresholds | None) -> Sequence[tuple[str, Difference]]:
    """Return the element type of each output of the good side, and how far the bad side's is from it."""
    found = []
    for index in range(count):
        try:
            one, other = bad.contents(index), good.contents(index)
            found.append((other.type.element, difference.difference(one, other, thresholds)))
        except (IntegrityError, IndexError) as error:
            found.append(("", difference.different_shapes(str(error), "")))
    return found


def discard(trials: Iterable[Trial]) -> None:
    """Remove what trials returned."""
    for each in trials:
        each.discard()
