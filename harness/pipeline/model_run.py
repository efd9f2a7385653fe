"""Runs the modules of a case in a folder of their own, and finds out what the program gave."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import DeviceError, ToolError
from harness.core.outcomes import Status, Verdict
from harness.host import devices, gpu_locks, process
from harness.host.beneath import Folder
from harness.host.devices import Gpu
from harness.host.disk import disk_errors
from harness.host.process import CancelToken, ProcessResult
from harness.iree.flags import STATISTICS_NAME
from harness.pipeline import diagnose, file_kinds, logs, output_types, tensor_files
from harness.pipeline.step_results import Results, RunResult, StepFailedError
from harness.pipeline.steps import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRunner:
    """Runs modules with the runtime of a release.

    Attributes:
        program: the path of iree-run-module.
        out_dir: folder of the results.
        timeout_s: limit for each run.
        cancel: stops it.
    """

    program: Path
    out_dir: Path
    timeout_s: float
    cancel: CancelToken

    def run(self, step: Run, results: Results, gpus: Sequence[Gpu]) -> RunResult:
        """Run a case; it sees only the GPUs that were claimed for it.

        Raises:
            StepFailedError: the program, or the wrapper before it, cannot be started.
            DeviceError: a GPU is gone.
            IntegrityError: an input does not fit its type.
            DiskError: the folders cannot be written.
        """
        if problem := next(filter(None, map(devices.missing, gpus)), ""):
            raise DeviceError(problem)
        folder, log = self._folders(step, results)
        _check_files(step, folder)
        variables = gpu_locks.visible(gpus)
        start = logs.begin(log, step.argv)
        ended = self._started(step.argv, folder, log, variables)
        verdict = self._verdict(step, ended, logs.text(log, start=start), folder, results)
        declared = _declared_outputs(step, results)
        types = output_types.stated(folder, step.outputs, declared)
        if not verdict and (positions := output_types.unknown(step.outputs, types)):
            types = self._printed_types(step, folder, types, positions, variables)
        given = {each.name for each in step.written}
        for path in [each for each in folder.iterdir() if each.is_symlink() or each.name in given]:
            path.unlink()
        return RunResult(
            verdict=verdict,
            seconds=ended.seconds,
            log_path=log,
            log_tail=logs.tail(log, start=start) if verdict else "",
            folder=folder,
            process=ended,
            types=types,
            declared=declared,
        )

    def _folders(self, step: Run, results: Results) -> tuple[Path, Path]:
        """Return a new folder with all that a run reads, and the path of its log."""
        folder = logs.case_dir(self.out_dir / "outputs", step.case_id)
        log_dir = logs.case_dir(self.out_dir / "logs", step.case_id)
        files = Folder(self.out_dir)
        with disk_errors(self.out_dir):
            for path in (folder, log_dir):
                files.remove(path)
                files.make(path)
            for link in step.links:
                files.point(folder / link.name, results.fetched(link.blob).path)
            write_files(files, folder, step)
            for each in step.compiles:
                for name in {each.module, *each.products} - {STATISTICS_NAME}:
                    files.point(folder / name, results.compiled(each).folder / name)
        return folder, log_dir / logs.RUN_LOG

    def _verdict(self, step: Run, ended: ProcessResult, log: str, folder: Path, results: Results) -> Verdict | None:
        """Return what went wrong, or None; an output of a type that cannot be written is for the comparison to tell."""
        missing = [name for name in step.outputs if name and not (folder / name).exists()]
        if diagnose.cannot_write_type(ended, log):
            return None
        return diagnose.run_verdict(
            step,
            ended,
            log,
            missing=missing,
            timeout_s=self.timeout_s,
            memory_limited=process.has_memory_limit(),
            lacks_stand_ins=any(results.compiled(each).lacks_stand_ins for each in step.compiles),
        )

    def _printed_types(
        self, step: Run, folder: Path, types: Sequence[str], positions: Sequence[int], variables: Mapping[str, str]
    ) -> tuple[str, ...]:
        """Run once more to print the types that neither a file nor the module states."""
        log = folder / "types.log"
        self._started(output_types.print_arguments(step.argv, positions), folder, log, variables)
        text = logs.text(log)
        log.unlink()
        return output_types.printed(text, types, positions)

    def _started(self, words: Sequence[str], folder: Path, log: Path, variables: Mapping[str, str]) -> ProcessResult:
        argv = list(words)
        index = max(at for at, word in enumerate(argv) if word == "iree-run-module")  # a wrapper may say it too
        argv[index] = str(self.program)
        if found := shutil.which(argv[0]):
            argv[0] = str(Path(found).absolute())  # it runs in another folder
        try:
            return process.run(
                argv, cwd=folder, log_path=log, timeout_s=self.timeout_s, cancel=self.cancel, variables=variables
            )
        except ToolError as error:
            verdict = Verdict(status=Status.ERROR, kind=error.kind, reason=str(error))
            raise StepFailedError(verdict, log) from error


def write_files(files: Folder, folder: Path, step: Run) -> None:
    """Write the tensors that the spec writes out into the folder where a tool reads them."""
    if step.written:
        from harness.pipeline import contents  # noqa: PLC0415 - loads NumPy, which takes as long as all else

        for each in step.written:
            with files.new(folder / each.name) as file:
                file.write(contents.raw(each.text))


def _check_files(step: Run, folder: Path) -> None:
    """Raise IntegrityError if an input does not fit its type, or if the weights are no archive."""
    types = dict(step.inputs)
    for link in step.links:
        path = folder / link.name
        if link.name in types:
            tensor_files.file_type(path, types[link.name], name=file_kinds.shown(link.blob))
        elif link.name.startswith("weights."):
            file_kinds.check_weights(path, link.blob)


def _declared_outputs(step: Run, results: Results) -> tuple[str, ...]:
    function = next((arg.partition("=")[2] for arg in step.argv if arg.startswith("--function=")), None)
    return output_types.declared(results.compiled(step.compiles[-1]).signature, function)
