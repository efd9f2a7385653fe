"""`harness report`."""

import sys
from pathlib import Path

from harness.cli.settings import Invocation
from harness.core.exit_codes import EXIT_OK
from harness.core.text import inline
from harness.pipeline import page_file
from harness.pipeline.out_dir import check_files
from harness.pipeline.previous import report_file
from harness.pipeline.recorder import Recorder


def main(invocation: Invocation) -> int:
    """Write a page of results that are there."""
    output = invocation.options.output or Path("report.html")
    check_files({"-o": output})
    page_file.write_collected(_results(invocation), output, Recorder.here(invocation.settings.history))
    sys.stdout.write(f"Report: {inline(str(output))}\n")
    return EXIT_OK


def _results(invocation: Invocation) -> tuple[Path, ...]:
    """Return the results that were named, or those of the newest run."""
    return invocation.options.every_result or (report_file(None),)
