"""`harness bless`."""

import sys
from collections.abc import Iterable, Iterator, Sequence

from harness.cli.asking import is_wanted
from harness.cli.settings import Invocation
from harness.core.errors import UsageError
from harness.core.exit_codes import EXIT_FAILED, EXIT_OK
from harness.core.outcomes import Outcome
from harness.core.statuses import Status
from harness.core.text import counted
from harness.host.disk import disk_errors, write_atomically
from harness.pipeline.previous import report_file
from harness.report import results
from harness.specs import bless
from harness.specs.bless import Edit
from harness.specs.expectation import NEVER_LISTED


def main(invocation: Invocation) -> int:
    """Record the outputs of a reference, or let specs and configs expect what happened in a run.

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
    if options.failures and any(each.config and not each.listed_as for each in cases):
        raise UsageError(f"{report}: does not say what its configs call cases; run them again with this harness.")
    by_hand = list(_by_hand(cases, failures=options.failures))
    for line in by_hand:
        _print(line)
    try:
        edits = bless.edits(cases, failures=options.failures)
    except LookupError as error:
        raise UsageError(f"{error.args[0]}: has changed since {report} was written; run its cases again.") from error
    if not edits and by_hand:
        return EXIT_FAILED
    if not edits:
        others = ", and none failed" if options.failures else ""
        _print(f"Nothing to change: in {report}, no case passed where a failure was expected{others}.")
        return EXIT_OK
    return _written(edits, yes=options.yes)


def _by_hand(cases: Iterable[Outcome], *, failures: bool) -> Iterator[str]:
    """Yield what only the user can change."""
    for case in cases:
        if case.status is Status.XPASSED and not case.stale:
            yield f"{case.id}: {case.reason}"
        elif failures and case.status is Status.FAILED and not case.config:
            yield f"{case.id}: failed; if that is expected, write `expect` into {case.path}, with the reason"
        elif failures and case.status is Status.FAILED and case.kind in NEVER_LISTED:
            yield f"{case.id}: failed, and no config can expect a failure of kind {case.kind}"


def _written(edits: Sequence[Edit], *, yes: bool) -> int:
    for each in edits:
        _print(each.diff)
    if not (yes or is_wanted("Write these changes?")):
        _print("Nothing was written; add --yes to write these changes.")
        return EXIT_FAILED
    for each in edits:
        with disk_errors(each.path):
            write_atomically(each.path, each.after)
    _print(f"{counted(len(edits), 'file')} changed.")
    return EXIT_OK


def _print(text: str) -> None:
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
