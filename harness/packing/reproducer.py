"""Lets the compiler write the reproducer of a failure: the program before the pass that failed, and that pass.

Without `--mlir-pass-pipeline-local-reproducer` it has the program as it was before all passes, and the names of all of
them, in a form that no release of iree-opt reads; and that flag is refused where passes run in several threads.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.core.blobs import Blob, Fetched
from harness.core.outcomes import Outcome
from harness.core.statuses import Kind, Phase, Status
from harness.host.beneath import Folder
from harness.host.cancel import CancelToken
from harness.iree.toolchain import Toolchain
from harness.packing.script import REPRODUCER, REPRODUCER_LOG
from harness.pipeline.steps import Compile, Plan
from harness.pipeline.tools import LocalTools, ToolRun

_FLAGS = (
    f"--mlir-pass-pipeline-crash-reproducer={REPRODUCER}",
    "--mlir-pass-pipeline-local-reproducer",
    "--mlir-disable-threading",
)
AGAIN = ("iree-opt", "--run-reproducer", REPRODUCER, "-o", "/dev/null")
# Kinds and statuses of cases whose compiler may have crashed; one that prints an error needs no reproducer.
_CRASHES = {Kind.CRASH}


def is_wanted(outcome: Outcome) -> bool:
    """Whether the compiler crashed; a crash that the spec expects counts, too."""
    return outcome.phase is Phase.COMPILE and (outcome.kind in _CRASHES or outcome.status is Status.XFAILED)


def written(plan: Plan, tools: Toolchain, fetch: Callable[[Blob], Fetched], folder: Path, *, timeout_s: float) -> bool:
    """Compile again what crashed, and return whether the compiler wrote a reproducer into the folder.

    Args:
        plan: the steps of the case.
        tools: the release.
        fetch: returns a blob on disk.
        folder: where the reproducer and the output of the compiler go.
        timeout_s: limit of each compilation.
    """
    for step in plan.own:
        if isinstance(step, Compile):
            run = of_step(
                step,
                tools.iree_compile,
                reads={link.name: fetch(link.blob).path for link in step.links},
                folder=folder,
                timeout_s=timeout_s,
            )
            LocalTools().run(run, CancelToken())
            if Folder(folder).is_regular(folder / REPRODUCER):
                return True
            Folder(folder).remove(folder / REPRODUCER_LOG)
    return False


def of_step(
    step: Compile,
    compiler: Path,
    *,
    reads: Mapping[str, Path],
    folder: Path,
    timeout_s: float,
    words: Sequence[str] = (),
) -> ToolRun:
    """Return a compilation, with further words, that leaves a reproducer in the folder if one of its passes fails."""
    own = (word for word in step.argv[1:] if word not in step.added)
    return ToolRun(
        argv=(str(compiler), *own, *_FLAGS, *words),
        reads=reads,
        writes=(REPRODUCER,),
        folder=folder,
        log_path=folder / REPRODUCER_LOG,
        timeout_s=timeout_s,
    )


def again(optimizer: Path, *, folder: Path, log_path: Path, timeout_s: float) -> ToolRun:
    """Return what runs the pass of a reproducer once more."""
    return ToolRun(
        argv=(str(optimizer), *AGAIN[1:]),
        reads={REPRODUCER: folder / REPRODUCER},
        folder=folder,
        log_path=log_path,
        timeout_s=timeout_s,
    )
