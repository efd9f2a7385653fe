"""Consoles of rich whose texts are cleaned: what a file, a tool or a host called itself has no colours of its own."""

import sys
import traceback
from typing import TYPE_CHECKING, Any, TextIO

import rich.console
from rich.text import Text

from harness.cli import streams
from harness.core.callbacks import Notice
from harness.core.exit_codes import EXIT_BUG
from harness.core.text import clean

if TYPE_CHECKING:  # takes longer to load than most commands
    from harness.pipeline.page_file import PageFile


def clean_console(stream: TextIO | None = None) -> rich.console.Console:
    """Return a console for a standard stream, by default standard output."""
    file = streams.Styled(stream or sys.stdout)
    return _Console(file=file, highlight=False)  # type: ignore[arg-type]  # it has what rich uses of a file


def notices(console: rich.console.Console) -> Notice:
    """Return what prints a remark on a line of its own, however long: others search the output of CI for it."""
    return lambda text: console.print(text, style="dim", markup=False, soft_wrap=True)


def code_with_page(code: int, page: "PageFile") -> int:
    """Return the exit code of a command. If its page met a bug, say so; then a code of 0 becomes that of a bug."""
    if page.bug is None:
        return code
    sys.stderr.write("".join(traceback.format_exception(page.bug)))
    sys.stderr.write(
        "error: The page cannot be made; all other results are written. This is a bug of the harness, not of a model. "
        "Please report it.\n"
    )
    return code or EXIT_BUG


class _Console(rich.console.Console):
    """Cleans each text that it prints."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print texts without the sequences and control characters in them."""
        super().print(*map(_cleaned, objects), **options)


def _cleaned(printed: object) -> object:
    match printed:
        case str():
            return clean(printed)
        case Text() if (plain := clean(printed.plain)) != printed.plain:
            return Text(plain, style=printed.style)
        case _:
            return printed
