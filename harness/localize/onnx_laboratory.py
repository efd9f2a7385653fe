"""Tries parts of an ONNX file: compiled on the bad side, and run by ONNX Runtime, which is the good side."""

import functools
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from harness.core.blobs import Blob
from harness.core.cases import EMPTY, Case
from harness.core.errors import NoVerdictError
from harness.core.outcomes import Outcome
from harness.core.statuses import Status
from harness.core.values import frozen
from harness.host.process import ProcessResult
from harness.importers.workers import exchange
from harness.localize.editor import Editor
from harness.localize.laboratory import BAD, GOOD, Experiment, Laboratory, Trial
from harness.pipeline.import_steps import files_of
from harness.pipeline.onnx_import import OnnxImport
from harness.pipeline.step_results import RunResult
from harness.store.entry import Entry

FLOAT64 = "onnx"  # the backend of what ONNX itself computes in float64
_ENDED = ProcessResult(exit_code=0, signal=None, timed_out=False, seconds=0.0, cpu_seconds=0.0, peak_memory_bytes=0)


def uncut(case: Case, imported: Case) -> Case:
    """Return a case with the ONNX file as its program, and with what its import found out: its inputs."""
    found = imported.spec
    spec = replace(
        case.spec,
        inputs=found.inputs,
        thresholds=found.thresholds,
        compile_only=case.is_compile_only,
        dimensions=EMPTY,
        has_reference=False,
        seed=0,
    )
    return replace(case, spec=spec)


@frozen(slots=False)
class OnnxEditor(Editor):
    """Reads and cuts an ONNX file: its nodes are the operations.

    Attributes:
        model: the file.
    """

    model: OnnxImport
    writes: ClassVar[str] = exchange.PART

    def _done(self, do: str, asked: Mapping[str, object]) -> tuple[Entry, Mapping[str, object]]:
        return self.model.done(do, "onnx", (), **asked)


@dataclass(kw_only=True)
class OnnxLaboratory(Laboratory):
    """Tries parts of an ONNX file. Both sides have the same case."""

    @functools.cached_property
    def editor(self) -> OnnxEditor:
        """What reads and cuts the file."""
        steps, (model, _) = self.prepared[BAD].steps, self._fetched
        path = steps.fetch(self.cases[BAD].spec.mlir).path
        return OnnxEditor(runner=model.runner, store=steps.store, path=path, name=model.name, model=model)

    @functools.cached_property
    def _fetched(self) -> tuple[OnnxImport, Mapping[str, Blob]]:
        """The file, and its external data by the names in it."""
        model = self._importing(BAD).model(self.cases[BAD])
        return model, model.fetch()

    def _case(self, side: int, experiment: Experiment, number: int) -> Case:
        """Return the case of a part, whose external data is not beside it, and whose function the importer names."""
        case, (_, data) = super()._case(side, replace(experiment, backend=""), number), self._fetched
        return replace(case, spec=replace(case.spec, run_function=None, external_data=data))

    def _run(self, side: int, experiment: Experiment, number: int) -> Trial:
        return super()._run(side, experiment, number) if side == BAD else self._reference(experiment, number)

    def in_float64(self, experiment: Experiment) -> Trial:
        """Return what ONNX itself computes of a part in float64."""
        (trial,) = self.tried([replace(experiment, backend=FLOAT64)], [GOOD])
        return trial

    def _reference(self, experiment: Experiment, number: int) -> Trial:
        """Return what ONNX Runtime makes of a part; it compiles nothing."""
        case, out_dir = self._case(BAD, experiment, number), self.prepared[BAD].steps.out_dir
        spec, target = case.spec, case.target
        outcome = Outcome(
            id=case.id,
            model=spec.model,
            submodel=spec.submodel,
            backend=str(target.backend),
            chip=target.chip,
            status=Status.COMPILED if experiment.compiles_only else Status.RAN,
        )
        if experiment.compiles_only:
            return Trial(outcome=outcome, ran=None, out_dir=out_dir)
        try:
            is_wide = experiment.backend == FLOAT64
            ran = self._ran(case, out_dir / "outputs" / f"onnxruntime.{number:04}", in_float64=is_wide)
        except NoVerdictError as error:
            failed = replace(outcome, status=Status.ERROR, kind=error.kind, reason=str(error))
            return Trial(outcome=failed, ran=None, out_dir=out_dir)
        return Trial(outcome=outcome, ran=ran, out_dir=out_dir)

    def _ran(self, case: Case, folder: Path, *, in_float64: bool) -> RunResult:
        """Run a part with ONNX Runtime, and copy its outputs, which are removed when they are not needed any more."""
        model = self._importing(BAD).model(case)
        model.fetch()
        entry, ran = model.ran(in_float64=in_float64)
        saved = ran.calls[0].outputs
        folder.mkdir(parents=True)
        for path in files_of(entry, [each.file for each in saved], model.name):
            shutil.copyfile(path, folder / path.name)
        return RunResult(
            folder=folder,
            outputs=tuple(each.file for each in saved),
            argv=(),
            process=_ENDED,
            free_bytes=0,
            types=tuple(each.type for each in saved),
        )
