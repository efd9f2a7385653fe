"""Lets the bad side write the reproducer of a failure to compile, and finds the operations that it is about."""

import tempfile
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from pathlib import Path

from harness.core.statuses import Phase, Verdict
from harness.core.text import counted
from harness.core.values import frozen
from harness.localize import failed_part
from harness.localize.failed_part import FailedPart
from harness.localize.laboratory import BAD, Experiment, Laboratory
from harness.localize.onnx_laboratory import OnnxLaboratory
from harness.localize.program import Program
from harness.localize.subject import Subject
from harness.packing import reproducer
from harness.packing.script import REPRODUCER, REPRODUCER_LOG
from harness.pipeline import diagnose, logs
from harness.pipeline.step_runner import ToolStepRunner
from harness.pipeline.steps import Compile

# The reproducer says from where each operation came, and leaves out large constants.
_PLACES = (
    "--mlir-print-debuginfo",
    "--mlir-elide-elementsattrs-if-larger=64",
    "--mlir-elide-resource-strings-if-larger=64",
)


@frozen
class Reproduced:
    """What the compiler writes about a failure.

    Attributes:
        text: the reproducer: the program before the pass that failed, and that pass; empty if there is none.
        log: what the compiler printed.
        program: the file name of the program there.
        again: how iree-opt ends with the reproducer; None if it does not fail, or was not asked.
        said: what it says then.
    """

    text: str
    log: str
    program: str
    again: Verdict | None = None
    said: str = ""

    @property
    def part(self) -> FailedPart | None:
        """What failed."""
        return failed_part.of_log(self.log)


@frozen
class Suspects:
    """Operations that a failure to compile is about.

    Attributes:
        operations: their indices; none if the compiler does not say it.
        why: what says so, for the reader; or what was tried.
    """

    operations: frozenset[int] = frozenset()
    why: str = ""


def reproduced(
    laboratory: Laboratory, experiment: Experiment, *, is_run: bool, words: Sequence[str] = ()
) -> Reproduced:
    """Compile a program on the bad side once more, for its reproducer.

    Args:
        laboratory: both sides.
        experiment: the program.
        is_run: whether to run the reproducer as well.
        words: further words for the compiler.
    """
    runner = laboratory.prepared[BAD].runner
    assert isinstance(runner, ToolStepRunner)  # noqa: S101 - only searches have others
    step = next(
        each
        for each in laboratory.planned(BAD, experiment).own
        if isinstance(each, Compile) and each.links[0].blob == experiment.program
    )
    with tempfile.TemporaryDirectory(dir=runner.out_dir) as name:
        folder, compiler = Path(name), runner.toolchain.iree_compile
        reads = {link.name: runner.fetch(link.blob).path for link in step.links}
        asked = reproducer.of_step(step, compiler, reads=reads, folder=folder, timeout_s=runner.timeout_s, words=words)
        runner.tools.run(asked, laboratory.cancel)
        found = Reproduced(
            text=_text(folder / REPRODUCER), log=_text(folder / REPRODUCER_LOG), program=step.links[0].name
        )
        if not (found.text and is_run):
            return found
        log = folder / "again.log"
        optimizer = compiler.with_name("iree-opt")
        again = reproducer.again(optimizer, folder=folder, log_path=log, timeout_s=runner.timeout_s)
        ended = runner.tools.run(again, laboratory.cancel).process
        said = _text(log)
        verdict = diagnose.compile_verdict(step, ended, said, missing=(), timeout_s=runner.timeout_s)
        first = next(filter(None, map(str.strip, said.splitlines())), f"exit code {ended.exit_code}")
        return replace(found, again=verdict, said=diagnose.first_error(said) or first)


def suspects(subject: Subject) -> Suspects:
    """Return the operations that the failure of the whole program is about, as the compiler says.

    They are those of the dispatch in which a pass failed; or else those in whose lines errors are.

    Raises:
        ImportFailedError: the bindings of MLIR broke down.
    """
    if not subject.failure or subject.failure[0] is not Phase.COMPILE or isinstance(subject.laboratory, OnnxLaboratory):
        return Suspects()
    whole = subject.whole(BAD)
    program = replace(subject.editors[BAD], path=whole.program.local_path).read(subject.program.function)
    found = reproduced(subject.laboratory, whole, is_run=False, words=_PLACES)
    if part := found.part:
        own = _of_lines(program, failed_part.lines_of_part(found.text, part, found.program))
        if own and own < _of_lines(program, None):
            said = f"{part.by} fails in {part.name}, which was made of {counted(len(own), 'operation')}"
            return Suspects(operations=own, why=said)
    if own := _of_lines(program, failed_part.lines_of_errors(found.log, found.program)):
        return Suspects(operations=own, why=f"the compiler names the line of {counted(len(own), 'operation')}")
    return Suspects(why="what the compiler writes about the failure names no part of the program")


def _of_lines(program: Program, lines: AbstractSet[int] | None) -> frozenset[int]:
    """Return the operations in some lines, or all; of those that compute something."""
    return frozenset(index for index, _ in program.taps if lines is None or program.operations[index].line in lines)


def _text(path: Path) -> str:
    return logs.text(path) if path.is_file() else ""
