"""`harness bisect`."""

from dataclasses import replace

from rich.console import Console

from harness.cli.commands.localize import localized
from harness.cli.console import clean_console, code_with_page, notices
from harness.cli.settings import Invocation
from harness.core.settings import LocalizeSettings
from harness.host.disk import write_all
from harness.localize import ends
from harness.localize import render as render_localized
from harness.report.page import page
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
        _localize(invocation, bisection, console)
    files = page.listed("bisect.json, bisect.md, junit.xml, probes", is_wanted=bisection.page.is_there)
    console.print(f"Results: {bisection.folder}/{files}", markup=False, soft_wrap=True)
    return code_with_page(bisection.exit_code, bisection.page)


def _localize(invocation: Invocation, bisection: Bisection, console: Console) -> None:
    """Look for the operation to blame in the first bad release, and add it to bisect.md."""
    answer = ends.of_finding(bisection.found)
    if answer is None:
        console.print("--localize: the search names no single release, so nothing is looked into.", soft_wrap=True)
        return
    settings = invocation.settings
    release = replace(settings.release, name=answer.bad)
    run = replace(settings.run, out=bisection.folder / "localize", junit_xml=None)
    asked = LocalizeSettings(against=answer.good)
    found, folder = localized(replace(settings, release=release, run=run), asked, console)
    path = bisection.folder / "bisect.md"
    section = render_localized.section(found, folder.name)
    write_all({path: f"{path.read_text(encoding='utf-8')}\n{section}"})
