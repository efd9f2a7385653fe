"""`harness matrix`."""

from harness.cli.console import clean_console, code_with_page, notices
from harness.cli.settings import Invocation
from harness.report.page import content
from harness.search import matrix_table
from harness.search.matrix_run import MatrixRun
from harness.search.release_runner import SearchProgress


def main(invocation: Invocation) -> int:
    """Test cases with many releases and write matrix.json, matrix.md, results.json and junit.xml."""
    console = clean_console()
    run = MatrixRun(invocation.settings, invocation.search, notices(console))
    live = SearchProgress(console, id_width=0)
    found = run.run(live)
    console.print(f"\n{matrix_table.render(found, live.width)}", markup=False, soft_wrap=True)
    files = content.listed("matrix.json, matrix.md, results.json, junit.xml, probes", is_wanted=run.page.is_there)
    console.print(f"Results: {run.folder}/{files}", markup=False, soft_wrap=True)
    return code_with_page(run.exit_code, run.page)
