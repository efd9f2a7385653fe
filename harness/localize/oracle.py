"""Says which side is wrong: computes the operations to blame in float64, which neither side does.

The program of these operations alone is written in float64 and compiled by both sides. Only if both results agree far
better than the sides do, they are what is right. IREE's code generator for CPUs lacks most functions of f64, so its
interpreter (VMVX), which has those of the C library, is asked after it. Of a part of an ONNX file, ONNX's own
implementation in NumPy is right, which neither IREE nor ONNX Runtime has a part in.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.core.blobs import Blob
from harness.core.errors import NoVerdictError
from harness.core.formulas import Formula
from harness.core.tensors import Literal, Tensor, TensorType
from harness.core.text import one_line
from harness.importers.document import F64_FLAG
from harness.localize import difference
from harness.localize.difference import Difference
from harness.localize.editor import CutRefusedError
from harness.localize.laboratory import BAD, BOTH, GOOD, NAMES, Experiment, Input, Trial
from harness.localize.onnx_laboratory import FLOAT64, OnnxLaboratory
from harness.localize.program import ARGUMENT, Cut, Value
from harness.localize.result import SideErrors, Verdict
from harness.localize.subject import Subject
from harness.localize.widened import WIDE, has_stored, widened
from harness.pipeline import contents
from harness.pipeline.contents import Array, Contents, numpy_type
from harness.pipeline.drawing import Stream

_BACKENDS = ("llvm-cpu", "vmvx")
# By how much both results agree better than the sides do, and how much farther from them the wrong side is.
_BETTER, _FARTHER = 100, 2
_BOTH, _NEITHER = "both", "neither"
_SHOWN = 300


class _NoOracleError(Exception):
    """Nothing is known to be right. The message says why."""


def verdict(subject: Subject, cut: Cut) -> Verdict | None:
    """Return which side computes a cut wrongly that shows the failure; None if the failure itself says it."""
    if subject.failure:
        return None
    try:
        return _Oracle(subject, cut).verdict()
    except (_NoOracleError, CutRefusedError, NoVerdictError) as error:
        return Verdict(why=one_line(str(error), limit=_SHOWN))


@dataclass(frozen=True, slots=True)
class _Oracle:
    subject: Subject
    cut: Cut

    def verdict(self) -> Verdict:
        """Return which side is wrong with the value in which they differ most.

        Raises:
            _NoOracleError: nothing is known to be right.
            CutRefusedError: the program with stored numbers as arguments would not be valid.
            NoVerdictError: a tensor cannot be read.
        """
        subject = self.subject
        shown = subject.shown(self.cut)
        wrong = [each for each in shown.differences if subject.is_wrong(each, shown.differences[each])]
        if not wrong:
            raise _NoOracleError("the operation does not fail again.")
        value = max(wrong, key=lambda each: shown.differences[each].relative)
        place = self.cut.returns.index(value)
        right, backend = self._right(place, shown.differences[value].relative)
        errors = [self._error(trial.contents(place), right) for trial in shown.trials]
        bad, good = (each.relative for each in errors)
        wrong_side = self._wrong(value, errors)
        return Verdict(by="float64", backend=backend, wrong=wrong_side, errors=SideErrors(bad=bad, good=good))

    def _wrong(self, value: Value, errors: Sequence[Difference]) -> str:
        """Return the side that is clearly farther from what is right, and not only by rounding."""
        worse = max(BOTH, key=lambda side: errors[side].relative)
        if not self._is_wrong(value, errors[worse]):
            return _NEITHER
        return NAMES[worse] if errors[worse].relative >= _FARTHER * errors[1 - worse].relative else _BOTH

    def _is_wrong(self, value: Value, error: Difference) -> bool:
        if self.subject.is_exact:
            return error.relative > difference.noise(self.subject.program.element(value))
        return self.subject.is_wrong(value, error)

    def _right(self, place: int, apart: float) -> tuple[Contents, str]:
        """Return a value in float64, and the backend that computed it.

        Raises:
            _NoOracleError: the results of float64 do not agree, or there are none.
        """
        laboratory = self.subject.laboratory
        if isinstance(laboratory, OnnxLaboratory):
            trial = laboratory.in_float64(self.subject.experiment(self.cut, GOOD))
            if not trial.is_good:
                raise _NoOracleError(_told(trial))
            return trial.contents(place), FLOAT64
        experiments = self._experiments()
        is_one = self._is_one_compiler() and experiments[BAD] == experiments[GOOD]
        why, found = "", list[Contents]()
        for backend in _BACKENDS:
            trials = laboratory.tried([replace(each, backend=backend) for each in experiments])
            if failed := next((each for each in trials if not each.is_good), None):
                why = why or _told(failed)
                continue
            pair = [each.contents(place) for each in trials]
            found = [*found, pair[BAD]] if is_one else pair
            if len(found) < len(BOTH):
                why = "only one compiler can compute the operation in float64."
                continue
            between = difference.difference(found[-1], found[-2])
            if between.relative * _BETTER <= min(apart, 1.0):
                return found[-1], backend
            why = f"in float64 the sides differ as well, by {between.relative:.1e}."
        raise _NoOracleError(why)

    def _is_one_compiler(self) -> bool:
        """Whether one release compiles for the CPU in one way on both sides."""
        laboratory = self.subject.laboratory
        builds = [each.steps.toolchain.build for each in laboratory.prepared]
        targets = [each.target for each in laboratory.cases]
        flags = [laboratory.local(side, _BACKENDS[0]).spec.compiler_flags for side in BOTH]
        return builds[BAD] == builds[GOOD] and (targets[BAD] != targets[GOOD] or flags[BAD] == flags[GOOD])

    def _experiments(self) -> list[Experiment]:
        """Return the program in float64, as each side has it.

        Raises:
            _NoOracleError: it has no floats.
            CutRefusedError: it would not be valid.
        """
        subject, cut = self.subject, self.cut
        if has_stored(_text(subject.made(cut, BAD).program)):
            stored = frozenset(self._stored())
            cut = replace(cut, boundary=cut.boundary | stored)
            if not subject.learn_values(sorted(stored)):
                raise _NoOracleError("the constants of the operation cannot be read.")
        return [self._experiment(cut, side) for side in BOTH]

    def _experiment(self, cut: Cut, side: int) -> Experiment:
        subject = self.subject
        made = subject.made(cut, side)
        if (text := widened(_text(made.program))) is None:
            raise _NoOracleError("the operation computes with integers alone, for which there is no float64.")
        if has_stored(text):
            raise _NoOracleError("the operation has constants that cannot be written in float64.")
        return Experiment(
            program=self._kept(f"{_digest(text.encode())}.mlir", text.encode()),
            inputs=tuple(self._input(subject.input(each)) for each in made.arguments),
            function=subject.program.function,
            flags=(F64_FLAG,),
        )

    def _stored(self) -> Iterator[Value]:
        """Yield the constants and weights of the cut that are tensors of floats."""
        program = self.subject.program
        seen, waiting = set[int](), [index for index, _ in self.cut.returns]
        while waiting:
            index = waiting.pop()
            if index in seen:
                continue
            seen.add(index)
            waiting += [each for each, _ in program.operations[index].operands if each != ARGUMENT]
            yield from (
                (index, number)
                for number, crosses in enumerate(program.operations[index].crosses)
                if crosses and program.operations[index].is_stored and program.element((index, number)) in WIDE
            )

    def _input(self, given: Input) -> Input:
        """Return an input in float64."""
        if isinstance(given, Literal) and not given.is_tensor:
            return given
        type_, numbers = self._numbers(given)
        if type_.element not in WIDE:
            return given
        wide = TensorType(shape=type_.shape, element=WIDE[type_.element])
        raw = numbers.astype(numpy_type(wide.element)).tobytes()
        return Tensor(blob=self._kept(f"{_digest(raw)}.bin", raw), type=wide)

    def _numbers(self, given: Input) -> tuple[TensorType, Array]:
        if isinstance(given, Formula):
            return given.type, np.frombuffer(b"".join(Stream().chunks(given)), numpy_type(given.type.element))
        if isinstance(given, Literal):
            return _all(contents.of_literal(given.text))
        path = self.subject.laboratory.prepared[BAD].steps.fetch(given.blob).path
        return _all(contents.of_file(path, given.type, is_npy=given.is_npy))

    def _error(self, actual: Contents, right: Contents) -> Difference:
        """Return how far a value is from the right one, as a number of its own type."""
        if actual.type.element not in WIDE:
            return difference.difference(actual, right, self.subject.thresholds)
        _, numbers = _all(right)
        with np.errstate(over="ignore"):
            raw = numbers.astype(numpy_type(actual.type.element)).tobytes()
        type_ = TensorType(shape=right.type.shape, element=actual.type.element)
        path = self._kept(f"{_digest(raw)}.bin", raw).local_path
        return difference.difference(actual, contents.of_file(path, type_, is_npy=False), self.subject.thresholds)

    def _kept(self, name: str, content: bytes) -> Blob:
        """Return a file of this look, which is named by its content."""
        folder = self.subject.laboratory.prepared[BAD].steps.out_dir / "float64"
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
        return Blob(url=(folder / name).absolute().as_uri())


def _told(failed: Trial) -> str:
    return f"the operation cannot be computed in float64: {failed.outcome.reason.rstrip('.')}."


def _all(found: Contents) -> tuple[TensorType, Array]:
    return found.type, found.read(0, math.prod(found.type.shape))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _text(program: Blob) -> str:
    return program.local_path.read_text(encoding="utf-8")
