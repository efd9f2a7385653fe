"""Tests cases with one release after another, or with several at once, as parts of one search."""

import contextlib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from harness.containers.provider import provider
from harness.core.callbacks import Notice, ignore
from harness.core.cases import Case
from harness.core.errors import NoVerdictError
from harness.core.outcomes import Outcome, Report
from harness.core.settings import Settings
from harness.fetch import provision
from harness.host.devices import Gpu
from harness.host.process import Cancelled, CancelToken
from harness.host.waiting import Threads
from harness.iree import release_sources
from harness.iree.releases import Releases
from harness.iree.toolchain import Toolchain
from harness.pipeline import selection
from harness.pipeline.environment import Environment, EnvironmentProvider, EnvironmentRequest
from harness.pipeline.out_dir import new_out_dir
from harness.pipeline.progress import Live
from harness.pipeline.run_cache import CachingStepRunner, Memory
from harness.pipeline.session import Session, default_jobs
from harness.pipeline.step_results import Results, StepResult
from harness.pipeline.step_runner import LocalStepRunner, StepRunner
from harness.pipeline.steps import Compile, Step
from harness.store.store import Store

_BUILD_STEP = "Step "
_PREPARED_AT_ONCE = 4


class Quiet(Live):
    """Shows what goes on, but leaves it to the search to say what became of the cases."""

    def case_ended(self, outcome: Outcome) -> None:
        """Say nothing."""

    def opened(self, environment: Environment) -> None:
        """Say nothing."""

    def notice(self, text: str) -> None:
        """Print a line, unless it is one of the steps in which an image is built."""
        if not text.startswith(_BUILD_STEP):
            super().notice(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseResult:
    """What became of the cases with a release.

    Attributes:
        report: the whole report.
        folder: folder of the results, relative to that of the search.
        reused: by case id, the release whose run was taken because module and runtime are the same.
    """

    report: Report
    folder: str
    reused: Mapping[str, str]


def known_releases(settings: Settings, notice: Notice) -> Releases:
    """Return the releases that a search may go through.

    Raises:
        UsageError: the image or the engine's address makes no sense, with any release.
        FetchError: a page of links cannot be downloaded.
    """
    with Store(settings.fetch.store.absolute()) as store:
        known = release_sources.known(settings.release, settings.fetch, store, notice)
    provider(settings, known.find(known.names[-1]))
    return known


@contextlib.contextmanager
def threads(at_once: int) -> Iterator[ThreadPoolExecutor]:
    """Lend threads in which releases are tested; on the way out, what has not begun is dropped."""
    pool = ThreadPoolExecutor(at_once)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class ReleaseRunner:
    """Tests cases with releases. Blobs, modules, toolchains, images and runs are shared between them."""

    def __init__(
        self, settings: Settings, cases: Sequence[Case], out_dir: Path, live: Live, *, known: Releases, at_once: int
    ) -> None:
        """Prepare; nothing starts before it is asked for.

        Args:
            settings: how to run; the release is replaced by each that is tested.
            cases: what to test.
            out_dir: folder for the results of each release.
            live: where to tell.
            known: the releases that there are.
            at_once: number of releases tested at once.
        """
        self.cancel = CancelToken()
        jobs = max(1, default_jobs() // at_once)
        self._settings = replace(settings, run=replace(settings.run, jobs=jobs))
        self._cases, self._out_dir, self._live = cases, out_dir, live
        self._memory, self._known = Memory(), known
        self._prepared: set[str] = set()
        self._preparing = Threads[None](_PREPARED_AT_ONCE)

    def close(self) -> None:
        """Stop what is still being prepared, and whatever else is under way."""
        self.cancel.set()
        self._preparing.close()

    def probe(self, release: str, run: int = 1) -> ReleaseResult:
        """Test the cases with a release, for the first or another time.

        Raises:
            DiskError: the results cannot be written.
        """
        caching = _CachingProvider(
            provider=self._provider(release), memory=self._memory, release=release, salt=run, reused={}
        )
        name = release if run == 1 else f"{release}-{run}"
        return self._tested(caching, release, name, caching.reused)

    def mixed(self, compiler: str, runtime: str) -> ReleaseResult:
        """Test the cases with the compiler of a release and the runtime of another.

        Raises:
            DiskError: the results cannot be written.
        """
        split = _SplitProvider(compiling=self._provider(compiler), running=self._provider(runtime))
        return self._tested(split, compiler, f"{compiler}-compiler-{runtime}-runtime", {})

    def prepare(self, release: str) -> None:
        """Begin to install a release or build its image; an error is told when the release is needed."""
        if release in self._prepared or self.cancel.is_set():
            return
        self._prepared.add(release)
        self._preparing.submit(self._prepare, self._provider(release))

    def _prepare(self, wanted: EnvironmentProvider) -> None:
        folder, waiting = self._settings.fetch.store.absolute(), provision.waiting(ignore, self.cancel)
        with contextlib.suppress(NoVerdictError, Cancelled), Store(folder, on_wait=waiting) as store:
            wanted.prepare(store, self.cancel, self._notice)

    def _notice(self, text: str) -> None:
        """Pass on what is said while something is prepared; an order to stop ends it there."""
        if self.cancel.is_set():
            raise Cancelled
        self._live.notice(text)

    def _provider(self, release: str) -> EnvironmentProvider:
        return provider(self._settings, self._known.find(release))

    def _tested(self, wanted: EnvironmentProvider, release: str, name: str, reused: Mapping[str, str]) -> ReleaseResult:
        folder = new_out_dir(self._out_dir / "probes" / name)
        settings = replace(self._settings, release=replace(self._settings.release, name=release))
        options = selection.options(settings.run)
        session = Session(settings, self._cases, options, folder, wanted, cancel=self.cancel)
        session.run(self._live)
        return ReleaseResult(report=session.written(None), folder=str(folder.relative_to(self._out_dir)), reused=reused)


@dataclass(frozen=True, slots=True, kw_only=True)
class _CachingProvider:
    """Provides the environments of another provider, in which no run is done that the memory has."""

    provider: EnvironmentProvider
    memory: Memory
    release: str
    salt: Hashable
    reused: dict[str, str]

    @property
    def engine(self) -> str:
        return self.provider.engine

    def prepare(self, store: Store, cancel: CancelToken, notice: Notice) -> None:
        self.provider.prepare(store, cancel, notice)

    @contextlib.contextmanager
    def open(self, request: EnvironmentRequest) -> Iterator[Environment]:
        with self.provider.open(request) as inner:
            yield _CachingEnvironment(
                name=inner.name, toolchain=inner.toolchain, facts=inner.facts, inner=inner, provider=self
            )


@dataclass(frozen=True, kw_only=True)
class _CachingEnvironment(Environment):
    inner: Environment
    provider: _CachingProvider

    def runner(self, local: LocalStepRunner) -> StepRunner:
        return CachingStepRunner(
            runner=self.inner.runner(local),
            memory=self.provider.memory,
            release=self.provider.release,
            runtime=self.toolchain.runtime_build,
            salt=self.provider.salt,
            reused=self.provider.reused,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _SplitProvider:
    """Provides environments that compile with one release and run with another."""

    compiling: EnvironmentProvider
    running: EnvironmentProvider

    @property
    def engine(self) -> str:
        return self.compiling.engine

    def prepare(self, store: Store, cancel: CancelToken, notice: Notice) -> None:
        for each in (self.compiling, self.running):
            each.prepare(store, cancel, notice)

    @contextlib.contextmanager
    def open(self, request: EnvironmentRequest) -> Iterator[Environment]:
        with self.compiling.open(request) as compiling, self.running.open(request) as running:
            yield _SplitEnvironment(
                name=compiling.name,
                toolchain=_joined(compiling.toolchain, running.toolchain),
                facts=compiling.facts,
                compiling=compiling,
                running=running,
            )


@dataclass(frozen=True, kw_only=True)
class _SplitEnvironment(Environment):
    compiling: Environment
    running: Environment

    def runner(self, local: LocalStepRunner) -> StepRunner:
        return SplitStepRunner(
            compiling=self.compiling.runner(local),
            running=self.running.runner(replace(local, toolchain=self.running.toolchain)),
        )


def _joined(compiling: Toolchain, running: Toolchain) -> Toolchain:
    """Return a toolchain as one that has the runtime of another."""
    return replace(compiling, runtime_commit=running.runtime_commit, runtime_build=running.runtime_build)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitStepRunner:
    """Does compilations in one environment and all else in another; they share the store."""

    compiling: StepRunner
    running: StepRunner

    def run(self, step: Step, results: Results, gpu: Gpu | None) -> StepResult:
        """Do a step where it belongs."""
        return (self.compiling if isinstance(step, Compile) else self.running).run(step, results, gpu)
