"""`harness bless`."""

import sys

from harness.cli.asking import is_wanted
from harness.cli.settings import Invocation
from harness.core.errors import UsageError
from harness.core.outcomes import EXIT_FAILED, EXIT_OK
from harness.core.statuses import Status
from harness.core.text import counted
from harness.host.disk import disk_errors, write_atomically
from harness.pipeline.previous import report_file
from harness.report import results
from harness.specs import bless


def main(invocation: Invocation) -> int:
    """Record the outputs of a reference, or delete expected failures that did not happen in a run.

    What would change is shown, and written if it is wanted.
    """
    options = invocation.options
    if options.reference:
        from harness.cli.commands import record  # noqa: PLC0415 - loads all that runs models

        return record.main(invocation, options.reference)
    if not options.expectations:
        raise UsageError("Nothing to bless was named; add --reference REFERENCE to a case, or --expectations.")
    report = report_file(options.results)
    cases = results.read(report).cases
    by_hand = [each for each in cases if each.status is Status.XPASSED and not each.stale]
    for case in by_hand:
        _print(f"{case.id}: {case.reason}")
    try:
        edits = bless.edits(cases)
    except LookupError as error:
        raise UsageError(f"{error.args[0]}: has changed since {report} was written; run its cases again.") from error
    if not edits and by_hand:
        return EXIT_FAILED
    if not edits:
        _print(f"Nothing to delete: in {report}, no case passed where a failure was expected.")
        return EXIT_OK
    for each in edits:
        _print(each.diff)
    if not (options.yes or is_wanted("Write these changes?")):
        _print("Nothing was written; add --yes to write these changes.")
        return EXIT_FAILED
    for each in edits:
        with disk_errors(each.path):
            write_atomically(each.path, each.after)
    _print(f"{counted(len(edits), 'file')} changed.")
    return EXIT_OK


def _print(text: str) -> None:
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
