"""The harness as a library: check models, plan them, or find the release that broke one.

    from harness.api import CaseSettings, ContainerSettings, Settings, quality

    settings = Settings(
        cases=CaseSettings(selectors=("tiny/clip",)),
        container=ContainerSettings(engine="local"),
    )
    report = quality(settings)
    for outcome in report.cases:
        print(outcome.id, outcome.status, outcome.reason)

The command line is made of these functions: `harness.cli` turns argv into `Settings`, and shows what they return.
A model that fails is an `Outcome` in the report; a harness that fails raises a `HarnessError`.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console

from harness.containers.provider import provider
from harness.core.callbacks import Notice, ignore
from harness.core.cases import Backend, Case, Target
from harness.core.errors import HarnessError
from harness.core.history import HistorySettings
from harness.core.outcomes import Outcome, Report
from harness.core.references import Oracle
from harness.core.search_settings import SearchSettings
from harness.core.settings import (
    BenchSettings,
    CaseSettings,
    ContainerSettings,
    FetchSettings,
    ProgramSettings,
    ReleaseSettings,
    RunSettings,
    Settings,
    TargetSettings,
    ToolSettings,
)
from harness.core.shards import Shard
from harness.core.statuses import Kind, Status
from harness.iree import release_sources
from harness.pipeline import internal, selection
from harness.pipeline.options import Options
from harness.pipeline.out_dir import check_files, new_out_dir
from harness.pipeline.progress import Live
from harness.pipeline.session import Session
from harness.pipeline.steps import Plan
from harness.search.finding import Finding
from harness.store.store import Store

if TYPE_CHECKING:  # they take 30 ms to load, and only searches and benchmarks need them
    from harness.bench.result import BenchResult
    from harness.search.release_runner import SearchProgress

__all__ = [
    "Backend",
    "BenchSettings",
    "Case",
    "CaseSettings",
    "ContainerSettings",
    "FetchSettings",
    "Finding",
    "HarnessError",
    "HistorySettings",
    "Kind",
    "Oracle",
    "Outcome",
    "Plan",
    "ProgramSettings",
    "ReleaseSettings",
    "Report",
    "RunSettings",
    "SearchSettings",
    "Settings",
    "Shard",
    "Status",
    "Target",
    "TargetSettings",
    "ToolSettings",
    "bench",
    "bisect",
    "cases",
    "plan",
    "quality",
    "session",
]


def cases(settings: Settings) -> list[Case]:
    """Return the cases that the settings select: each spec on each of its targets.

    Raises:
        UsageError: nothing is selected, or a spec is invalid.
    """
    return selection.cases(settings)


def plan(settings: Settings, *, notice: Notice = ignore) -> list[Plan]:
    """Return the exact steps of each case: what is downloaded, and every command line. Nothing is run.

    Args:
        settings: which cases, and which release.
        notice: called with remarks about configs of a suite, and while the release is looked for.

    Raises:
        UsageError: the settings or a spec are wrong.
        FetchError: a page of releases cannot be downloaded.
    """
    release_sources.check(settings.release)
    with Store(settings.fetch.store) as store:
        release = release_sources.chosen(settings.release, settings.fetch, store, notice).release
    options = Options.of(settings)
    return internal.plans(selection.cases(settings, notice), release, options)


def quality(settings: Settings, *, live: Live | None = None) -> Report:
    """Compile, run and check the selected cases, write the results into a folder, and return them.

    Args:
        settings: what to check, where and how.
        live: what shows the run while it goes on; None shows nothing.

    Raises:
        UsageError: the settings or a spec are wrong, so nothing was run.
        DiskError: the results cannot be written.
        KeyboardInterrupt: the run was interrupted; its results are written.
    """
    run = session(settings)
    report = run.run_to_end(live or Live(Console(quiet=True), id_width=0))
    run.write_page(report)
    if failure := run.stopped or run.unwritten or run.page.bug:
        raise failure
    return report


def session(settings: Settings, *, notice: Notice = ignore) -> Session:
    """Return a run of the selected cases that has not begun, for those who need its folder or the results after ^C.

    Args:
        settings: what to check, where and how.
        notice: called with remarks about the configs of a suite.

    Raises:
        UsageError: the settings or a spec are wrong.
        DiskError: the results cannot be written where the settings say.
    """
    settings = replace(settings, cases=selection.located(settings.cases))
    wanted, chosen, options = provider(settings), selection.cases(settings, notice), Options.of(settings)
    check_files({"--junit-xml": settings.run.junit_xml})
    return Session(settings, chosen, options, new_out_dir(settings.run.out), wanted)


def bench(settings: Settings, asked: BenchSettings | None = None, *, live: Live | None = None) -> "BenchResult":
    """Time the selected cases, and compare two releases, chips or sets of flags.

    Args:
        settings: which cases, and how to compile and run them.
        asked: how to time them, and what to compare them with; None for one side and its defaults.
        live: what shows the benchmark while it goes on; None shows nothing.

    Raises:
        UsageError: the settings are wrong, so nothing was run.
        DiskError: the results cannot be written.
    """
    from harness.bench import bench_run  # noqa: PLC0415 - only benchmarks need it
    from harness.pipeline import sides  # noqa: PLC0415 - likewise

    asked = asked or BenchSettings()
    run = bench_run.BenchRun(sides.sides(settings, asked.against, ignore), asked)
    return run.run(live or Live(Console(quiet=True), id_width=0))


def bisect(
    settings: Settings, search: SearchSettings | None = None, *, live: "SearchProgress | None" = None
) -> Finding:
    """Find the release since which one case fails, passes again, or has another number.

    Args:
        settings: the case, and how to run it.
        search: what to find; None for the release that broke the case.
        live: what shows the search while it goes on; None shows nothing.

    Raises:
        UsageError: the settings are wrong, or do not select exactly one case.
        DiskError: the results cannot be written.
        KeyboardInterrupt: the search was interrupted; the same call resumes it.
    """
    from harness.search.bisection import Bisection  # noqa: PLC0415 - see above
    from harness.search.release_runner import SearchProgress  # noqa: PLC0415 - see above

    bisection = Bisection(settings, search or SearchSettings(), ignore)
    found = bisection.run(live or SearchProgress(Console(quiet=True), id_width=0))
    if bisection.stopped:
        raise bisection.stopped
    return found
