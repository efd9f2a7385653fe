"""`harness history`."""

import datetime as dt
import json
import sys
from collections.abc import Callable, Mapping

from harness.cli.settings import Invocation
from harness.core.errors import UsageError
from harness.core.exit_codes import EXIT_NO_VERDICT, EXIT_OK
from harness.core.records import as_json
from harness.core.text import counted
from harness.history import importing, listing
from harness.history.history import History, this_project


def main(invocation: Invocation) -> int:
    """Show, import or remove what the history has."""
    return _COMMANDS[invocation.subcommand](invocation, History.of(invocation.settings.history))


def _show(invocation: Invocation, history: History) -> int:
    options = invocation.options
    if not options.case:
        runs = history.runs(options.limit)
        _say(json.dumps(as_json(runs), indent=1) if options.json else listing.of_runs(runs) if runs else _none(history))
        return EXIT_OK
    found = history.results(options.case, options.limit)
    if not found:
        raise UsageError(f"{options.case}: {_none(history)}")
    _say(json.dumps(as_json(found), indent=1) if options.json else listing.of_results(found))
    return EXIT_OK


def _none(history: History) -> str:
    where = f" of {history.project}" if history.project else ""
    return f"no such run{where} in the history {history.path}; `harness history import` records those of CI."


def _import(invocation: Invocation, history: History) -> int:
    done = importing.import_all(history, this_project(), invocation.options.folders)
    for fault in done.faults:
        sys.stderr.write(f"error: {fault}\n")
    _say(f"{counted(done.new, 'run')} imported, {done.known:,} known already, {len(done.faults):,} unreadable.")
    return EXIT_NO_VERDICT if done.faults else EXIT_OK


def _prune(invocation: Invocation, history: History) -> int:
    options = invocation.options
    if options.keep_days is None and options.keep_runs is None:
        raise UsageError("Nothing to remove was named; add --keep-days DAYS or --keep-runs N.")
    before = None
    if options.keep_days is not None:
        oldest = dt.datetime.now(dt.UTC) - dt.timedelta(days=min(options.keep_days, 36_500))
        before = oldest.strftime("%Y-%m-%dT%H:%M:%SZ")
    number = history.prune(before=before, keep=options.keep_runs, dry_run=options.dry_run)
    _say(f"{counted(number, 'run')} {'would be ' if options.dry_run else ''}removed.")
    return EXIT_OK


def _pin(invocation: Invocation, history: History) -> int:
    run = history.pin(invocation.options.run, is_pinned=invocation.subcommand == "pin")
    _say(
        f"Run {run.id} of {listing.when(run)} is {'pinned: it' if run.is_pinned else 'not pinned any more: it may be'}"
        f"{' and its results are kept' if run.is_pinned else ' removed'}."
    )
    return EXIT_OK


def _say(text: str) -> None:
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")


_COMMANDS: Mapping[str, Callable[[Invocation, History], int]] = {
    "show": _show,
    "import": _import,
    "prune": _prune,
    "pin": _pin,
    "unpin": _pin,
}
