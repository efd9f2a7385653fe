"""Has cases judged with one release after another, or with several at once, as parts of one search."""

import argparse
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from harness.containers import provider as choice
from harness.core.cases import Case
from harness.core.errors import NoVerdictError
from harness.core.outcomes import Outcome, Report
from harness.fetch import provision
from harness.host.devices import Gpu
from harness.host.process import Cancelled, CancelToken
from harness.iree import release_sources
from harness.iree.releases import Releases
from harness.iree.toolchain import Toolchain
from harness.pipeline import session
from harness.pipeline.environment import Order, Provider, Site
from harness.pipeline.executor import StepRunner
from harness.pipeline.progress import Live
from harness.pipeline.run_cache import CachingStepRunner, Memory
from harness.pipeline.step_runner import Results, StepResult
from harness.pipeline.steps import Compile, Step
from harness.store.store import Store

_BUILD_STEP = "Step "
_PREPARED_AT_ONCE = 4


class Quiet(Live):
    """Shows what goes on, but leaves it to others to say what came of it."""

    def case_ended(self, outcome: Outcome) -> None:
        """Say nothing."""

    def placed(self, site: Site) -> None:
        """Say nothing."""

    def notice(self, text: str) -> None:
        """Print a line, unless it is of one of the steps in which an image is built."""
        if not text.startswith(_BUILD_STEP):
            super().notice(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What came of judging cases with a release: the report, the folder of its results, relative to that of all.

    `reused` has by case the release whose run it was, if the same module had been run by the same runtime before.
    """

    report: Report
    folder: str
    reused: Mapping[str, str]


def known_releases(
    parsed: argparse.Namespace, environment: Mapping[str, str], notice: Callable[[str], None]
) -> Releases:
    """Return the releases that a search may go through.

    Raises:
        UsageError: the image or the engine's address makes no sense, with whichever release.
        FetchError: a page of links cannot be had.
    """
    with Store(parsed.store.absolute()) as store:
        known = release_sources.known(parsed, store, notice)
    choice.provider(parsed, environment, known.find(known.names[-1]))
    return known


@contextlib.contextmanager
def threads(at_once: int) -> Iterator[ThreadPoolExecutor]:
    """Lend threads in which releases are judged; on the way out nobody waits for what has not begun."""
    pool = ThreadPoolExecutor(at_once)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class Prober:
    """Judges cases with releases. What was made once is shared: blobs, modules, toolchains, images, and runs."""

    def __init__(
        self,
        parsed: argparse.Namespace,
        environment: Mapping[str, str],
        cases: Sequence[Case],
        out_dir: Path,
        live: Live,
        *,
        known: Releases,
    ) -> None:
        """Prepare; nothing starts before it is asked for.

        Args:
            parsed: the command line; `jobs` releases at once.
            environment: of the process.
            cases: what to judge.
            out_dir: folder for the results of each release.
            live: where to tell.
            known: the releases that there are.
        """
        self.cancel = CancelToken()
        self._parsed = argparse.Namespace(**vars(parsed))
        self._parsed.jobs = max(1, session.default_jobs() // parsed.jobs)
        self._environment, self._cases, self._out_dir, self._live = environment, cases, out_dir, live
        self._memory, self._known = Memory(), known
        self._prepared: set[str] = set()
        self._preparing = ThreadPoolExecutor(_PREPARED_AT_ONCE)

    def close(self) -> None:
        """Stop what is still being prepared, and whatever else is under way."""
        self.cancel.set()
        self._preparing.shutdown(cancel_futures=True)

    def probe(self, release: str, run: int = 1) -> Judged:
        """Judge the cases with a release, for the first or another time.

        Raises:
            DiskError: the results cannot be written.
        """
        provider, reused = self._provider(release), dict[str, str]()

        @contextlib.contextmanager
        def opened(order: Order) -> Iterator[Site]:
            with provider.open(order) as site:
                yield replace(
                    site,
                    hand_over=lambda steps: CachingStepRunner(
                        runner=site.hand_over(steps),
                        memory=self._memory,
                        release=release,
                        runtime=site.toolchain.runtime_build,
                        salt=run,
                        reused=reused,
                    ),
                )

        name = release if run == 1 else f"{release}-{run}"
        return self._judged(replace(provider, open=opened), release, name, reused)

    def mixed(self, compiler: str, runtime: str) -> Judged:
        """Judge the cases with the compiler of a release and the runtime of another.

        Raises:
            DiskError: the results cannot be written.
        """
        first, second = self._provider(compiler), self._provider(runtime)

        @contextlib.contextmanager
        def opened(order: Order) -> Iterator[Site]:
            with first.open(order) as compiling, second.open(order) as running:
                yield replace(
                    compiling,
                    toolchain=_joined(compiling.toolchain, running.toolchain),
                    hand_over=lambda steps: SplitStepRunner(
                        compiling=compiling.hand_over(steps),
                        running=running.hand_over(replace(steps, toolchain=running.toolchain)),
                    ),
                )

        name = f"{compiler}-compiler-{runtime}-runtime"
        return self._judged(replace(first, open=opened), compiler, name, {})

    def prepare(self, release: str) -> None:
        """Begin to have the toolchain or the image of a release; what stands in its way is told when it is needed."""
        if release in self._prepared or self.cancel.is_set():
            return
        self._prepared.add(release)
        provider = self._provider(release)

        def prepare() -> None:
            with (
                contextlib.suppress(NoVerdictError, Cancelled),
                Store(self._parsed.store.absolute(), on_wait=provision.waiting(lambda _: None, self.cancel)) as store,
            ):
                provider.prepare(store, self.cancel, self._notice)

        self._preparing.submit(prepare)

    def _notice(self, text: str) -> None:
        """Pass on what is said while something is made ready; an order to stop ends it there."""
        if self.cancel.is_set():
            raise Cancelled
        self._live.notice(text)

    def _with(self, release: str) -> argparse.Namespace:
        """Return the command line of one that names this release."""
        return argparse.Namespace(**{**vars(self._parsed), "iree": release})

    def _provider(self, release: str) -> Provider:
        return choice.provider(self._parsed, self._environment, self._known.find(release))

    def _judged(self, provider: Provider, release: str, name: str, reused: Mapping[str, str]) -> Judged:
        folder = session.new_out_dir(self._out_dir / "probes" / name)
        parsed = self._with(release)
        report = session.judged(parsed, self._cases, folder, provider, live=self._live, cancel=self.cancel)
        return Judged(report=report, folder=str(folder.relative_to(self._out_dir)), reused=reused)


def _joined(compiling: Toolchain, running: Toolchain) -> Toolchain:
    """Return a toolchain as one that has the runtime of another."""
    return replace(compiling, runtime_commit=running.runtime_commit, runtime_build=running.runtime_build)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitStepRunner:
    """Has compilations done at one place and all else at another; they share the store."""

    compiling: StepRunner
    running: StepRunner

    def run(self, step: Step, results: Results, gpu: Gpu | None) -> StepResult:
        """Do a step where it belongs."""
        return (self.compiling if isinstance(step, Compile) else self.running).run(step, results, gpu)
