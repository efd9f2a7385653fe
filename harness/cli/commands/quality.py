"""`harness quality` and `harness run`."""

import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from harness import api
from harness.cli.console import clean_console, code_with_page, notices
from harness.cli.settings import Invocation
from harness.cli.streams import write_commands
from harness.core.exit_codes import EXIT_NO_VERDICT, EXIT_OK
from harness.core.outcomes import Report
from harness.history import remarks
from harness.host.disk import disk_errors
from harness.pipeline.progress import Live, columns
from harness.pipeline.session import Session
from harness.report import console as console_report
from harness.report import summary
from harness.report.page import content


def main(invocation: Invocation) -> int:
    """Check the selected models and print the results."""
    console = clean_console()
    session = api.session(invocation.settings, notice=notices(console))
    report = session.run_to_end(Live(console, id_width=max((len(case.id) for case in session.cases), default=0)))
    _print(report, session, console)
    if invocation.environment.get("GITHUB_ACTIONS") == "true":
        _tell_github(report, invocation.environment)
    if session.unwritten:
        sys.stderr.write(f"error: {session.unwritten}\n")
    code = report.exit_code or (EXIT_NO_VERDICT if session.unwritten else EXIT_OK)
    return code_with_page(code, session.page)


def _print(report: Report, session: Session, console: Console) -> None:
    """Print the summary, write the page, and print where all is."""
    out_dir = session.out_dir
    console.print()
    console.print(console_report.render(report, folder=out_dir, width=columns(console)), soft_wrap=True)
    for line in remarks.flaky(report, session.recorder.history):
        console.print(f"note: {line}", markup=False, highlight=False, soft_wrap=True)
    session.write_page(report)
    files = content.listed("results.json, junit.xml, logs", is_wanted=session.page.is_there)
    console.print(f"Results: {out_dir}/{files}", markup=False, highlight=False, soft_wrap=True)


def _tell_github(report: Report, environment: Mapping[str, str]) -> None:
    """Print annotations and write the job summary."""
    write_commands(f"{console_report.annotations(report)}\n")
    if path := environment.get("GITHUB_STEP_SUMMARY"):
        with disk_errors(Path(path)), Path(path).open("a", encoding="utf-8") as file:
            file.write(summary.render(report))
