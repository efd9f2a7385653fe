"""The pytest plugin that collects specs and takes each case through the same plan as `harness quality`.

    python quality_tests/ -rpFe --log-cli-level=info --timeout=600 --durations=0
    pytest quality_tests/ --test-file-directory DIR --external-file-directory DIR -k clip -n 2

`--timeout` is the limit of each compilation and each run, as in the harness. Blobs are fetched in the
set-up of a test, so a blob that cannot be had is an error and not a failure, and its time is its own.
"""

import contextlib
import logging
import os
import shlex
from collections.abc import Generator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.cli.arguments import from_environment
from harness.core.cases import Case
from harness.core.errors import NoVerdictError, UsageError
from harness.core.outcomes import Outcome, Status, Verdict
from harness.core.settings import ReleaseSettings, Settings
from harness.fetch import provision
from harness.host import devices
from harness.host.gpu_locks import Pool
from harness.iree import release_sources
from harness.pipeline import planner, selection, targets
from harness.pipeline.executor import claimed
from harness.pipeline.outcome import outcome
from harness.pipeline.step_results import Results
from harness.pipeline.step_runner import LocalStepRunner
from harness.pipeline.steps import Compare, Fetch, Plan
from harness.report import facts
from harness.specs import reader
from harness.store.store import Store

_LOG = logging.getLogger("harness")
_OUT_DIR = Path("results/pytest")
_LOG_LINES = 40


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the original suite's options and the harness's own choice of release."""
    group = parser.getgroup("harness")
    group.addoption("--test-file-directory", type=Path, help="folder of specs (default: quality_tests)")
    group.addoption("--external-file-directory", type=Path, help="folder of files that specs name by name")
    group.addoption("--iree", metavar="RELEASE", help="IREE release (default: the newest in the lock)")
    group.addoption(
        "--find-links", action="append", default=[], metavar="URL|DIR", help="more releases: a page, a folder"
    )
    group.addoption(
        "--wheels", action="append", default=[], metavar="DIR", help="more releases: a folder of locally built wheels"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Collect from the folder of `--test-file-directory` where it is given."""
    if folder := config.getoption("--test-file-directory"):
        config.args = [str(folder)]
    try:
        config.pluginmanager.register(_Bench(config), "harness-bench")
    except (UsageError, NoVerdictError) as error:
        raise pytest.UsageError(str(error)) from error


class _Bench:
    """What the tests of one process share: the command line, the toolchain and the store."""

    def __init__(self, config: pytest.Config) -> None:
        self.settings = asked = _settings(config)
        with Store(asked.fetch.store) as store:
            self.release = release_sources.chosen(asked.release, asked.fetch, store, _LOG.info)
        self.folders = selection.spec_folders(asked.cases)
        self._paths = frozenset(self.folders.paths())
        self.out_dir = (asked.run.out or _OUT_DIR).absolute()
        self.pool = Pool(selection.gpus(asked.target), on_wait=provision.waiting(_LOG.info, why="another run uses"))
        self._steps: LocalStepRunner | None = None
        self._has_room = False
        self._open = contextlib.ExitStack()

    @pytest.hookimpl
    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> "SpecFile | None":
        """Collect a spec; other JSON files are none of ours."""
        return SpecFile.from_parent(parent, path=file_path) if file_path.resolve() in self._paths else None

    @pytest.hookimpl
    def pytest_unconfigure(self) -> None:
        """Close what was opened."""
        self._open.close()

    def cases(self, path: Path) -> list[Case]:
        """Return the cases of a spec file for the targets asked for; there may be none."""
        target = self.settings.target
        wanted = targets.targets(target, selection.gpus(target))
        sku = selection.asked_sku(target, wanted[0].backend)
        specs = reader.load_all([path.resolve()], self.folders, sku=sku)
        return planner.cases(specs, wanted)

    def plan(self, case: Case) -> Plan:
        """Return what will be done for a case."""
        return planner.plan(case, self.steps.toolchain.release, selection.options(self.settings.run))

    @property
    def steps(self) -> LocalStepRunner:
        """What does the steps; the toolchain is provided the first time."""
        if self._steps is None:
            fetch = self.settings.fetch
            store = Store(fetch.store, on_wait=provision.waiting(_LOG.info))
            self._fetcher = self._open.enter_context(provision.fetcher(fetch, store, _LOG.info))
            self._steps = LocalStepRunner(
                store=store,
                fetch=self._fetcher.fetch,
                toolchain=release_sources.installed(fetch, self.release, store, None, _LOG.info),
                host_cpu=devices.cpu_identity(),
                out_dir=self.out_dir,
                timeout_s=self.settings.run.timeout_s,
            )
        return self._steps

    def make_room(self, items: Iterable[pytest.Item]) -> None:
        """Before the first blob, see that there is room for those of all tests together."""
        if not self._has_room:
            self._has_room = True
            cases = [item.case for item in items if isinstance(item, CaseItem)]
            blobs = [step.blob for case in cases for step in self.plan(case).steps if isinstance(step, Fetch)]
            provision.make_room(self.settings.fetch, self._fetcher, blobs, _LOG.info)


