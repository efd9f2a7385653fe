"""`harness bisect`."""

from dataclasses import replace

from rich.console import Console

from harness.cli.commands.localize import localized
from harness.cli.commands.reduce import reduced
from harness.cli.console import clean_console, code_with_page, notices
from harness.cli.settings import Invocation
from harness.core.settings import LocalizeSettings
from harness.host.beneath import Folder
from harness.host.disk import write_all
from harness.localize import ends
from harness.localize import render as render_localized
from harness.reduction import minimal_text
from harness.report.page import content
from harness.search import render
from harness.search.bisection import Bisection
from harness.search.release_runner import SearchProgress


def main(invocation: Invocation) -> int:
    """Find the release that changed a case and write bisect.json, bisect.md and junit.xml."""
    console = clean_console()
    bisection = Bisection(invocation.settings, invocation.search, notices(console))
    live = SearchProgress(console, id_width=0)
    found = bisection.run(live)
    console.print(f"\n{render.render(found, live.width)}", markup=False, soft_wrap=True)
    if invocation.options.localizes and bisection.stopped is None:
        _look_into(invocation, bisection, console)
    files = content.listed("bisect.json, bisect.md, junit.xml, probes", is_wanted=bisection.page.is_there)
    console.print(f"Results: {bisection.folder}/{files}", markup=False, soft_wrap=True)
    return code_with_page(bisection.exit_code, bisection.page)


def _look_into(invocation: Invocation, bisection: Bisection, console: Console) -> None:
    """Look for the operation to blame in the first bad release, and for a small program; add both to bisect.md."""
    answer = ends.of_finding(bisection.found)
    if answer is None:
        console.print("The search names no single release, so nothing is looked into.", soft_wrap=True)
        return
    settings, asked = invocation.settings, LocalizeSettings(against=answer.good)
    run = replace(settings.run, out=bisection.folder / "localize", junit_xml=None)
    settings = replace(settings, release=replace(settings.release, name=answer.bad), run=run)
    found, folder = localized(settings, asked, console)
    _add(bisection, render_localized.section(found, folder.name))
    if not invocation.options.reduces or found.stopped is not None:
        return
    to = bisection.folder / "reduced"
    Folder(bisection.folder).remove(to)  # of the same search, which was interrupted
    settings = replace(settings, run=replace(run, out=bisection.folder / "reduce"))
    small = reduced(settings, asked, replace(invocation.reduce, to=to), console)
    if small.state and small.begun:
        _add(bisection, minimal_text.section(small.state, small.begun, to.name))


def _add(bisection: Bisection, section: str) -> None:
    path = bisection.folder / "bisect.md"
    write_all({path: f"{path.read_text(encoding='utf-8')}\n{section}"})
