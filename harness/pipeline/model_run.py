"""Runs the modules of a case in a folder of their own, and finds out what the program gave."""

import dataclasses
from collections.abc import Sequence
from dataclasses import field
from pathlib import Path

from harness.core.devices import Device
from harness.core.errors import DeviceError, ToolError
from harness.core.formulas import Formula
from harness.core.statuses import Status, Verdict
from harness.core.values import frozen
from harness.host import devices, gpu_locks, process
from harness.host.beneath import Folder
from harness.host.cancel import CancelToken
from harness.host.devices import Gpu
from harness.host.disk import disk_errors
from harness.host.process import ProcessResult
from harness.pipeline import device_list, diagnose, file_kinds, logs, output_types, scalars, tensor_files
from harness.pipeline.run_steps import PROGRAM, program_index
from harness.pipeline.step_results import Results, RunResult, StepFailedError, StepResult
from harness.pipeline.steps import Run
from harness.pipeline.tools import ToolEnd, ToolRun, Tools
from harness.pipeline.used_devices import UsedDevices


@frozen
class ModelRunner:
    """Runs modules with the runtime of a release.

    Attributes:
        program: the path of iree-run-module.
        tools: runs it.
        out_dir: folder of the results.
        timeout_s: limit for each run.
        cancel: stops it.
        devices: finds the devices of a run.
    """

    program: Path
    tools: Tools
    out_dir: Path
    timeout_s: float
    cancel: CancelToken
    devices: UsedDevices = field(default_factory=UsedDevices)

    def run(self, step: Run, results: Results, gpus: Sequence[Gpu]) -> RunResult:
        """Run a case; it sees only the GPUs that were claimed for it.

        Raises:
            StepFailedError: the program, or the wrapper before it, cannot be started.
            DeviceError: a GPU is gone.
            IntegrityError: an input does not fit its type.
            DiskError: the folders cannot be written.
        """
        check_gpus(gpus)
        folder, log = self._folders(step)
        _check_files(step, results)
        variables = gpu_locks.visible(gpus)
        declared = output_types.declared(*_function(step, results))
        outputs = output_types.file_names(declared) if step.keeps_all else step.outputs
        argv = command(step.argv, step, results, gpus)
        argv = (*argv, *(output_types.arguments(outputs) if step.keeps_all else ()))
        start = logs.begin(log, argv)
        asked = ToolRun(
            argv=with_program(argv, PROGRAM, self.program),
            reads=files_of(step, results, folder),
            writes=tuple(filter(None, outputs)),
            folder=folder,
            log_path=log,
            timeout_s=self.timeout_s,
            variables=variables,
        )
        used = self.devices_of(asked)
        end = started(asked, self.tools, self.cancel)
        missing = [name for name in outputs if name and not (folder / name).exists()]
        verdict = self.verdict(step, end.process, logs.text(log, start=start), missing, results)
        types = output_types.stated(folder, outputs, declared)
        if not verdict and (positions := output_types.unknown(outputs, types)):
            types = self._printed_types(argv, asked, types, positions)
        for each in step.written:
            (folder / each.name).unlink()
        return RunResult(
            verdict=verdict,
            seconds=end.process.seconds,
            log_path=log,
            log_tail=logs.tail(log, start=start) if verdict else "",
            folder=folder,
            outputs=outputs,
            argv=argv,
            process=end.process,
            free_bytes=end.free_bytes,
            types=types,
            declared=declared,
            devices=used,
        )

    def devices_of(self, asked: ToolRun, program: Path | None = None) -> tuple[Device, ...]:
        """Return the devices that a run of the program, or of another one, gets."""
        if program:  # which lists no devices
            argv = tuple(str(self.program) if word == str(program) else word for word in asked.argv)
            asked = dataclasses.replace(asked, argv=argv)
        return self.devices.of(asked, str(self.program), self.tools, self.cancel)

    def _folders(self, step: Run) -> tuple[Path, Path]:
        """Return a new folder for the outputs, and the path of the log."""
        folder = logs.case_dir(self.out_dir / "outputs", step.case_id) / step.role
        log_dir = logs.case_dir(self.out_dir / "logs", step.case_id) / step.role
        files = Folder(self.out_dir)
        with disk_errors(self.out_dir):
            for path in (folder, log_dir):
                with files.within(path.parent, makes=True) as above:
                    above.renew(path.name)
            write_files(files, folder, step)
        return folder, log_dir / logs.RUN_LOG

    def verdict(
        self, step: Run, ended: ProcessResult, log: str, missing: Sequence[str], results: Results
    ) -> Verdict | None:
        """Return what went wrong, or None; an output of a type that cannot be written is for the comparison to tell."""
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
        self, argv: Sequence[str], asked: ToolRun, types: Sequence[str], positions: Sequence[int]
    ) -> tuple[str, ...]:
        """Run once more to print the types that neither a file nor the module states."""
        log = asked.folder / "types.log"
        printing = with_program(output_types.print_arguments(argv, positions), PROGRAM, self.program)
        started(dataclasses.replace(asked, argv=printing, writes=(), log_path=log), self.tools, self.cancel)
        text = logs.text(log)
        log.unlink()
        return output_types.printed(text, types, positions)


