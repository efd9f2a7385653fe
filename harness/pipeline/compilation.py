"""Compiles a program into a folder, together with what the harness wants beside the module.

Statistics, and an archive that stands in for weights, take flags that the spec does not have. They must not decide how
a case ends: where the compiler fails with them, it compiles again without them.
"""

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.core.errors import DiskError
from harness.core.statuses import Kind, Status, Verdict
from harness.core.values import frozen
from harness.host import process
from harness.host.cancel import CancelToken
from harness.host.process import ProcessResult
from harness.pipeline import archive, diagnose, logs
from harness.pipeline.steps import WEIGHTS, Compile
from harness.pipeline.tools import ToolRun, Tools

_LEAST_FREE_BYTES = 64 * 1024


@frozen
class Compilation:
    """A compilation that ended.

    Attributes:
        verdict: what went wrong, or None.
        ended: how the compiler ended.
        note: a remark for the reader, or nothing.
    """

    verdict: Verdict | None
    ended: ProcessResult
    note: str = ""


@frozen
class Compiler:
    """The compiler of a release.

    Attributes:
        program: its path.
        tools: runs it.
        timeout_s: limit for each compilation.
        cancel: stops it.
    """

    program: Path
    tools: Tools
    timeout_s: float
    cancel: CancelToken

    def compile(self, step: Compile, reads: Mapping[str, Path], folder: Path) -> Compilation:
        """Compile; the module, other products and the log are written into a folder.

        A compilation that exceeds its limit is not repeated: without those flags it would take as long.

        Args:
            step: the compilation.
            reads: the files that the compiler reads, by plain name.
            folder: the folder, which is empty.
        """
        found = self._attempt(step, step.argv, reads, folder)
        if (
            found.verdict
            and found.verdict.status is Status.FAILED
            and found.verdict.kind is not Kind.TIMEOUT
            and step.added
        ):
            found = self._without_added(step, reads, folder, found.verdict)
        if not found.verdict and WEIGHTS in step.products and not (folder / WEIGHTS).exists():
            (folder / WEIGHTS).write_bytes(archive.head({}))
        return found

    def _without_added(self, step: Compile, reads: Mapping[str, Path], folder: Path, failure: Verdict) -> Compilation:
        """Compile with the flags of the spec alone, then with each of the harness's own that still works."""
        for name in (*step.products, logs.COMPILE_LOG):
            (folder / name).unlink(missing_ok=True)
        plain = self._attempt(step, [word for word in step.argv if word not in step.added], reads, folder)
        if plain.verdict:
            return plain
        if splat := [word for word in step.added if WEIGHTS in word]:
            self._weights(step, splat, reads, folder)
        note = f"compiled without {' '.join(step.added)}, which only the harness adds; with these: {failure.reason}"
        return Compilation(verdict=None, ended=plain.ended, note=note)

    def _weights(self, step: Compile, splat: Sequence[str], reads: Mapping[str, Path], folder: Path) -> None:
        """Write the archive of weights alone, if the compiler can."""
        kept = (*(word for word in step.argv if word not in step.added), *splat)
        argv = ["/dev/null" if word == step.module else word for word in kept]
        self._attempt(step, argv, reads, folder, log_name="weights.log")
        (folder / "weights.log").unlink()

    def _attempt(
        self,
        step: Compile,
        argv: Sequence[str],
        reads: Mapping[str, Path],
        folder: Path,
        *,
        log_name: str = logs.COMPILE_LOG,
    ) -> Compilation:
        log = folder / log_name
        asked = ToolRun(
            argv=(str(self.program), *argv[1:]),
            reads=reads,
            writes=tuple(dict.fromkeys((step.module, *step.products))),
            folder=folder,
            log_path=log,
            timeout_s=self.timeout_s,
        )
        end = self.tools.run(asked, self.cancel)
        if (
            end.process.signal == signal.SIGBUS and end.free_bytes < _LEAST_FREE_BYTES
        ):  # it maps the file that it writes
            raise DiskError(f"Cannot write {folder}: {process.NO_SPACE}. Free disk space, or choose another --store.")
        missing = [] if _has_content(folder / step.module) else [step.module]
        text = logs.text(log)
        verdict = diagnose.compile_verdict(step, end.process, text, missing=missing, timeout_s=self.timeout_s)
        if verdict:
            logs.mark_empty(log)
        return Compilation(verdict=verdict, ended=end.process)


def _has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0
