"""`harness results`."""

import datetime as dt
import sys
from pathlib import Path

from harness.cli.settings import Invocation
from harness.core.errors import UsageError
from harness.core.exit_codes import EXIT_OK
from harness.core.text import counted, inline, size
from harness.history.history import History
from harness.host.disk import disk_errors
from harness.pipeline import old_results
from harness.pipeline.previous import report_file
from harness.report import durations, facts


def main(invocation: Invocation) -> int:
    """Remove old folders of results, or write the durations of the cases in some."""
    return _durations(invocation) if invocation.subcommand == "durations" else _prune(invocation)


def _durations(invocation: Invocation) -> int:
    output = invocation.options.output or Path("durations.json")
    found = durations.read(invocation.options.every_result or (report_file(None),))
    with disk_errors(output):
        output.write_text(durations.render(found), encoding="utf-8")
    sys.stdout.write(f"{inline(str(output))}: {facts.count_of_cases(len(found))}, {sum(found.values()):.1f} s\n")
    return EXIT_OK


def _prune(invocation: Invocation) -> int:
    options = invocation.options
    if options.keep_runs is None and options.older_than_s is None:
        raise UsageError("Nothing to remove was named; add --keep N or --older-than AGE, such as 30d.")
    before = None
    if options.older_than_s is not None:
        before = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=options.older_than_s)
    pins = History.of(invocation.settings.history).pinned()
    root = options.results_root
    found = old_results.prune(root, keep=options.keep_runs, before=before, pins=pins, dry_run=options.dry_run)
    verb = "would be removed" if options.dry_run else "removed"
    for each in found.removed:
        sys.stdout.write(f"{verb}  {inline(str(each.path))}  {size(each.bytes)}\n")
    for paths, why in ((found.pinned, "pinned"), (found.in_use, "in use")):
        sys.stdout.writelines(f"kept     {inline(str(path))}  {why}\n" for path in paths)
    freed = size(sum(each.bytes for each in found.removed))
    sys.stdout.write(f"{counted(len(found.removed), 'folder')} {verb}, {freed}.\n")
    return EXIT_OK