def _settings(config: pytest.Config) -> Settings:
    """Return the settings of the environment, with what pytest's command line says."""
    settings = from_environment(os.environ)  # noqa: TID251 - an entry point, as cli.main is
    timeout_s = config.getoption("timeout", None)
    return replace(
        settings,
        cases=replace(
            settings.cases,
            specs=config.getoption("--test-file-directory"),
            external_files=config.getoption("--external-file-directory"),
        ),
        release=ReleaseSettings(
            name=config.getoption("--iree"),
            find_links=(*config.getoption("--find-links"), *settings.release.find_links),
            wheels=tuple(map(Path, config.getoption("--wheels"))),
        ),
        run=replace(settings.run, timeout_s=float(timeout_s)) if timeout_s else settings.run,
    )


class SpecFile(pytest.File):
    """A spec file: an item for each of its cases."""

    def collect(self) -> Iterable["CaseItem"]:
        """Yield the cases for the backend asked for."""
        try:
            for case in _bench(self.config).cases(self.path):
                yield CaseItem.from_parent(self, name=case.id, case=case)
        except UsageError as error:
            raise self.CollectError(str(error)) from error


class CaseItem(pytest.Item):
    """A case as a test."""

    def __init__(self, *, case: Case, **rest: Any) -> None:
        """Remember the case; pytest's own limit is off, since the tools have theirs."""
        super().__init__(**rest)
        self.case = case
        self.outcome: Outcome | None = None
        self._results = Results()
        self._plan: Plan | None = None
        self.add_marker(pytest.mark.timeout(0))

    def setup(self) -> None:
        """Provide the toolchain and fetch the blobs; what cannot be had is an error."""
        bench = _bench(self.config)
        try:
            bench.make_room(self.session.items)
            self._plan = bench.plan(self.case)
        except NoVerdictError as error:
            blocked = Verdict(status=Status.ERROR, kind=error.kind, reason=str(error))
            self._plan = Plan(case=self.case, steps=(), blocked=blocked)
        self._do(self._plan, fetching=True)

    def runtest(self) -> None:
        """Compile, run and compare."""
        assert self._plan  # noqa: S101 - set-up comes first
        self._do(self._plan, fetching=False)
        found = self.outcome = outcome(self._plan, self._results, self._verdict, _bench(self.config).out_dir)
        match found.status:
            case Status.XFAILED:
                pytest.xfail(facts.headline(found))
            case Status.UNSUPPORTED | Status.SKIPPED:
                pytest.skip(facts.headline(found))
            case Status.FAILED | Status.XPASSED | Status.ERROR:
                raise _NotAsExpectedError(found)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return what became of the case instead of a traceback of ours."""
        if not isinstance(excinfo.value, _NotAsExpectedError):
            return super().repr_failure(excinfo, style)
        found = excinfo.value.outcome
        tail = "\n".join(found.log_tail.splitlines()[-_LOG_LINES:])
        return f"{found.status.upper()} {found.id}\n{facts.explanation(found)}\n{tail}".strip()

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the test is: the spec."""
        return self.path, 0, self.case.id

    @property
    def _verdict(self) -> Verdict | None:
        return next((done.verdict for done in self._results.values() if done.verdict), None)

    def _do(self, plan: Plan, *, fetching: bool) -> None:
        for step in plan.steps:
            if isinstance(step, Fetch) is not fetching or self._verdict:
                continue
            if not isinstance(step, Fetch | Compare):
                _LOG.info("+ %s", shlex.join(step.argv))
            bench = _bench(self.config)
            with claimed(bench.pool, step, bench.steps.cancel) as gpu:
                self._results[step] = bench.steps.run(step, self._results, gpu)
        if fetching and (plan.blocked or self._verdict):
            self.outcome = outcome(plan, self._results, self._verdict, _bench(self.config).out_dir)
            if self.outcome.status is Status.ERROR:
                raise _NotAsExpectedError(self.outcome)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Report a case without a verdict as an error, which is not a failure."""
    report = yield
    if isinstance(item, CaseItem) and item.outcome and item.outcome.status is Status.ERROR and report.failed:
        report.when = "setup"
    return report


class _NotAsExpectedError(Exception):
    """A case is not as it should be."""

    def __init__(self, found: Outcome) -> None:
        super().__init__(facts.headline(found))
        self.outcome = found


def _bench(config: pytest.Config) -> _Bench:
    bench: _Bench = config.pluginmanager.getplugin("harness-bench")
    return bench
