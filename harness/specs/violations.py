"""Collects the violations of one spec, each with its file, line and JSON path."""

import functools
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from harness.core import strict_json
from harness.core.errors import Violation
from harness.core.text import shortened
from harness.host import files
from harness.specs import json_lines
from harness.specs.json_lines import Document

MAX_BYTES = 1 << 20
MOST = 100  # violations of one sort: more are of no help, and take long to find
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

    def read_document(self) -> bool:
        """Read the document from the JSON file, and return whether nothing is wrong with it so far."""
        try:
            self.document = json_lines.parse(files.read(self.path, MAX_BYTES).decode("utf-8"))
        except json.JSONDecodeError as error:
            self.add("$", f"not valid JSON: {error.msg} (column {error.colno})", line=error.lineno)
        except (ValueError, OSError) as error:
            self.add("$", f"cannot read the file: {files.reason(error)}")
        for json_path in self.document.duplicates[:MOST]:
            self.add(json_path, "duplicate field")
        for path, fault in itertools.islice(strict_json.faults(self.document.value), MOST):
            self.add(functools.reduce(json_lines.member, path, "$"), fault)
        return not self.found

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
