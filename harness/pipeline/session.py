"""One run: from cases to a folder of results, which is written whatever happens in between."""

import functools
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from harness.core.callbacks import ignore
from harness.core.cases import Case
from harness.core.errors import DiskError, NoVerdictError, UsageError, stopped_code
from harness.core.exit_codes import EXIT_BUG
from harness.core.outcomes import Outcome, Report, exit_code
from harness.core.settings import Settings
from harness.core.statuses import Kind, Status, Verdict
from harness.fetch import provision, shared_store
from harness.host import devices
from harness.host.cancel import Cancelled, CancelToken
from harness.host.disk import disk_errors
from harness.pipeline import blocked, internal, part, planner, renderable, run_devices, scheduler, selection
from harness.pipeline.capacity import DevicePool
from harness.pipeline.environment import Environment, EnvironmentProvider, EnvironmentRequest
from harness.pipeline.executor import LocalExecutor
from harness.pipeline.import_inputs import Fetch
from harness.pipeline.importing import Importing
from harness.pipeline.machine import run_facts
from harness.pipeline.options import Options
from harness.pipeline.out_dir import in_use
from harness.pipeline.page_file import PageFile
from harness.pipeline.part import Part
from harness.pipeline.prepared import Prepared
from harness.pipeline.progress import Live
from harness.pipeline.recorder import Recorder
from harness.pipeline.scheduler import PlanRun
from harness.pipeline.step_results import INTERRUPTED, RunResult
from harness.pipeline.step_runner import ToolStepRunner
from harness.pipeline.steps import Plan
from harness.pipeline.used_devices import UsedDevices
from harness.report.outcome_log import OutcomeLog, heads
from harness.store.store import Store


