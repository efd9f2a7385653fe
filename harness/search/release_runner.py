"""Tests cases with releases, several at once, for one search."""

import contextlib
import hashlib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from harness.containers.auto_provider import Choice
from harness.containers.provider import provider
from harness.core.callbacks import Notice, ignore
from harness.core.cases import EMPTY, Case
from harness.core.errors import NoVerdictError
from harness.core.outcomes import Outcome, Report
from harness.core.settings import Settings
from harness.core.statuses import Phase
from harness.core.values import frozen
from harness.core.variants import Variant
from harness.fetch import provision
from harness.host.beneath import Folder
from harness.host.cancel import Cancelled, CancelToken
from harness.host.disk import disk_errors
from harness.host.waiting import Threads
from harness.iree import release_sources
from harness.iree.releases import Releases
from harness.pipeline import capacity
from harness.pipeline.environment import Environment, EnvironmentProvider
from harness.pipeline.options import Options
from harness.pipeline.out_dir import new_out_dir
from harness.pipeline.progress import Live
from harness.pipeline.recorder import Recorder
from harness.pipeline.run_cache import Memory
from harness.pipeline.session import Session
from harness.pipeline.steps import Plan
from harness.report import facts
from harness.search.axis import Axis
from harness.search.environments import CachingProvider, SplitProvider
from harness.store.store import Store

_PREPARED_AT_ONCE = 4


class SearchProgress(Live):
    """Shows a search while it runs; the search itself prints a line for each release."""

    names_release = True

    @property
    def width(self) -> int | None:
        """The number of characters in a line of the terminal; None if there is no terminal."""
        return self._width

    def work_began(self, activity: str) -> None:
        """Print nothing: it would stand between the tested releases."""

    def expect_cases(self, number: int) -> None:
        """Ignore the number of cases: it is that of one release."""

    def expect_tests(self, number: int) -> None:
        """Set how many cases are tested with all releases together."""
        super().expect_cases(number)

    def planned(self, plans: Sequence[Plan]) -> None:
        """Ignore plans: those of the releases that are left are not known."""

    def case_ended(self, outcome: Outcome) -> None:
        """Count a case."""
        self.count(outcome)

    def opened(self, environment: Environment) -> None:
        """Ignore the environment."""


