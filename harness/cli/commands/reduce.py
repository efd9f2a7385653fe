"""`harness reduce`, and what `harness bisect --reduce` does at its end."""

from collections.abc import Iterator

from rich.console import Console

from harness.cli.commands.localize import LocalizeProgress, asked
from harness.cli.console import clean_console, notices
from harness.cli.settings import Invocation
from harness.core.exit_codes import EXIT_NO_VERDICT, EXIT_OK
from harness.core.settings import LocalizeSettings, ReduceSettings, Settings
from harness.core.text import counted, filled, one_line
from harness.localize.laboratory import BAD, GOOD
from harness.pipeline import sides
from harness.pipeline.progress import columns
from harness.reduction.reduction import Reduced, Reduction


def main(invocation: Invocation) -> int:
    """Reduce a case that differs between two sides to a small program, and write its folder."""
    console = clean_console()
    found = reduced(*asked(invocation), invocation.reduce, console)
    if found.stopped is not None:
        return found.stopped
    return EXIT_OK if found.state else EXIT_NO_VERDICT


def reduced(settings: Settings, compared: LocalizeSettings, asked_: ReduceSettings, console: Console) -> Reduced:
    """Reduce, write the folder, and print what was found.

    Raises:
        UsageError: the settings are wrong, so nothing was run.
        DiskError: the folder or the results cannot be written.
    """
    told = notices(console)
    reduction = Reduction(sides.sides(settings, compared.against, told), asked_, told)
    found = reduction.run(LocalizeProgress(console, id_width=0))
    width = columns(console)
    lines = [
        one_line(reduction.opened.case.id),
        *(filled([f"  {each}"], width=width, indent="  ") for each in _told(reduction, found)),
    ]
    console.print("\n" + "\n".join(lines), markup=False, highlight=False, soft_wrap=True)
    if found.state:
        console.print(f"Written: {asked_.to}/README.md, and a spec; results: {reduction.folder}", soft_wrap=True)
    return found


def _told(reduction: Reduction, found: Reduced) -> Iterator[str]:
    """Yield what was found, in sentences."""
    state, begun = found.state, found.begun
    if not (state and begun):
        yield f"Nothing was reduced: {found.why}"
        return
    bad, good = reduction.opened.sides[BAD], reduction.opened.sides[GOOD]
    yield f"{counted(begun.operations, 'operation')} were reduced to {state.operations}."
    yield f"{bad.label} fails: {state.how}"
    yield f"{good.label} does not."
    rest = "none smaller fails" if found.is_done else "there may be smaller ones"
    yield f"{counted(found.tried, 'program')} tried in {found.seconds:.1f} s; {rest}."
    if found.stopped is not None:
        yield "Interrupted: to resume, run the same command with another -o."
