"""`harness report`."""

import sys
from pathlib import Path

from harness.cli.settings import Invocation
from harness.core.errors import UsageError
from harness.core.outcomes import EXIT_OK
from harness.core.text import inline
from harness.pipeline import page_file
from harness.pipeline.out_dir import check_files, newest_report
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
    if invocation.options.every_result:
        return invocation.options.every_result
    if (newest := newest_report()) is None:
        raise UsageError("There are no results here; name a folder of results, or its results.json.")
    return (newest,)