@frozen
class ReleaseResult:
    """The results of testing cases with a release.

    Attributes:
        report: the report of the run.
        folder: folder of the results, relative to that of the search.
        reused: by case id, the release whose run was reused because module and runtime are the same.
    """

    report: Report
    folder: str
    reused: Mapping[str, str]

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The outcomes, with paths that are relative to the folder of the search."""
        return tuple(moved(outcome, self.folder) for outcome in self.report.cases)

    @property
    def spent_s(self) -> float:
        """How long all steps took that were really done, in seconds."""
        return sum(map(self._spent_s, self.report.cases))

    def _spent_s(self, outcome: Outcome) -> float:
        reused = (Phase.RUN, Phase.COMPARE) if outcome.id in self.reused else ()
        return sum(facts.seconds(value) for phase, value in outcome.seconds.items() if phase not in reused)


def _folder(name: str) -> str:
    """Return the name of a folder, which no other name has. That of a release is the release."""
    plain = name.strip("/").replace("/", "_")
    return plain if plain == name else f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def moved(outcome: Outcome, folder: str) -> Outcome:
    """Return an outcome with `folder` before the paths of its logs and of what was kept."""
    kept, work = (f"{folder}/{path}" if path else "" for path in (outcome.kept, outcome.work))
    return replace(
        outcome, logs={step: f"{folder}/{path}" for step, path in outcome.logs.items()}, kept=kept, work=work
    )


def known_releases(settings: Settings, notice: Notice) -> Releases:
    """Return the releases that a search may test.

    Raises:
        UsageError: the settings of image or engine are wrong for every release.
        FetchError: a wheel index cannot be downloaded.
    """
    with Store(settings.fetch.store.absolute()) as store:
        known = release_sources.known(settings.release, settings.fetch, store, notice)
    provider(settings, known.find(known.names[-1]))
    return known


@contextlib.contextmanager
def threads(at_once: int) -> Iterator[ThreadPoolExecutor]:
    """Yield threads that test releases. The exit drops tests that have not begun and does not wait for the others."""
    pool = ThreadPoolExecutor(at_once)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class ReleaseRunner:
    """Tests cases with releases, which share blobs, modules, toolchains, images and runs.

    Attributes:
        cancel: stops all tests.
    """

    def __init__(
        self,
        settings: Settings,
        cases: Sequence[Case],
        out_dir: Path,
        live: Live,
        *,
        known: Releases,
        at_once: int,
        variants: Mapping[str, Variant] = EMPTY,
    ) -> None:
        """Start nothing yet.

        Args:
            settings: how to run; each test replaces the release.
            cases: what to test.
            out_dir: folder for the results of all releases.
            live: shows the tests while they run.
            known: the known releases.
            at_once: number of releases tested at once.
            variants: what is tested in place of releases, by name, with the one that the settings name.
        """
        self.cancel = CancelToken()
        jobs = max(1, capacity.cores() // at_once)
        self._settings = replace(settings, run=replace(settings.run, jobs=jobs, out=None))
        self._cases, self._out_dir, self._live = cases, out_dir, live
        self._variants = variants
        self._axis = next((Axis(each.axis) for each in variants.values()), Axis.RELEASE)
        self._memory, self._known, self._choice = Memory(), known, Choice()
        self._prepared: set[str] = set()
        self._preparing = Threads[None](_PREPARED_AT_ONCE)
        self._recorder = Recorder.here(settings.history)  # before the current folder may be removed

    def close(self) -> None:
        """Stop all tests and preparations, and wait for the preparations."""
        self.cancel.set()
        self._preparing.close()

    def probe(self, release: str, run: int = 1) -> ReleaseResult:
        """Test the cases with a release, for the first or another time.

        Another run compiles again what failed to compile: it is to find out whether the compiler always fails.

        Raises:
            DiskError: the results cannot be written.
        """
        caching = CachingProvider(
            provider=self._provider(release),
            memory=self._memory,
            release=release,
            salt=self._salt(release, run),
            reused={},
        )
        folder = _folder(release)
        name = folder if run == 1 else f"{folder}/runs/{run}"
        return self._tested(caching, release, name, caching.reused, recompile=run > 1)

    def _salt(self, release: str, run: int) -> Hashable:
        """Return what runs share that are reused: an equal module with an equal runtime, but not another driver."""
        return run if self._axis is Axis.RELEASE else (run, release)

    def mixed(self, compiler: str, runtime: str) -> ReleaseResult:
        """Test the cases with the compiler of one release and the runtime of another.

        Raises:
            DiskError: the results cannot be written.
        """
        split = SplitProvider(compiling=self._provider(compiler), running=self._provider(runtime))
        return self._tested(split, compiler, f"{compiler}-compiler-{runtime}-runtime", {})

    def discard(self, result: ReleaseResult) -> None:
        """Remove the outputs and the copies of modules that were kept of a result."""
        for outcome in result.outcomes:
            for folder in filter(None, (outcome.kept, outcome.work)):
                Folder(self._out_dir).remove(self._out_dir / folder)

    def prepare(self, release: str) -> None:
        """Begin to install a release or build its image; an error is reported when the release is tested."""
        if release in self._prepared or self.cancel.is_set():
            return
        self._prepared.add(release)
        self._preparing.submit(self._prepare, self._provider(release))

    def _prepare(self, wanted: EnvironmentProvider) -> None:
        folder, waiting = self._settings.fetch.store.absolute(), provision.waiting(ignore, self.cancel)
        with (
            contextlib.suppress(NoVerdictError, Cancelled),
            Store(folder, on_wait=waiting, on_work=self._worked) as store,
        ):
            wanted.prepare(store, self.cancel, self._live.notice)

    def _worked(self, activity: str, amount: str | None) -> None:
        """Show the work of a preparation, or end the preparation if it was cancelled before the work began."""
        if amount == "" and self.cancel.is_set():
            raise Cancelled
        self._live.worked(activity, amount)

    def _provider(self, release: str) -> EnvironmentProvider:
        settings = self._axis.settings(self._settings, release)
        return provider(settings, self._known.find(str(settings.release.name)), self._choice)

    def _tested(
        self,
        wanted: EnvironmentProvider,
        release: str,
        name: str,
        reused: Mapping[str, str],
        *,
        recompile: bool = False,
    ) -> ReleaseResult:
        folder = self._out_dir / "probes" / name
        with disk_errors(folder):
            Folder(self._out_dir).make(folder)
        new_out_dir(folder)
        settings = self._axis.settings(self._settings, release)
        settings = replace(settings, run=replace(settings.run, recompile=recompile or settings.run.recompile))
        options = Options.of(settings)
        session = Session(settings, self._cases, options, folder, wanted, cancel=self.cancel, recorder=self._recorder)
        session.run(self._live)
        report = session.written(lambda outcome: replace(outcome, variant=self._variants.get(release)))
        return ReleaseResult(report=report, folder=str(folder.relative_to(self._out_dir)), reused=reused)
