"""Keeps what a failed case needs so that its commands can be repeated by hand: links to blobs, and its modules.

The folder is hidden, because tools that upload results follow links, and a link may lead to gigabytes. Modules are
copied: a repeated compilation overwrites its own module, and never that of the store.
"""

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from harness.core.outcomes import Outcome
from harness.core.statuses import Phase, Status
from harness.host.beneath import Folder
from harness.pipeline import logs
from harness.pipeline.model_run import write_files
from harness.pipeline.step_results import INTERRUPTED, CompileResult, DrawResult, FetchResult, StepResult
from harness.pipeline.steps import Benchmark, Compare, Compile, ExpectedFile, Fetch, Link, Plan, Run, Step

_FOLDER = ".work"


def kept(plan: Plan, results: Mapping[Step, StepResult], found: Outcome, out_dir: Path) -> Outcome:
    """Return the outcome of a case with the folder in which its commands can be repeated, if it needs one.

    Without space on the disk, or without the files, there is no such folder.
    """
    has_run = found.phase not in {Phase.FETCH, None} and found.reason != INTERRUPTED.reason
    if found.status not in {Status.FAILED, Status.ERROR} or not has_run:
        return found
    folder = logs.case_dir(out_dir / _FOLDER, plan.case.id)
    files = Folder(out_dir)
    try:
        files.make(folder.parent)
        files.renew(folder)
        _fill(files, folder, plan, results)
    except OSError:
        files.remove(folder)
        return found
    return replace(found, work=str(folder.relative_to(out_dir)), tools=tuple(_tools(plan, results)))


def _tools(plan: Plan, results: Mapping[Step, StepResult]) -> Iterator[tuple[str, ...]]:
    """Yield the command line of each program that was started, without what only the harness adds."""
    for step in plan.own:
        if step in results and isinstance(step, Compile):
            yield tuple(word for word in step.argv if word not in step.added)
        elif step in results and isinstance(step, Run | Benchmark):
            yield step.argv


def _fill(files: Folder, folder: Path, plan: Plan, results: Mapping[Step, StepResult]) -> None:
    for step in plan.own:
        made = results.get(step)
        if isinstance(step, Compile) and isinstance(made, CompileResult):
            others = [name for name in step.products if (made.folder / name).exists()]
            for name in dict.fromkeys((step.module, *others)):
                with Folder(made.folder).reader(made.folder / name) as module, files.new(folder / name) as copy:
                    shutil.copyfileobj(module, copy)
        if isinstance(step, Run):
            write_files(files, folder, step)
    for name, path in _blobs(plan, results):  # after the copies, so that none is written through a link
        with contextlib.suppress(FileExistsError):
            files.point(folder / name, path)


def _blobs(plan: Plan, results: Mapping[Step, StepResult]) -> Iterator[tuple[str, Path]]:
    """Yield the name and the path of each file that the tools read, and of the expected outputs."""
    for step in plan.own:
        for name, draw in step.drawn if isinstance(step, Run) else ():
            made = results.get(draw)
            if isinstance(made, DrawResult):
                yield name, made.path
        for link in _links(step):
            got = results.get(Fetch(blob=link.blob))
            if isinstance(got, FetchResult):
                yield link.name, got.fetched.path


def _links(step: Step) -> Iterator[Link]:
    match step:
        case Compile() | Run():
            yield from step.links
        case Compare():
            yield from (each.link for each in step.expected if isinstance(each, ExpectedFile))
