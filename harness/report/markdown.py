"""Escapes text for Markdown, as GitHub renders it."""

import html
import re

from harness.core.text import one_line

_CELL_CHARS = 200


def escaped(text: str) -> str:
    """Return text as one line that Markdown shows unchanged, also in a cell of a table."""
    return re.sub(r"([\\`*_\[\]|~#@])", r"\\\1", html.escape(one_line(text), quote=False))


def fenced(text: str) -> str:
    """Return a code block with a fence that is longer than any run of backticks in it."""
    fence = "`" * max(3, _longest_ticks(text) + 1)
    return f"{fence}text\n{text.rstrip()}\n{fence}"


def code(text: str) -> str:
    """Return a code span for a cell of a table, where a bar needs a backslash even in code."""
    line = one_line(text, limit=_CELL_CHARS).replace("|", "\\|")
    ticks = "`" * (_longest_ticks(line) + 1)
    return f"{ticks} {line} {ticks}" if "`" in line else f"`{line}`"


def _longest_ticks(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
