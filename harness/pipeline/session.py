"""One run of `quality` or `run`: from selectors to a folder of results, whatever happens in between."""

import argparse
import os
import platform
import time
import traceback
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

import harness
from harness.cli import search_arguments, selection
from harness.core.cases import Case, Release
from harness.core.errors import NoVerdictError, UsageError, stopped_code
from harness.core.outcomes import EXIT_BUG, Report, Status, Verdict, exit_code
from harness.core.records import as_json
from harness.fetch import provision
from harness.host import devices
from harness.host.disk import disk_errors, write_all
from harness.host.gpu_locks import Pool
from harness.host.process import Cancelled, CancelToken
from harness.pipeline import planner as planning
from harness.pipeline import step_runner
from harness.pipeline.environment import Order, Provider, Site
from harness.pipeline.executor import LocalExecutor
from harness.pipeline.outcome import outcome
from harness.pipeline.progress import Live
from harness.pipeline.scheduler import PlanRun
from harness.pipeline.steps import Plan
from harness.report import console as console_report
from harness.report import facts, junit, results, summary
from harness.specs import inline
from harness.store.store import Store

_COMPILE_MEMORY_BYTES = 4 << 30
RESULTS = Path("results")
_LATEST = RESULTS / "latest"


def judge(parsed: argparse.Namespace, console: Console, environment: Mapping[str, str], provide: Provider) -> int:
    """Run the cases asked for, leave the results, and return the exit code.

    Args:
        parsed: the command line.
        console: where to tell.
        environment: of the process; says whether GitHub Actions runs us.
        provide: has the place where the steps are done, with the IREE release.

    Raises:
        UsageError: the command line or a spec is wrong, so nothing was run.
        DiskError: the results cannot be written.
    """
    cases = _only_failed(parsed, selection.cases(parsed))
    session = _Session(parsed, cases, selection.options(parsed), new_out_dir(parsed.out), provide)
    code: int | None = None
    try:
        with Live(console, id_width=max(len(case.id) for case in cases)) as live:
            session.run(live)
    except UsageError:
        raise
    except KeyboardInterrupt as stop:
        code = stopped_code(stop)
    except Exception:  # noqa: BLE001 - a bug of ours must not lose the results of hours
        console.print(traceback.format_exc(), markup=False, highlight=False)
        code = EXIT_BUG
    report = session.written(code, parsed.junit_xml)
    _tell(report, session.out_dir, console, environment)
    return report.exit_code


def judged(
    parsed: argparse.Namespace,
    cases: Sequence[Case],
    out_dir: Path,
    provide: Provider,
    *,
    live: Live,
    cancel: CancelToken,
) -> Report:
    """Run cases as a part of something larger, leave the results in a folder, and return them.

    Raises:
        DiskError: the results cannot be written.
    """
    session = _Session(parsed, cases, selection.options(parsed), out_dir, provide, cancel=cancel)
    session.run(live)
    return session.written(None)


class _Session:
    """What one run gathers; `report` can be asked for at any moment."""

    def __init__(
        self,
        parsed: argparse.Namespace,
        cases: Sequence[Case],
        wanted: planning.Options,
        out_dir: Path,
        provide: Provider,
        *,
        cancel: CancelToken | None = None,
    ) -> None:
        self.out_dir, self._provide, self._cancel = out_dir, provide, cancel or CancelToken()
        self._blocked = step_runner.INTERRUPTED
        self._parsed, self._cases, self._options = parsed, cases, wanted
        self._started, self._clock_s = datetime.now(UTC), time.monotonic()
        self._site: Site | None = None
        self._plan_run: PlanRun | None = None

    def run(self, live: Live) -> None:
        """Do all of it; what stands in the way of all cases is their verdict."""
        try:
            self._run(live)
        except NoVerdictError as error:
            self._blocked = Verdict(status=Status.ERROR, kind=error.kind, reason=str(error))
        except Cancelled:
            self._blocked = step_runner.INTERRUPTED

    def _run(self, live: Live) -> None:
        """Have a place with the toolchain, plan, and do it."""
        parsed = self._parsed
        store = Store(parsed.store.absolute(), on_wait=provision.waiting(live.notice, self._cancel))
        order = Order(
            cases=self._cases,
            folders=selection.read_folders(parsed),
            store=store,
            out_dir=self.out_dir.absolute(),
            timeout_s=parsed.timeout,
            gpus=selection.gpus_for(self._cases, selection.gpus(parsed)),
            cancel=self._cancel,
            notice=live.notice,
        )
        with self._provide.open(order) as site:
            self._site = site
            live.placed(site)
            self._do(order, site, live)
        store.close()
        provision.keep_within(parsed, live.notice)

    def _do(self, order: Order, site: Site, live: Live) -> None:
        parsed, store = self._parsed, order.store
        plans = [planning.plan(case, site.toolchain.release, self._options) for case in self._cases]
        with provision.fetcher(parsed, store, live.notice, progress=live.bytes_came, cancel=self._cancel) as fetcher:
            live.expect(provision.make_room(parsed, fetcher, planning.blobs(plans), live.notice))
            here = step_runner.LocalStepRunner(
                store=store,
                fetch=fetcher.fetch,
                toolchain=site.toolchain,
                host_cpu=devices.cpu_identity(),
                out_dir=order.out_dir,
                timeout_s=order.timeout_s,
                cancel=self._cancel,
            )
            slots = {"network": provision.FETCHES_AT_ONCE, "compile": parsed.jobs or default_jobs()}
            waiting = provision.waiting(live.notice, self._cancel, why="another run uses")
            pool = Pool(order.gpus, on_wait=waiting)
            executor = LocalExecutor(site.hand_over(here), slots, pool, self._cancel)
            self._plan_run = PlanRun(plans, executor, live, out_dir=order.out_dir, cancel=self._cancel)
            self._plan_run.run()

    def written(self, code: int | None, junit_xml: Path | None = None) -> Report:
        """Write and return what is known by now."""
        report = self.report(code)
        _remove_empty(self.out_dir / "outputs")
        _write(report, self.out_dir, junit_xml)
        return report

    def report(self, code: int | None) -> Report:
        """Return what is known by now; `code` is given if the run did not come to its end."""
        if self._plan_run:
            outcomes = self._plan_run.outcomes
        else:
            wanted = getattr(self._parsed, "iree", None)
            release = Release(name=wanted) if wanted else None
            blocked = (Plan(case=each, steps=(), release=release, blocked=self._blocked) for each in self._cases)
            outcomes = tuple(outcome(each, {}, None, self.out_dir) for each in blocked)
        return Report(
            started=self._started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            seconds=round(time.monotonic() - self._clock_s, 3),
            exit_code=exit_code(outcomes) if code is None else code,
            environment={
                **environment_facts(self._provide.engine, self._site),
                **inline.facts(self._parsed),
                **search_arguments.facts(self._parsed),
            },
            cases=outcomes,
        )


