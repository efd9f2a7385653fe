"""Compares the outputs of a run with what the spec expects."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from harness.core.errors import DiskError, IntegrityError
from harness.core.outcomes import Kind, Measurement, Status, Verdict
from harness.core.tensors import TensorType, Thresholds
from harness.host import process
from harness.pipeline import compare, contents, file_kinds, logs, output_types
from harness.pipeline.contents import Contents
from harness.pipeline.step_results import CompareResult, Results, RunResult
from harness.pipeline.steps import Compare, Expected, ExpectedFile


def compared(step: Compare, results: Results) -> CompareResult:
    """Compare every output; the outputs are kept only if one of them is wrong.

    Raises:
        IntegrityError: a file with an expected output does not fit its type.
        DiskError: an output was not written for lack of space.
    """
    outputs = tuple(_measurements(step, results))
    wrong = next((each for each in outputs if each.kind), None)
    if wrong is None:
        shutil.rmtree(results.ran(step.run).folder)
        return CompareResult(outputs=outputs)
    verdict = Verdict(status=Status.FAILED, kind=wrong.kind, reason=wrong.reason)
    if log := results.ran(step.run).log_path:
        logs.conclude(log, verdict)
    return CompareResult(verdict=verdict, outputs=outputs)


def _measurements(step: Compare, results: Results) -> Iterator[Measurement]:
    ran = results.ran(step.run)
    for index, expected in enumerate(step.expected):
        if expected is None:
            yield Measurement(index=index, type=None, ignored=True)
            continue
        actual = ran.folder / step.run.outputs[index]
        yield _measured(index, actual, _wanted(expected, results), ran, step.thresholds)


def _measured(index: int, actual: Path, wanted: Contents, ran: RunResult, thresholds: Thresholds) -> Measurement:
    given, declared = (types[index] if index < len(types) else "" for types in (ran.types, ran.declared))
    reason = output_types.mismatch(index, wanted.type, given, declared)
    if reason is None:
        try:
            found = contents.of_output(actual, wanted.type)
            return compare.compare(index, found, wanted, thresholds=thresholds)
        except IntegrityError as error:
            _check_space(actual, wanted.type, ran.free_bytes)
            reason = f"output {index} ({wanted.type}): {error}"
    return Measurement(index=index, type=str(wanted.type), kind=Kind.SHAPE, reason=reason)


def _check_space(actual: Path, expected: TensorType, free_bytes: int) -> None:
    """Tell a full disk from a program of another shape: iree-run-module ends with 0 in both cases."""
    lacking = expected.size_bytes - (actual.stat().st_size if actual.exists() else 0)
    if lacking > 0 and free_bytes < lacking:
        raise DiskError(f"Cannot write {actual}: {process.NO_SPACE}. Free disk space, or choose another --out.")


def _wanted(expected: Expected, results: Results) -> Contents:
    if not isinstance(expected, ExpectedFile):
        return contents.of_literal(expected.text)
    link, path = expected.link, results.fetched(expected.link.blob).path
    return contents.of_file(path, expected.type, is_npy=link.is_npy, name=file_kinds.shown(link.blob))
