"""Compares the outputs of a reference with those that a spec expects, and saves them beside the spec."""

import math
import shutil
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.core import judges
from harness.core.blobs import Blob, Fetched
from harness.core.cases import ModelSpec
from harness.core.errors import DiskError, NoVerdictError
from harness.core.measurements import Measurement
from harness.core.provenance import RecordedOutput
from harness.core.tensors import Tensor
from harness.core.text import of_threshold
from harness.core.values import frozen
from harness.host.beneath import Folder
from harness.host.disk import disk_errors
from harness.pipeline import compare, contents, file_kinds, measure
from harness.pipeline.contents import Contents
from harness.pipeline.step_results import RunResult
from harness.store.entry import sha256

_DIGITS = 8  # of the digest in the name of a file


@frozen
class Golden:
    """An output of a reference, to be recorded as the expected one.

    Attributes:
        made: its file among the results.
        name: the name of its file beside the spec; empty if the spec has the same output already.
        type: its type; None if the file states it.
        text: the output and how it differs from the expected one before, for the user.
        recorded: what the provenance says of it.
    """

    made: Path
    name: str
    type: str | None
    text: str
    recorded: RecordedOutput

    @property
    def entry(self) -> Mapping[str, str] | None:
        """What the spec says of it; None for what it says already."""
        if not self.name:
            return None
        return {"source": self.name} | ({"value": self.type} if self.type else {})

    def save(self, folder: Path) -> None:
        """Write its file beside the spec, unless it is there.

        Raises:
            DiskError: it cannot be written, or another file has its name.
        """
        files, path = Folder(folder), folder / self.name
        with disk_errors(path):
            if files.state(path) is not None:
                if _digest(path) != self.recorded.sha256:
                    raise DiskError(f"{path} exists, and is another file; remove it.")
                return
            temporary = path.with_name(f".{self.name}.{uuid.uuid4().hex}.tmp")
            try:
                with Folder(self.made.parent).reader(self.made) as source, files.new(temporary) as target:
                    shutil.copyfileobj(source, target)
                files.move(temporary, path)
            finally:
                files.remove(temporary)


def of_run(spec: ModelSpec, ran: RunResult, fetch: Callable[[Blob], Fetched]) -> list[Golden | None]:
    """Return the outputs of a run that kept all; None for one that the spec ignores.

    Args:
        spec: the spec, with the outputs that it expects so far.
        ran: the run of the reference.
        fetch: brings a blob to disk.

    Raises:
        IntegrityError: the type of an output is not known in full.
    """
    ignored = [index for index, each in enumerate(spec.outputs) if each is None]
    return [None if index in ignored else _golden(index, spec, ran, fetch) for index in range(len(ran.outputs))]


def _golden(index: int, spec: ModelSpec, ran: RunResult, fetch: Callable[[Blob], Fetched]) -> Golden:
    made, found = ran.folder / ran.outputs[index], measure.of_run(ran, index)
    digest = _digest(made)
    error, is_same, remark = None, False, "no expected output before"
    if index < len(spec.outputs):
        try:
            before, known = _before(spec, index, fetch)
            judge = judges.of_output(spec.judges, index)
            error = measure.measured(index, made, before, ran, spec.thresholds, judge=judge)
            is_same = error.kind is None and _has_same_bits(contents.of_output(made, before.type), before)
            digest = known if known and is_same else digest
            remark = _difference(error, is_same=is_same)
        except NoVerdictError as problem:
            remark = f"the expected output before cannot be read: {problem}"
    nan = compare.compare(index, found, found, thresholds=spec.thresholds).nan
    nans = f"; {nan} of {math.prod(found.type.shape)} elements are NaN" if nan else ""
    return Golden(
        made=made,
        name="" if is_same else f"{spec.path.stem}.output{index}.{digest[:_DIGITS]}{made.suffix}",
        type=None if made.suffix == ".npy" else str(found.type),
        text=f"output {index} ({found.type}): {remark}{nans}",
        recorded=RecordedOutput(
            sha256=digest,
            max_abs_error=error.max_abs_error if error else None,
            error_ratio=error.error_ratio if error else None,
        ),
    )


def _before(spec: ModelSpec, index: int, fetch: Callable[[Blob], Fetched]) -> tuple[Contents, str]:
    """Return the expected output so far, and the digest of its file; none if the spec writes it out."""
    expected = spec.outputs[index]
    if not isinstance(expected, Tensor):
        assert expected  # noqa: S101 - one that is ignored is not compared
        return contents.of_literal(expected.text), ""
    fetched, name = fetch(expected.blob), file_kinds.shown(expected.blob)
    before = contents.of_file(fetched.path, expected.type, is_npy=expected.is_npy, name=name)
    return before, fetched.blob.sha256


def _difference(error: Measurement, *, is_same: bool) -> str:
    if is_same:
        return "the same as before, bit for bit"
    if error.kind:
        return f"not like the expected output before: {error.reason}"
    share = f", {of_threshold(error.error_ratio)}" if error.error_ratio is not None else ""
    number = f"{error.max_abs_error:.2g}" if error.max_abs_error is not None else "unknown"
    return f"max error {number}{share}, against the expected output before"


def _has_same_bits(one: Contents, other: Contents) -> bool:
    elements = math.prod(other.type.shape)
    ranges = ((start, min(compare.CHUNK, elements - start)) for start in range(0, elements, compare.CHUNK))
    return all(one.read(*each).tobytes() == other.read(*each).tobytes() for each in ranges)


def _digest(path: Path) -> str:
    with Folder(path.parent).reader(path) as file:
        return sha256(file)