class Session:
    """What one run gathers; `report` can be asked for at any moment.

    Attributes:
        cases: what is run.
        out_dir: folder of the results.
        stopped: what ended the run before its end: ^C, a signal, or a bug of the harness.
        unwritten: why results could not be written.
        recorder: records the run.
        page: its page.
    """

    def __init__(
        self,
        settings: Settings,
        cases: Sequence[Case],
        options: Options,
        out_dir: Path,
        provider: EnvironmentProvider,
        *,
        cancel: CancelToken | None = None,
        command: str = "",
        recorder: Recorder | None = None,
    ) -> None:
        """Prepare; nothing starts yet. A command with several runs lends all of them one recorder."""
        self.out_dir, self._provider, self._cancel = out_dir, provider, cancel or CancelToken()
        self.stopped: BaseException | None = None
        self.unwritten: DiskError | None = None
        self._folder = out_dir.absolute()  # should the current folder be removed meanwhile
        self._junit_xml = settings.run.junit_xml and settings.run.junit_xml.absolute()
        self._blocked, self.cases = INTERRUPTED, tuple(cases)
        self._settings, self._options = settings, options
        self._command = command
        self.recorder = recorder or Recorder.here(settings.history)
        self.page = PageFile(self.recorder, is_wanted=settings.run.html)
        self._started, self._clock_s = datetime.now(UTC), time.monotonic()
        self._environment: Environment | None = None
        self._plan_run: PlanRun | None = None
        self._log = OutcomeLog(None, len(self.cases))
        self._keeps_work = False
        self._keeps_results = False

    def run_to_end(self, live: Live, *, keeps_results: bool = False) -> Report:
        """Run, and write and return the results, also after ^C and after a bug of the harness.

        Args:
            live: shows the run while it goes on.
            keeps_results: whether `ran` will be asked for what runs left.

        Raises:
            UsageError: the settings are wrong, so nothing was run.
        """
        self._keeps_results = keeps_results
        with in_use(self._folder):
            return self._run_to_end(live)

    def _run_to_end(self, live: Live) -> Report:
        code: int | None = None
        self._keeps_work = True
        try:
            with live:
                self.run(live)
        except UsageError:
            raise
        except KeyboardInterrupt as stop:
            self.stopped, code = stop, stopped_code(stop)
        except Exception as bug:  # noqa: BLE001 - a bug of ours must not lose the results of hours
            live.notice(traceback.format_exc())
            self.stopped, code = bug, EXIT_BUG
        report = self.report(code)
        try:
            report = self._write(report, self._junit_xml)
        except DiskError as error:
            self.unwritten = error
        if remark := self.recorder.record(report, folder=self._folder):
            live.notice(f"warning: {remark}")
        return report

    def write_page(self, report: Report) -> None:
        """Write the page of a report that `run_to_end` returned, if it is wanted."""
        try:
            self.page.write_run(self._folder, report, named=self.out_dir)
        except DiskError as error:
            self.unwritten = self.unwritten or error

    def run(self, live: Live, then: Callable[[Prepared], None] = ignore) -> None:
        """Do all of it; what stands in the way of all cases becomes the verdict of each.

        Args:
            live: shows the run while it goes on.
            then: called at the end, while the environment is still open.
        """
        try:
            with disk_errors(self._settings.fetch.store, removable=True):
                self._run(live, then)
        except NoVerdictError as error:
            self._blocked = Verdict(status=Status.ERROR, kind=error.kind, reason=str(error))
        except Cancelled:
            self._blocked = INTERRUPTED
        except (OSError, MemoryError, RuntimeError) as error:
            found = internal.verdict(error)
            if found.kind is Kind.INTERNAL:
                raise
            self._blocked = found

    def _run(self, live: Live, then: Callable[[Prepared], None]) -> None:
        """Open an environment, plan, and do it."""
        settings = self._settings
        if not self.cases:  # of a shard
            return
        live.expect_cases(len(self.cases))
        on_wait = provision.waiting(live.notice, self._cancel)
        upstream = shared_store.opened(settings.fetch, live.notice)
        store = Store(settings.fetch.store.absolute(), upstream=upstream, on_wait=on_wait, on_work=live.worked)
        request = EnvironmentRequest(
            cases=self.cases,
            folders=selection.read_folders(settings.cases),
            store=store,
            out_dir=self._folder,
            gpus=selection.gpus_for(self.cases, selection.gpus_of(settings)),
            cancel=self._cancel,
            notice=live.notice,
        )
        with self._provider.open(request) as environment:
            self._environment = environment
            live.opened(environment)
            self._keeps_results = self._keeps_results or then is not ignore
            then(self._done(request, environment, live))
        store.close()
        provision.keep_within(settings.fetch, live.notice)

    def _done(self, request: EnvironmentRequest, environment: Environment, live: Live) -> Prepared:
        settings, store, notice = self._settings, request.store, live.notice
        options = replace(self._options, emulator=environment.emulator(settings.run))
        with provision.fetcher(
            settings.fetch, store, notice, progress=live.bytes_fetched, cancel=self._cancel
        ) as fetcher:
            steps = self._steps(request, environment, fetcher.fetch, options)
            importing = Importing(
                steps=steps,
                python=environment.python,
                release=environment.toolchain.release,
                importer=settings.run.importer,
                offline=settings.fetch.offline,
                options=options,
            )
            plans = self._plans(importing)
            fetched = importing.plans(each for each in self.cases if any(blob.is_remote for blob in each.spec.blobs))
            blobs = planner.blobs(plans if isinstance(plans, Sequence) else fetched)
            if environment.fetches_here:
                live.expect(provision.make_room(settings.fetch, fetcher, blobs, notice))
            doing = part.of(
                plans,
                environment,
                steps,
                live,
                settings=settings.run,
                emulator=options.emulator,
                recorder=self.recorder,
                began_s=self._clock_s,
            )
            gpus = run_devices.of(request, environment, settings.target)
            pool = environment.pool(gpus, provision.waiting(notice, self._cancel))
            self._plan_run = self._begun(doing, environment, pool, live)
            self._plan_run.run()
        return Prepared(
            plans={each.case.id: each for each in doing.plans} if isinstance(doing.plans, Sequence) else {},
            results=self._plan_run.results,
            runner=doing.runner,
            pool=pool,
            steps=steps,
            python=environment.python,
            options=options,
        )

    def _steps(
        self, request: EnvironmentRequest, environment: Environment, fetch: Fetch, options: Options
    ) -> ToolStepRunner:
        """Return what does steps with the tools of the environment."""
        return ToolStepRunner(
            store=request.store,
            fetch=fetch,
            toolchain=environment.toolchain,
            tools=environment.tools,
            host_cpu=devices.cpu_identity(),
            out_dir=request.out_dir,
            timeout_s=self._settings.run.timeout_s,
            recompile=self._settings.run.recompile,
            cancel=self._cancel,
            devices=UsedDevices(emulator=str(options.emulator) if options.emulator else None),
        )

    def _begun(self, doing: Part, environment: Environment, pool: DevicePool, live: Live) -> PlanRun:
        """Return what does the plans, whose outcomes the log gets."""
        capacity = functools.partial(environment.capacity, self._settings.run)
        executor = LocalExecutor(
            doing.runner, capacity, pool, self._cancel, on_running=live.step_running, on_again=live.step_again
        )
        live.expect_plans(len(self.cases))
        self._log = OutcomeLog(self._folder, len(self.cases))
        return PlanRun(
            doing.plans,
            executor,
            doing.limit,
            out_dir=self._folder,
            cancel=self._cancel,
            keeps_work=self._keeps_work,
            keeps_results=self._keeps_results,
            costs=doing.costs,
            values=doing.values,
            unfinished=doing.limit.unfinished,
            on_planned=live.planned,
            log=self._log,
            at_once=len(self.cases) if isinstance(doing.plans, Sequence) else scheduler.AT_ONCE,
        )

    def _plans(self, importing: Importing) -> Iterable[Plan]:
        """Return the plans of all cases; those of very many are made when they are needed, unless they are kept."""
        plans = importing.plans(self.cases)
        return list(plans) if self._keeps_results or len(self.cases) <= scheduler.AT_ONCE else plans

    def ran(self, case: Case) -> RunResult | None:
        """Return what the run of a case left; None if it did not go well."""
        return self._plan_run.ran(case.id) if self._plan_run else None

    def written(self, amended: Callable[[Outcome], Outcome] = lambda outcome: outcome) -> Report:
        """Write and return what is known by now.

        Args:
            amended: returns what became of a case, where more is known than this run does.

        Raises:
            DiskError: the results cannot be written.
        """
        report = self.report(None)
        cases = tuple(map(amended, report.cases))
        return self._write(replace(report, cases=cases, exit_code=exit_code(cases)), None)

    def _write(self, report: Report, junit_xml: Path | None) -> Report:
        """Write a report, and return it as it is written: a case that cannot be written is an error."""
        report = renderable.written(self._folder, report, junit_xml)
        self._log.remove()
        return report

    def report(self, code: int | None) -> Report:
        """Return what is known by now; `code` is given if the run did not come to its end."""
        outcomes = self._outcomes()
        return Report(
            started=self._started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            seconds=round(time.monotonic() - self._clock_s, 3),
            exit_code=exit_code(heads(outcomes)) if code is None else code,
            environment={
                **run_facts(self._settings, self._provider.engine, self._environment, self._command),
                "source": self.recorder.source,
            },
            cases=outcomes,
        )

    def _outcomes(self) -> Sequence[Outcome]:
        """Return what became of every case by now."""
        if self._plan_run:
            self._plan_run.outcomes()
        verdict = self._plan_run.unfinished() if self._plan_run else self._blocked
        blocked.fill(self._log, self.cases, self._settings.release.name, verdict, self._folder)
        return self._log
