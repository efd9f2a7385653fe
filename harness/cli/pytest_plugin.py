"""The pytest plugin that collects specs and checks each case as `harness quality` does.

    python quality_tests/ -rpFe --log-cli-level=info --timeout=600 --durations=0
    pytest quality_tests/ --test-file-directory DIR --external-file-directory DIR -k clip -n 2

`--timeout` limits each compilation and each run, as it does in the harness. Blobs are fetched in the set-up of a test,
so a blob that cannot be fetched is an error and not a failure, and does not count as time of the test.
"""

import contextlib
import logging
import shlex
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.cli import pytest_options
from harness.cli.pytest_history import Recording
from harness.core.callbacks import beginnings
from harness.core.cases import Case
from harness.core.errors import NoVerdictError, UsageError
from harness.core.outcomes import Outcome
from harness.core.statuses import Status, Verdict
from harness.fetch import provision, shared_store
from harness.host import devices
from harness.host.gpu_locks import Pool
from harness.iree import release_sources
from harness.pipeline import logs, machine, planner, selection, suite_selection, targets, work_folder
from harness.pipeline.environment import Environment, Python
from harness.pipeline.importing import Importing
from harness.pipeline.one_step import result_of
from harness.pipeline.options import Options
from harness.pipeline.outcome import outcome
from harness.pipeline.reuse import Reuse
from harness.pipeline.step_results import Results
from harness.pipeline.step_runner import StepRunner, ToolStepRunner
from harness.pipeline.steps import Benchmark, Compile, Fetch, Plan, Run
from harness.pipeline.tools import LocalTools
from harness.report import by_hand, facts
from harness.specs import reader
from harness.store.store import Store

_LOG = logging.getLogger("harness")
_OUT_DIR = Path("results/pytest")
_LOG_LINES = 40


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the original suite, and those that select a release."""
    pytest_options.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Collect from the folder of `--test-file-directory`, if given."""
    if folder := config.getoption("--test-file-directory"):
        config.args = [str(folder)]
    try:
        shared = _Shared(config)
        config.pluginmanager.register(shared, "harness-shared")
        config.pluginmanager.register(shared.recording, "harness-recording")
    except (UsageError, NoVerdictError) as error:
        raise pytest.UsageError(str(error)) from error


