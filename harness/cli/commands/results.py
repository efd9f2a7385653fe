"""`harness results`."""

import datetime as dt
import sys

from harness.cli.settings import Invocation
from harness.core.errors import UsageError
from harness.core.outcomes import EXIT_OK
from harness.core.text import counted, inline, size
from harness.history.history import History
from harness.pipeline import old_results


def main(invocation: Invocation) -> int:
    """Remove old folders of results."""
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
