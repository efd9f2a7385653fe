"""Consoles of rich whose texts are cleaned: what a file, a tool or a host called itself has no colours of its own."""

import sys
from typing import Any, TextIO

import rich.console
from rich.text import Text

from harness.cli import streams
from harness.core.text import clean


def clean_console(stream: TextIO | None = None) -> rich.console.Console:
    """Return a console for a standard stream, by default standard output."""
    file = streams.Styled(stream or sys.stdout)
    return _Console(file=file, highlight=False)  # type: ignore[arg-type]  # it has what rich uses of a file


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
