"""Collects the violations of one spec, each with its file, line and JSON path."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from harness.core.errors import Violation
from harness.core.text import shortened
from harness.host import files
from harness.specs.json_lines import Document

_SHOWN = 500  # characters
_T = TypeVar("_T")


class Violations:
    """The violations of one document so far.

    Attributes:
        path: the file.
        document: its content, with lines.
        found: the violations, in the order in which they were found.
    """

    def __init__(self, path: Path) -> None:
        """Begin with no violation, and without a document."""
        self.path, self.document = path, Document(None)
        self.found: list[Violation] = []

    def add(self, json_path: str, message: str, *, line: int | None = None) -> None:
        """Add a violation; its line is that of the JSON path, unless it is known otherwise."""
        at, shown = line or self.document.line(json_path), shortened(json_path, _SHOWN)
        self.found.append(Violation(path=self.path, line=at, json_path=shown, message=shortened(message, _SHOWN)))

    def checked(self, json_path: str, compute: Callable[[], _T]) -> _T | None:
        """Return what a function computes, or None if it raises: then that is a violation."""
        try:
            return compute()
        except (ValueError, OSError, RuntimeError) as error:  # a path may be too long, or a loop of links
            self.add(json_path, files.reason(error))
            return None
