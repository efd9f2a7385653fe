"""Lets the compiler write the reproducer of a crash: the program before the pass that crashed, and the passes."""

from collections.abc import Callable
from pathlib import Path

from harness.core.blobs import Blob, Fetched
from harness.core.outcomes import Outcome
from harness.core.statuses import Kind, Phase, Status
from harness.host.beneath import Folder
from harness.host.process import CancelToken
from harness.iree.toolchain import Toolchain
from harness.packing.script import REPRODUCER, REPRODUCER_LOG
from harness.pipeline.steps import Compile, Plan
from harness.pipeline.tools import LocalTools, ToolRun

_FLAG = "--mlir-pass-pipeline-crash-reproducer"
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
            run = ToolRun(
                argv=(
                    str(tools.iree_compile),
                    *(word for word in step.argv[1:] if word not in step.added),
                    f"{_FLAG}={REPRODUCER}",
                ),
                reads={link.name: fetch(link.blob).path for link in step.links},
                writes=(REPRODUCER,),
                folder=folder,
                log_path=folder / REPRODUCER_LOG,
                timeout_s=timeout_s,
            )
            LocalTools().run(run, CancelToken())
            if Folder(folder).is_regular(folder / REPRODUCER):
                return True
            Folder(folder).remove(folder / REPRODUCER_LOG)
    return False