class _Shared:
    """What the tests of a process share: settings, toolchain and store."""

    def __init__(self, config: pytest.Config) -> None:
        self.settings = settings = pytest_options.settings(config)
        with Store(settings.fetch.store) as store:
            self.release = release_sources.chosen(settings.release, settings.fetch, store, _LOG.info)
        self.folders = selection.spec_folders(settings.cases)
        self._of_suite = self._cases_of_suite(has_conftest=not config.getoption("noconftest"))
        self._paths = frozenset(self._of_suite or self.folders.paths())
        self.out_dir = (settings.run.out or _OUT_DIR).absolute()
        self.pool = Pool(selection.gpus(settings.target), on_wait=provision.waiting(_LOG.info))
        self.recording = Recording(
            settings.history, self.out_dir, lambda: machine.environment_facts("local", self._here)
        )
        self._steps: ToolStepRunner | None = None
        self._has_room = False
        self._open = contextlib.ExitStack()

    @pytest.hookimpl
    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> "SpecFile | None":
        """Collect a spec; ignore other files."""
        return SpecFile.from_parent(parent, path=file_path) if file_path.resolve() in self._paths else None

    @pytest.hookimpl
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Close the fetcher; the last process of the run removes what none of them needs any more."""
        self._open.close()
        if not hasattr(config, "workerinput"):
            logs.remove_failed(self.out_dir)

    def _cases_of_suite(self, *, has_conftest: bool) -> Mapping[Path, list[Case]]:
        """Return the cases of the suite in the folder by their files; nothing if it has specs."""
        if not (suite := selection.find_suite(self.settings.cases)):
            return {}
        own = next((path for path in suite.tree.files() if path.name == "conftest.py"), None)
        if own and has_conftest:
            raise UsageError(f"{own} collects the same cases for another runner; add --noconftest.")
        return suite_selection.by_path(selection.cases_of_suite(self.settings, suite, _LOG.warning))

    def cases(self, path: Path) -> list[Case]:
        """Return the cases of a spec file for the selected targets, or those of a file of a suite."""
        if path.resolve() in self._of_suite:
            return selection.quarantined(self._of_suite[path.resolve()], self.settings.cases)
        target = self.settings.target
        wanted = targets.targets(target, selection.gpus(target))
        sku = selection.asked_sku(target, wanted[0].backend)
        specs = reader.load_all([path.resolve()], self.folders, sku=sku)
        return selection.quarantined(targets.cases(specs, wanted), self.settings.cases)

    def plan(self, case: Case) -> Plan:
        """Return the plan of a case."""
        run = self.settings.run
        return Importing(
            steps=self.steps,
            python=Python(),
            release=self.steps.toolchain.release,
            importer=run.importer,
            offline=self.settings.fetch.offline,
            options=Options.of(self.settings),
        ).plan(case)

    @property
    def steps(self) -> ToolStepRunner:
        """What does the steps; the first use installs the toolchain."""
        if self._steps is None:
            fetch = self.settings.fetch
            waiting, working = provision.waiting(_LOG.info), beginnings(_LOG.info)
            upstream = shared_store.opened(fetch, _LOG.warning)
            store = self._open.enter_context(Store(fetch.store, upstream=upstream, on_wait=waiting, on_work=working))
            self._fetcher = self._open.enter_context(provision.fetcher(fetch, store, _LOG.info))
            self._steps = ToolStepRunner(
                store=store,
                fetch=self._fetcher.fetch,
                toolchain=release_sources.installed(fetch, self.release, store, None, _LOG.info),
                tools=LocalTools(shaders=store.root / "shaders"),
                host_cpu=devices.cpu_identity(),
                out_dir=self.out_dir,
                timeout_s=self.settings.run.timeout_s,
                recompile=self.settings.run.recompile,
            )
        return self._steps

    def reuse(self, plan: Plan) -> Reuse | None:
        """Return what takes a case from the cache; None if the user does not ask for it."""
        run = self.settings.run
        return Reuse.of([plan], run, self.steps.store, self._here, None) if run.reuse_passed else None

    @property
    def environment(self) -> Mapping[str, Any]:
        """What results say of the environment, as far as commands need it."""
        return {"by_hand": self._here.by_hand}

    @property
    def _here(self) -> Environment:
        return Environment(name="local", toolchain=self.steps.toolchain)

    def make_room(self, items: Iterable[pytest.Item]) -> None:
        """Before the first blob, check that the blobs of all tests fit on the disk."""
        if not self._has_room:
            self._has_room = True
            cases = [item.case for item in items if isinstance(item, CaseItem)]
            release, options = self.steps.toolchain.release, Options.of(self.settings)
            blobs = planner.blobs(planner.plan(case, release, options) for case in cases)
            provision.make_room(self.settings.fetch, self._fetcher, blobs, _LOG.info)


class SpecFile(pytest.File):
    """A spec file: an item for each of its cases."""

    def collect(self) -> Iterable["CaseItem"]:
        """Yield the cases for the selected backend."""
        try:
            for case in _shared(self.config).cases(self.path):
                yield CaseItem.from_parent(self, name=case.id, case=case)
        except UsageError as error:
            raise self.CollectError(str(error)) from error


class CaseItem(pytest.Item):
    """A case as a test."""

    def __init__(self, *, case: Case, **rest: Any) -> None:
        """Turn off the time limit of pytest-timeout, because each step has its own."""
        super().__init__(**rest)
        self.case = case
        self.outcome: Outcome | None = None
        self._results = Results()
        self._plan: Plan | None = None
        self._reuse: Reuse | None = None
        self._runner: StepRunner | None = None
        self.add_marker(pytest.mark.timeout(0))
        for marker in case.spec.markers:
            self.config.addinivalue_line("markers", f"{marker}: of a spec")
            self.add_marker(marker)

    def setup(self) -> None:
        """Install the toolchain and fetch the blobs; a failure to do so is an error."""
        shared = _shared(self.config)
        try:
            shared.make_room(self.session.items)
            self._plan = shared.plan(self.case)
            self._reuse = shared.reuse(self._plan)
            self._runner = self._reuse.runner(shared.steps) if self._reuse else shared.steps
        except NoVerdictError as error:
            blocked = Verdict(status=Status.ERROR, kind=error.kind, reason=str(error))
            self._plan = Plan(case=self.case, steps=(), blocked=blocked)
        self._do(self._plan, fetching=True)

    def runtest(self) -> None:
        """Compile, run and compare."""
        assert self._plan  # noqa: S101 - set-up comes first
        self._do(self._plan, fetching=False)
        out_dir = _shared(self.config).out_dir
        found = outcome(self._plan, self._results, self._verdict, out_dir)
        found = self.outcome = work_folder.kept(self._plan, self._results, found, out_dir)
        if self._reuse:
            self._reuse.keep(found)
        if found.reused:
            self.user_properties.append(("reused", found.reused.began))
        match found.status:
            case Status.XFAILED:
                pytest.xfail(facts.headline(found))
            case _ if found.is_excused:
                pytest.xfail(f"{found.quarantined}: {facts.headline(found)}")
            case Status.UNSUPPORTED | Status.SKIPPED:
                pytest.skip(facts.headline(found))
            case Status.FAILED | Status.XPASSED | Status.ERROR:
                raise _NotAsExpectedError(found)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the result of the case in place of a traceback."""
        if not isinstance(excinfo.value, _NotAsExpectedError):
            return super().repr_failure(excinfo, style)
        found, shared = excinfo.value.outcome, _shared(self.config)
        lines = [f"{found.status.upper()} {found.id}", facts.explanation(found)]
        lines += found.log_tail.splitlines()[-_LOG_LINES:]
        if found.tools:
            tools = by_hand.tool_lines(found, shared.environment, shared.out_dir)
            lines += [f"  tool   {each}" for each in tools]
        return "\n".join(lines)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the location of the test: the spec."""
        return self.path, 0, self.case.id

    @property
    def _verdict(self) -> Verdict | None:
        return next((done.verdict for done in self._results.values() if done.verdict), None)

    def _do(self, plan: Plan, *, fetching: bool) -> None:
        for step in plan.steps:
            if isinstance(step, Fetch) is not fetching or self._verdict:
                continue
            if isinstance(step, Compile | Run | Benchmark):
                _LOG.info("+ %s", shlex.join(step.argv))
            shared = _shared(self.config)
            self._results[step] = result_of(
                step, self._results, runner=self._runner or shared.steps, pool=shared.pool, cancel=shared.steps.cancel
            )
        if fetching and (plan.blocked or self._verdict):
            self.outcome = outcome(plan, self._results, self._verdict, _shared(self.config).out_dir)
            if self.outcome.is_excused:
                pytest.xfail(f"{self.outcome.quarantined}: {facts.headline(self.outcome)}")
            if self.outcome.status is Status.ERROR:
                raise _NotAsExpectedError(self.outcome)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Report a case that ended in an error as an error, not as a failure."""
    report = yield
    if isinstance(item, CaseItem) and item.outcome and call.when == "teardown":
        _shared(item.config).recording.add(item.outcome)
    if isinstance(item, CaseItem) and item.outcome and item.outcome.status is Status.ERROR and report.failed:
        report.when = "setup"
    return report


class _NotAsExpectedError(Exception):
    """A case did not pass."""

    def __init__(self, found: Outcome) -> None:
        super().__init__(facts.headline(found))
        self.outcome = found


def _shared(config: pytest.Config) -> _Shared:
    shared: _Shared = config.pluginmanager.getplugin("harness-shared")
    return shared