def default_jobs() -> int:
    """Return how many compilations fit into cores and memory; each uses several cores at times."""
    available, _ = devices.memory_bytes()
    return max(1, min(len(os.sched_getaffinity(0)), available // _COMPILE_MEMORY_BYTES))


def new_out_dir(out: Path | None) -> Path:
    """Make the folder of the results; without a name, a new one that `results/latest` points to."""
    with disk_errors(out or _LATEST.parent):
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            return out
        stem = _LATEST.parent / datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        names = (stem, *(stem.with_name(f"{stem.name}-{number}") for number in range(2, 1000)))
        folder = next(name for name in names if not name.exists())
        folder.mkdir(parents=True)
        link = _LATEST.with_name(f".{folder.name}.link")
        link.symlink_to(folder.name)
        link.replace(_LATEST)
        return folder


def environment_facts(engine: str, site: Site | None) -> dict[str, Any]:
    """Return what a result depends on besides its case; without a site, what was wanted."""
    available, in_all = devices.memory_bytes()
    tools = site.toolchain if site else None
    return {
        "engine": engine,
        "image": None,
        **(site.facts if site else {}),
        "iree": {
            "release": tools.release.name if tools else None,
            "compiler_commit": tools.compiler_commit if tools else None,
            "runtime_commit": tools.runtime_commit if tools else None,
        },
        "host": {
            "cpu": devices.cpu_name(),
            "kernel": platform.release(),
            "memory_bytes": in_all,
            "memory_available_bytes": available,
            "gpus": as_json(devices.gpus()),
        },
        "harness": {"version": harness.__version__, "python": platform.python_version()},
    }


def _only_failed(parsed: argparse.Namespace, cases: list[Case]) -> list[Case]:
    if not parsed.only_failed:
        return cases
    latest = _LATEST / "results.json"
    if not latest.is_file():
        raise UsageError(f"{latest}: no such file, so --only-failed knows of no failure; run without it once.")
    before = {each.id for each in results.load(latest.read_text(encoding="utf-8")).cases if not facts.is_green(each)}
    if not (chosen := [case for case in cases if case.id in before]):
        raise UsageError(f"--only-failed: no selected case failed in {latest}.")
    return chosen


def _remove_empty(folder: Path) -> None:
    """Remove a folder of outputs where all were as expected, and so none was kept."""
    for each in (*sorted(folder.rglob("*"), reverse=True), folder):
        if each.is_dir() and not any(each.iterdir()):
            each.rmdir()


def _write(report: Report, out_dir: Path, junit_xml: Path | None) -> None:
    cases = dict.fromkeys(filter(None, (out_dir / "junit.xml", junit_xml)), junit.render(report))
    write_all({out_dir / "results.json": results.render(report), **cases})


def _tell(report: Report, out_dir: Path, console: Console, environment: Mapping[str, str]) -> None:
    console.print()
    console.print(console_report.render(report), soft_wrap=True)
    console.print(f"Results: {out_dir}/results.json, junit.xml, logs", markup=False, highlight=False, soft_wrap=True)
    if environment.get("GITHUB_ACTIONS") == "true":
        console.print(console_report.annotations(report), markup=False, highlight=False, soft_wrap=True)
        if path := environment.get("GITHUB_STEP_SUMMARY"):
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(summary.render(report))
