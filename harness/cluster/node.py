"""A worker's side of a cluster: does the steps that it is asked to do, with this machine's cache, tools and GPUs."""

import functools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import field, replace
from pathlib import Path

import msgspec

from harness.cluster import contents
from harness.cluster.messages import Files, Reply, Request
from harness.cluster.needs import Needs
from harness.core.callbacks import Notice
from harness.core.errors import NoVerdictError, ToolError
from harness.core.settings import FetchSettings
from harness.core.statuses import Status, Verdict
from harness.core.values import frozen
from harness.fetch import provision
from harness.host import devices
from harness.host.cancel import CancelToken
from harness.host.devices import Gpu
from harness.host.disk import disk_errors
from harness.host.gpu_locks import Pool
from harness.iree.releases import ReleaseWheels
from harness.iree.toolchain import Toolchain
from harness.pipeline import one_step
from harness.pipeline.environment import Environment, EnvironmentProvider, EnvironmentRequest
from harness.pipeline.step_results import CompileResult, StepResult
from harness.pipeline.step_runner import ToolStepRunner
from harness.pipeline.steps import Benchmark
from harness.pipeline.used_devices import UsedDevices
from harness.store import scratch
from harness.store.store import Store


class _Alone:
    """Lets a benchmark run while nothing else does, and all else beside each other."""

    def __init__(self) -> None:
        self._changed, self._others, self._is_alone = threading.Condition(), 0, False

    @contextmanager
    def held(self, *, alone: bool) -> Iterator[None]:
        """Wait until the machine is free for this step, and hold it."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_alone and not (alone and self._others))
            self._is_alone, self._others = alone, self._others + (not alone)
        try:
            yield
        finally:
            with self._changed:
                self._is_alone, self._others = False, self._others - (not alone)
                self._changed.notify_all()


@frozen(slots=False)
class Node:
    """This machine as a worker.

    Attributes:
        name: what users see.
        address: what the cluster calls it.
        store: the cache.
        fetch: how it downloads.
        provider: returns what provides a release.
        gpus: its GPUs.
        notice: called with remarks.
    """

    name: str
    address: str
    store: Store
    fetch: FetchSettings
    provider: Callable[[ReleaseWheels], EnvironmentProvider]
    gpus: Sequence[Gpu]
    notice: Notice
    _devices: UsedDevices = field(default_factory=UsedDevices)
    _alone: _Alone = field(default_factory=_Alone)
    _environments: dict[str, Environment] = field(default_factory=dict)
    _opened: ExitStack = field(default_factory=ExitStack)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def close(self) -> None:
        """Close the environments, and send what a shared store does not have yet."""
        self._opened.close()
        self.store.close()

    def toolchain(self, release: ReleaseWheels) -> Toolchain:
        """Return a release, which is installed the first time.

        Raises:
            NoVerdictError: it is not here, and cannot be installed.
        """
        return self._environment(release).toolchain

    def do(self, request: Request, held: Mapping[str, Files], cancel: CancelToken) -> Reply:
        """Do a step. What keeps it from being done is its verdict.

        Args:
            request: the step.
            held: the content of files and modules, by digest or key, as far as it was sent.
            cancel: stops it.
        """
        is_benchmark = isinstance(request.step, Benchmark)
        reply = functools.partial(Reply, worker=self.address, cpu=devices.cpu_identity())
        try:
            with (
                disk_errors(self.store.root),
                scratch.folder(self.store.root) as folder,
                self._alone.held(alone=is_benchmark),
            ):
                result = self._done(request, held, folder, cancel)
                root = result.folder if isinstance(result, CompileResult) else folder
                return reply(result=self._named(result), root=str(root), files=contents.taken(root))
        except NoVerdictError as error:
            verdict = Verdict(status=Status.ERROR, kind=error.kind, reason=str(error))
            return reply(result=self._named(StepResult(verdict=verdict)))

    def _named(self, result: StepResult) -> StepResult:
        """Return a result that says on which machine the step was done."""
        return msgspec.structs.replace(result, resource=f"{self.name} {result.resource}".strip())

    def _done(self, request: Request, held: Mapping[str, Files], folder: Path, cancel: CancelToken) -> StepResult:
        settings = replace(self.fetch, offline=self.fetch.offline or request.offline)
        environment = self._environment(request.release)
        with provision.fetcher(settings, self.store, self.notice, cancel=cancel) as fetcher:
            runner = environment.runner(
                ToolStepRunner(
                    store=self.store,
                    fetch=fetcher.fetch,
                    toolchain=environment.toolchain,
                    tools=environment.tools,
                    host_cpu=devices.cpu_identity(),
                    out_dir=folder,
                    timeout_s=request.timeout_s,
                    recompile=request.recompile,
                    cancel=cancel,
                    devices=self._devices,
                )
            )
            needs = Needs(request=request, held=held, store=self.store, fetch=fetcher.fetch)
            results = needs.results(runner)
            return one_step.result_of(request.step, results, runner=runner, pool=Pool(self.gpus), cancel=cancel)

    def _environment(self, release: ReleaseWheels) -> Environment:
        """Return the environment of a release, which is opened the first time.

        Raises:
            ToolError: this machine has another one, and installs none.
        """
        name = release.release.name
        with self._lock:
            if name not in self._environments:
                folder = self._opened.enter_context(scratch.folder(self.store.root))
                asked = EnvironmentRequest(
                    cases=(),
                    folders=(),
                    store=self.store,
                    out_dir=folder,
                    gpus=self.gpus,
                    cancel=CancelToken(),
                    notice=self.notice,
                )
                self._environments[name] = self._opened.enter_context(self.provider(release).open(asked))
            found = self._environments[name]
        if (here := found.toolchain.release.name) != name:
            raise ToolError(f"{self.name} has IREE {here}, not {name}; choose it with --iree {here}.")
        return found
