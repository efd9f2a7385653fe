"""Compares the outputs of a run with what the spec, or an oracle, expects."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from harness.core import judges
from harness.core.errors import DiskError, IntegrityError
from harness.core.judges import Judge
from harness.core.measurements import Measurement
from harness.core.statuses import Kind, Status, Verdict
from harness.core.tensors import TensorType, Thresholds
from harness.host import process
from harness.pipeline import compare, contents, file_kinds, logs, output_types
from harness.pipeline.contents import Contents
from harness.pipeline.step_results import CompareResult, Results, RunResult
from harness.pipeline.steps import Compare, Expected, ExpectedFile, Run


def compared(step: Compare, results: Results) -> CompareResult:
    """Compare every output; the outputs are kept only if one of them is wrong.

    Raises:
        IntegrityError: a file with an expected output does not fit its type, or an oracle has other outputs.
        DiskError: an output was not written for lack of space.
    """
    ran = results.ran(step.run)
    nothing = _nothing(step, step.reference, results) if step.reference else ""
    outputs = () if nothing else tuple(_measurements(step, results))
    wrong = next((each for each in outputs if each.kind), None)
    if wrong is None:
        shutil.rmtree(ran.folder)
        return CompareResult(outputs=outputs, nothing=nothing)
    verdict = Verdict(status=Status.FAILED, kind=wrong.kind, reason=wrong.reason)
    if ran.log_path:
        logs.conclude(ran.log_path, verdict)
    return CompareResult(verdict=verdict, outputs=outputs)


def _nothing(step: Compare, reference: Run, results: Results) -> str:
    """Return why a comparison with an oracle would say nothing, or nothing."""
    if not results.ran(step.run).outputs:
        return "the function returns nothing"
    pairs = zip(step.run.compiles, reference.compiles, strict=True)
    is_same = all(results.compiled(own).module.sha256 == results.compiled(other).module.sha256 for own, other in pairs)
    return "the oracle is the same module, byte for byte" if is_same else ""


def _measurements(step: Compare, results: Results) -> Iterator[Measurement]:
    ran = results.ran(step.run)
    for index, wanted in enumerate(_wanted(step, results)):
        if wanted is None:
            yield Measurement(index=index, type=None, ignored=True)
        else:
            judge = judges.of_output(step.judges, index)
            yield measured(index, ran.folder / ran.outputs[index], wanted, ran, step.thresholds, judge=judge)


def measured(
    index: int, actual: Path, wanted: Contents, ran: RunResult, thresholds: Thresholds, *, judge: Judge | None = None
) -> Measurement:
    """Return how far an output of a run is from what is wanted.

    Raises:
        DiskError: it was not written for lack of space.
    """
    given, declared = (types[index] if index < len(types) else "" for types in (ran.types, ran.declared))
    reason = output_types.mismatch(index, wanted.type, given, declared)
    if reason is None:
        try:
            found = contents.of_output(actual, wanted.type, given)
            return compare.compare(index, found, wanted, thresholds=thresholds, judge=judge)
        except IntegrityError as error:
            _check_space(actual, wanted.type, ran.free_bytes)
            reason = f"output {index} ({wanted.type}): {error}"
    return Measurement(index=index, type=str(wanted.type), kind=Kind.SHAPE, reason=reason)


def _check_space(actual: Path, expected: TensorType, free_bytes: int) -> None:
    """Tell a full disk from a program of another shape: iree-run-module ends with 0 in both cases."""
    lacking = expected.size_bytes - (actual.stat().st_size if actual.exists() else 0)
    if lacking > 0 and free_bytes < lacking:
        raise DiskError(f"Cannot write {actual}: {process.NO_SPACE}. Free disk space, or choose another --out.")


def _wanted(step: Compare, results: Results) -> Iterator[Contents | None]:
    """Yield what is expected of each output; None for one that is ignored."""
    if step.reference:
        yield from _of_reference(results.ran(step.run), results.ran(step.reference))
    for each in step.expected:
        yield _expected(each, results) if each else None


def _of_reference(ran: RunResult, reference: RunResult) -> Iterator[Contents]:
    if len(reference.outputs) != len(ran.outputs):
        raise IntegrityError(f"The oracle has {len(reference.outputs)} outputs, and the model {len(ran.outputs)}.")
    for index in range(len(reference.outputs)):
        yield of_run(reference, index)


def of_run(ran: RunResult, index: int) -> Contents:
    """Return an output of a run that kept all.

    Raises:
        IntegrityError: its type is not known in full, or the file does not fit it.
    """
    path = ran.folder / ran.outputs[index]
    try:
        return contents.of_output(path, TensorType.parse(ran.types[index]))
    except ValueError as error:
        raise IntegrityError(f"The type of output {index} of {path.parent} is not known in full: {error}.") from error


def _expected(expected: Expected, results: Results) -> Contents:
    if not isinstance(expected, ExpectedFile):
        return contents.of_literal(expected.text)
    link, path = expected.link, results.fetched(expected.link.blob).path
    return contents.of_file(path, expected.type, is_npy=link.is_npy, name=file_kinds.shown(link.blob))
