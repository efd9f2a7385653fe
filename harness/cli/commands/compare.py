"""`harness compare`."""

import sys
from pathlib import Path

from harness.cli.console import clean_console
from harness.cli.settings import Invocation
from harness.core.comparisons import Change, Comparison
from harness.core.exit_codes import EXIT_FAILED, EXIT_NO_VERDICT, EXIT_OK
from harness.core.text import inline
from harness.history import sides
from harness.host.disk import write_all
from harness.pipeline.out_dir import check_files
from harness.pipeline.progress import columns
from harness.report import comparison, comparison_text
from harness.report.page import page
from harness.report.page.content import Content

_UNCHANGED = {Change.SAME, Change.DRIFT}


def main(invocation: Invocation) -> int:
    """Compare two sides, and print what differs."""
    options = invocation.options
    before, after = (sides.side(name, invocation.settings.history) for name in options.sides)
    found = comparison.compared(before, after, dict(options.allowed))
    if options.form == "html":
        output = options.output or Path("compare.html")
        check_files({"-o": output})
        write_all({output: page.render(Content(comparison=found))})
        sys.stdout.write(f"Report: {inline(str(output))}\n")
    elif options.form == "markdown":
        sys.stdout.write(comparison_text.markdown(found, shows_all=options.every))
    else:
        console = clean_console()
        text = comparison_text.console(found, width=columns(console), shows_all=options.every)
        console.print(text, soft_wrap=True)
    return _exit_code(found, options.fail_on)


def _exit_code(found: Comparison, fail_on: str) -> int:
    """Return 1 for what is a failure, else 3 if a case has no result any more; 0 if nothing is a failure."""
    changes = set(found.counts)
    if not fail_on:
        return EXIT_OK
    if Change.REGRESSION in changes or (fail_on == "change" and changes - _UNCHANGED):
        return EXIT_FAILED
    return EXIT_NO_VERDICT if Change.LOST in changes else EXIT_OK
