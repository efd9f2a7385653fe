"""`harness bisect`."""

from harness.cli.console import clean_console, code_with_page, notices
from harness.cli.settings import Invocation
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
    files = page.listed("bisect.json, bisect.md, junit.xml, probes", is_wanted=bisection.page.is_there)
    console.print(f"Results: {bisection.folder}/{files}", markup=False, soft_wrap=True)
    return code_with_page(bisection.exit_code, bisection.page)
