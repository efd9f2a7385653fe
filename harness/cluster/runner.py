"""Does the steps of a command on a cluster: compilations and runs go to workers, and all else is done here.

What a step leaves comes back: modules into the cache, logs and outputs into the folder of results. So a case has the
same results as on one machine, and no worker is needed once a step has ended.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from distributed import Future

from harness.cluster import contents, labels, needs, worker
from harness.cluster.connection import Connection
from harness.cluster.held import Held
from harness.cluster.messages import Files, Reply, Request
from harness.core.blobs import Fetched, FetchedBlob
from harness.core.callbacks import Notice
from harness.core.errors import IntegrityError, NoVerdictError
from harness.core.statuses import Kind, Status, Verdict
from harness.core.urls import redacted
from harness.core.values import frozen
from harness.fetch.partial import BLOB
from harness.host.cancel import Cancelled
from harness.host.devices import Gpu
from harness.host.disk import disk_errors
from harness.iree.releases import ReleaseWheels
from harness.pipeline import planner
from harness.pipeline.step_results import INTERRUPTED, CompileResult, FetchResult, Results, StepResult
from harness.pipeline.step_runner import ToolStepRunner
from harness.pipeline.steps import Benchmark, Compare, Compile, Draw, ExpectedFile, Fetch, Link, Run, Step

# A larger file of the command's machine has to be where workers can read it.
_SENT_BYTES = 256 << 20
_ATTEMPTS = 3
# What may be the fault of a worker.
_OWN = {Kind.DISK, Kind.DEVICE, Kind.TOOL, Kind.ENGINE, Kind.FETCH}


@frozen(slots=False)
class ClusterRunner:
    """Does steps with a release on the workers of a cluster.

    Attributes:
        connection: the cluster.
        held: what was lent to it.
        release: the release.
        steps: does what is done here.
        offline: whether workers download nothing.
        notice: called with remarks.
    """

    connection: Connection
    held: Held
    release: ReleaseWheels
    steps: ToolStepRunner
    offline: bool
    notice: Notice

    def run(self, step: Step, results: Results, gpus: Sequence[Gpu]) -> StepResult:
        """Do a step whose needs are among the results."""
        try:
            match step:
                case Fetch():
                    return self._fetched(step)
                case Compare():
                    return self.steps.run(step, self._with_expected(step, results), gpus)
                case _:
                    return self._remote(step, results)
        except NoVerdictError as error:
            return StepResult(verdict=Verdict(status=Status.ERROR, kind=error.kind, reason=str(error)))
        except Cancelled:
            return StepResult(verdict=INTERRUPTED)

    def _fetched(self, step: Fetch) -> StepResult:
        """Return what is known of a blob; workers download those whose content is locked."""
        blob = step.blob
        if not (blob.is_remote and blob.sha256 and blob.size_bytes):
            return self.steps.run(step, Results(), ())
        path = self.steps.store.path("blobs", blob.sha256) / BLOB
        known = FetchedBlob(url=redacted(blob.url), sha256=blob.sha256, bytes=blob.size_bytes)
        return FetchResult(fetched=Fetched(path=path, blob=known, seconds=0.0))

    def _with_expected(self, step: Compare, results: Results) -> Results:
        """Return results in which the expected outputs are on this machine."""
        here = Results(results)
        for expected in step.expected:
            if isinstance(expected, ExpectedFile):
                here[Fetch(blob=expected.link.blob)] = FetchResult(fetched=self.steps.fetch(expected.link.blob))
        return here

    def _remote(self, step: Step, results: Results) -> StepResult:
        """Let a worker do a step; where the worker itself may be at fault, let another one try."""
        if isinstance(step, Compile) and (here := self._compiled_before(step, results)):
            return here
        failed: dict[str, str] = {}
        needed = self._needed(step, results)
        while True:
            reply = self._asked(step, results, needed, tuple(failed))
            reason = _own_failure(reply.result)
            others = {*self.connection.roster.fitting(needed)} - {*failed, reply.worker}
            if not reason or len(failed) + 1 == _ATTEMPTS or not others:
                break
            failed[reply.worker] = reason
            self.connection.suspect(reply.worker)
        self._blame(failed, is_to_blame=not reason)
        return self._taken(step, reply)

    def _blame(self, failed: Mapping[str, str], *, is_to_blame: bool) -> None:
        """Note who failed, and why, if another worker did not; otherwise it says nothing of them."""
        for worker_address, why in failed.items():
            if not is_to_blame:
                self.connection.cleared(worker_address)
            elif name := self.connection.failed(worker_address, why):
                self.notice(f"{name} gets no more work, for it failed where others did not: {why}")

    def _needed(self, step: Step, results: Results) -> dict[str, int]:
        """Return the labels that a step needs, with that of the CPU for which its modules were compiled."""
        compiles = step.compiles if isinstance(step, Run) else step.run.compiles if isinstance(step, Benchmark) else ()
        cpus = (self.held.cpu(results.compiled(each).module.key) for each in compiles)
        return labels.needed(step) | {labels.of_cpu(cpu): 1 for cpu in cpus if cpu}

    def _compiled_before(self, step: Compile, results: Results) -> StepResult | None:
        """Return a compilation whose module is in the cache of this machine, unless it is for the CPU of another."""
        if planner.is_for_host(step):
            return None
        return self.steps.found_module(step, results)

    def _asked(self, step: Step, results: Results, needed: Mapping[str, int], avoided: Sequence[str]) -> Reply:
        request = Request(
            step=step,
            release=self.release,
            timeout_s=self.steps.timeout_s,
            recompile=self.steps.recompile,
            offline=self.offline,
            fetched={link.blob: results.fetched(link.blob).blob for link in _links(step)},
            compiled={each: results.compiled(each) for each in _compiles(step)},
            drawn={draw: results.drawn(draw) for draw in _draws(step)},
        )
        return self.connection.done(
            worker.do,
            lambda: (request, dict(self._lent(request, results))),
            name=type(step).__name__.lower(),
            needs=needed,
            cancel=self.steps.cancel,
            avoided=avoided,
        )

    def _lent(self, request: Request, results: Results) -> Iterator[tuple[str, Future[Any]]]:
        """Yield the modules and the files of this machine that a step needs."""
        for blob, known in request.fetched.items():
            if not blob.is_remote and known.bytes <= _SENT_BYTES:
                read = functools.partial(_content, results.fetched(blob).path)
                yield known.sha256, self.held.find(known.sha256, read)
        for compiled in request.compiled.values():
            key = compiled.module.key
            yield key, self.held.find(key, functools.partial(contents.taken, compiled.folder))

    def _taken(self, step: Step, reply: Reply) -> StepResult:
        """Keep what a step left on this machine, and return its result with the paths of this machine."""
        result, root = reply.result, self.steps.out_dir
        if isinstance(step, Compile) and isinstance(result, CompileResult):
            root = self._module(step, result, reply)
            if planner.is_for_host(step):
                self.held.note_cpu(result.module.key, reply.cpu)
        else:
            with disk_errors(root):
                contents.put(reply.files, root)
        moved = {
            name: root / path.relative_to(reply.root)
            for name in ("log_path", "folder")
            if (path := getattr(result, name, None)) and path.is_relative_to(reply.root)
        }
        return msgspec.structs.replace(result, **moved)

    def _module(self, step: Compile, result: CompileResult, reply: Reply) -> Path:
        """Put a module into the cache, and return its folder.

        Raises:
            IntegrityError: it is not the module that the worker told of.
        """
        entry = self.steps.provide_module(step, result.module.key, lambda folder: contents.put(reply.files, folder))
        if entry.sha256(step.module) != result.module.sha256:
            raise IntegrityError(f"{step.module}: a worker returned another module than it told of; run it again.")
        return entry.path


def _content(path: Path) -> Files:
    return {needs.CONTENT: path.read_bytes()}


def _draws(step: Step) -> tuple[Draw, ...]:
    run = _run(step)
    return tuple(dict.fromkeys(draw for _, draw in run.drawn)) if run else ()


def _run(step: Step) -> Run | None:
    """Return the run whose files a step needs; None if it needs none."""
    return step if isinstance(step, Run) else step.run if isinstance(step, Benchmark) else None


def _compiles(step: Step) -> tuple[Compile, ...]:
    run = _run(step)
    return run.compiles if run else step.compiles if isinstance(step, Draw) else ()


def _links(step: Step) -> Iterator[Link]:
    """Yield the blobs that a worker needs for a step: for weights that are drawn, the programs that name them."""
    match step:
        case Compile() | Run():
            yield from step.links
        case Benchmark():
            yield from _links(step.run)
        case Draw():
            yield from (each.links[0] for each in step.compiles)
        case _:
            return
    for draw in _draws(step):
        yield from _links(draw)


def _own_failure(result: StepResult) -> str:
    """Return why a step failed if its worker may be the reason; empty if it is not."""
    found = result.verdict
    is_own = found is not None and found.status is Status.ERROR and found.kind in _OWN
    return f"{found.kind}: {found.reason}" if found and is_own else ""
