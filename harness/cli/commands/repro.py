"""`harness repro`."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.cli import quoted_settings
from harness.cli.settings import Invocation
from harness.cli.streams import notice
from harness.core.cases import Case
from harness.core.errors import UsageError
from harness.core.exit_codes import EXIT_FAILED, EXIT_OK
from harness.core.outcomes import Outcome
from harness.core.settings import Settings
from harness.core.text import inline
from harness.packing import case_folder, repetition
from harness.packing.case_folder import CaseRequest
from harness.pipeline import selection
from harness.pipeline.previous import report_file, the_case
from harness.report import results


def main(invocation: Invocation) -> int:
    """Write the folder of a case, or say if its case ended there as before."""
    return _COMMANDS[invocation.subcommand](invocation)


def _write(invocation: Invocation) -> int:
    options, given = invocation.options, invocation.settings
    path = report_file(options.results or Path())
    report = results.read(path)
    outcome = the_case(report, options.case, path)
    settings = quoted_settings.quoted(outcome, report, given)
    folder = options.to or Path()
    packed = case_folder.write(
        CaseRequest(
            settings=settings,
            case=_case(settings, outcome),
            outcome=outcome,
            report=report,
            results=path.parent,
            folder=folder,
            with_blobs=options.with_blobs,
            allowed=tuple(quoted_settings.folders(settings.cases, given)),
        ),
        notice,
    )
    _say(f"{outcome.id}: {repetition.ending(outcome)}")
    for note in packed.notes:
        _say(note)
    _say(f"Written: {folder}; repeat it there with `sh run.sh`{_how(packed.is_offline)}.")
    return EXIT_OK


def _how(is_offline: bool) -> str:  # noqa: FBT001 - one fact, said in words
    return ", which needs no network" if is_offline else ""


def _case(settings: Settings, outcome: Outcome) -> Case:
    """Return the case as its spec says it now."""
    if found := [case for case in selection.cases(settings, notice) if case.id == outcome.id]:
        return found[0]
    raise UsageError(f"{inline(outcome.id)}: the spec is not for this target any more; run the case again.")


def _check(invocation: Invocation) -> int:
    folder = invocation.options.folder or Path()
    before, now = _only(folder / results.NAME), _only(folder / case_folder.OUT / results.NAME)
    found = repetition.differences(before, now)
    if not found:
        _say(f"{inline(now.id)}: {repetition.ending(now)}, as before")
        return EXIT_OK
    for each in found:
        _say(f"{inline(now.id)}: {inline(each)}")
    return EXIT_FAILED


def _only(path: Path) -> Outcome:
    cases: Sequence[Outcome] = results.read(path).cases
    if len(cases) != 1:
        raise UsageError(f"{path}: has {len(cases)} cases; expected that of a folder that `harness repro` wrote.")
    return cases[0]


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


_COMMANDS: Mapping[str, Callable[[Invocation], int]] = {"write": _write, "check": _check}
