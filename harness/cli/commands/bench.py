"""`harness bench`."""

from harness.bench import render
from harness.bench.bench_run import BenchProgress, BenchRun
from harness.cli.console import clean_console, code_with_page, notices
from harness.cli.settings import Invocation
from harness.pipeline import sides
from harness.pipeline.progress import columns
from harness.report.page import content


def main(invocation: Invocation) -> int:
    """Time cases, compare both sides, and write bench.json, bench.md and the results of each side."""
    console = clean_console()
    bench = invocation.bench
    run = BenchRun(sides.sides(invocation.settings, bench.against, notices(console)), bench)
    found = run.run(BenchProgress(console, id_width=0))
    console.print(f"\n{render.text(found, columns(console))}\n", markup=False, highlight=False, soft_wrap=True)
    files = content.listed("bench.json, bench.md, sides", is_wanted=run.page.is_there)
    console.print(f"Results: {run.folder}/{files}", markup=False, highlight=False, soft_wrap=True)
    return code_with_page(found.exit_code, run.page)
