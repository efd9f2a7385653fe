"""`harness localize`."""

from harness.cli.console import clean_console, notices
from harness.cli.settings import Invocation
from harness.core.outcomes import EXIT_NO_VERDICT, EXIT_OK
from harness.host.disk import write_all
from harness.localize import render
from harness.localize.localization import Localization
from harness.pipeline import sides
from harness.pipeline.progress import Live


class LocalizeProgress(Live):
    """Shows what goes on; its case runs once on each side, so none is counted."""

    def expect_cases(self, number: int) -> None:
        """Ignore the number of cases: it is that of one side."""


def main(invocation: Invocation) -> int:
    """Name what makes a case differ between two sides, and write localize.json and localize.md."""
    console = clean_console()
    asked = invocation.localize
    localization = Localization(sides.sides(invocation.settings, asked.against, notices(console)), asked)
    found = localization.run(LocalizeProgress(console, id_width=0))
    write_all({localization.folder / "localize.json": render.to_json(found)})
    console.print(f"\n{render.text(found)}\n", markup=False, highlight=False, soft_wrap=True)
    return found.stopped if found.stopped is not None else EXIT_OK if found.culprits else EXIT_NO_VERDICT