def check_gpus(gpus: Sequence[Gpu]) -> None:
    """Raise DeviceError if a GPU is gone."""
    if problem := next(filter(None, map(devices.missing, gpus)), ""):
        raise DeviceError(problem)


def with_program(words: Sequence[str], name: str, program: Path) -> tuple[str, ...]:
    """Return a command line with the path of the program that it names."""
    index = program_index(words, name)
    return (*words[:index], str(program), *words[index + 1 :])


def started(asked: ToolRun, tools: Tools, cancel: CancelToken) -> ToolEnd:
    """Run a tool; raise StepFailedError if it, or the wrapper before it, cannot be started."""
    try:
        return tools.run(asked, cancel)
    except ToolError as error:
        verdict = Verdict(status=Status.ERROR, kind=error.kind, reason=str(error))
        log = asked.log_path
        raise StepFailedError(StepResult(verdict=verdict, log_path=log, log_tail=logs.tail(log))) from error


def write_files(files: Folder, folder: Path, step: Run) -> None:
    """Write the tensors that the spec writes out or draws into the folder where a tool reads them."""
    if step.written:
        from harness.pipeline import contents, drawing  # noqa: PLC0415 - loads NumPy, which takes as long as all else

        stream = drawing.Stream()
        for each in step.written:
            with files.new(folder / each.name) as file:
                if isinstance(each.content, Formula):
                    file.writelines(stream.chunks(each.content))
                else:
                    file.write(contents.raw(each.content))


def files_of(step: Run, results: Results, folder: Path) -> dict[str, Path]:
    """Return the files that a run reads: blobs, modules, what their compilations wrote, and those in its folder."""
    blobs = {link.name: results.fetched(link.blob).path for link in step.links}
    names = {each: sorted(each.files) for each in step.compiles}
    made = {name: results.compiled(each).folder / name for each in step.compiles for name in names[each]}
    weights = {name: results.drawn(draw).path for name, draw in step.drawn}
    written = {each.name: folder / each.name for each in step.written}
    return blobs | weights | {name: path for name, path in made.items() if path.exists()} | written


def _check_files(step: Run, results: Results) -> None:
    """Raise IntegrityError if an input does not fit its type, or if the weights are no archive."""
    types = dict(step.inputs)
    for link in step.links:
        path = results.fetched(link.blob).path
        if link.name in types:
            tensor_files.file_type(path, types[link.name], name=file_kinds.shown(link.blob), is_npy=link.is_npy)
        elif link.name.startswith("weights."):
            file_kinds.check_weights(path, link.blob)


def command(argv: Sequence[str], step: Run, results: Results, gpus: Sequence[Gpu]) -> tuple[str, ...]:
    """Return a command line with the GPUs that were claimed, and with arguments as the module takes them."""
    return scalars.fitted(device_list.addressed(argv, step.devices, gpus), *_function(step, results))


def _function(step: Run, results: Results) -> tuple[str, str | None]:
    """Return the signature of the module that is called, and the name of the function, if the spec says it."""
    named = next((arg.partition("=")[2] for arg in step.argv if arg.startswith("--function=")), None)
    return results.compiled(step.compiles[-1]).signature, named
