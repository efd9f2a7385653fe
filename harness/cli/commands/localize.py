"""`harness localize`, and what `harness bisect --localize` does at its end."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from harness.cli import quoted_settings
from harness.cli.console import clean_console, notices
from harness.cli.settings import Invocation
from harness.core.errors import UsageError
from harness.core.exit_codes import EXIT_NO_VERDICT, EXIT_OK
from harness.core.settings import LocalizeSettings, Settings
from harness.host.disk import write_all
from harness.localize import ends, render
from harness.localize.localization import Localization
from harness.localize.result import Localized
from harness.pipeline import sides
from harness.pipeline.previous import report_file, the_case
from harness.pipeline.progress import Live, columns
from harness.report import results

_RESULTS_AND_CASE = 2


class LocalizeProgress(Live):
    """Shows what goes on; its case runs once on each side, so none is counted."""

    def expect_cases(self, number: int) -> None:
        """Ignore the number of cases: it is that of one side."""


def main(invocation: Invocation) -> int:
    """Name what makes a case differ between two sides, and write localize.json, localize.md and a plot."""
    console = clean_console()
    found, folder = localized(*asked(invocation), console)
    named = ", ".join([*render.files(found), "sides"])
    console.print(f"Results: {folder}/{{{named}}}", markup=False, highlight=False, soft_wrap=True)
    if found.stopped is not None:
        return found.stopped
    return EXIT_OK if found.culprits else EXIT_NO_VERDICT


def localized(settings: Settings, compared: LocalizeSettings, console: Console) -> tuple[Localized, Path]:
    """Localize, write the files and print the answer; return it with the folder of the results.

    Raises:
        UsageError: the settings are wrong, so nothing was run.
        DiskError: the results cannot be written.
    """
    compared_sides = sides.sides(settings, compared.against, notices(console), takes_onnxruntime=True)
    localization = Localization(compared_sides, compared)
    found = localization.run(LocalizeProgress(console, id_width=0))
    write_all({localization.folder / name: text for name, text in render.files(found).items()})
    console.print(f"\n{render.text(found, columns(console))}\n", markup=False, highlight=False, soft_wrap=True)
    return found, localization.folder


def asked(invocation: Invocation) -> tuple[Settings, LocalizeSettings]:
    """Return the settings of the bad side, and what to compare with: of the command line, or of results.

    Raises:
        UsageError: nothing says what is right.
    """
    given, compared = invocation.settings, invocation.localize
    selectors: Sequence[str] = given.cases.selectors
    if len(selectors) > _RESULTS_AND_CASE:
        raise UsageError(
            f"{invocation.command} takes one case, or results and a case in them; got {len(selectors)} names."
        )
    if len(selectors) < _RESULTS_AND_CASE:
        return given, compared
    path, case = Path(selectors[0]), selectors[1]
    if not path.exists():
        raise UsageError(f"{path}: no such folder of results, nor a file in one.")
    good = compared.against
    if found := ends.of_folder(path):
        answer, path = found
        good = good or answer.good
    report = results.read(report_file(path))
    settings = quoted_settings.quoted(the_case(report, case, path), report, given)
    return replace(settings, run=replace(settings.run, out=given.run.out)), replace(compared, against=good)
