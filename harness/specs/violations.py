"""Collects the violations of one spec, each with its file, line and JSON path."""

import functools
import itertools
import json
import operator
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
        self._written: dict[str, tuple[int, Violations]] = {}
        self._writes = itertools.count()

    def read_document(self) -> bool:
        """Read the document from the JSON file, and return whether nothing is wrong with it so far."""
        try:
            return self.parse(files.read(self.path, MAX_BYTES))
        except (ValueError, OSError) as error:
            return self._unreadable(error)

    def parse(self, content: bytes) -> bool:
        """Read the document from the content of the file, and return whether nothing is wrong with it so far."""
        text = ""
        try:
            text = content.decode("utf-8")
            self.document = json_lines.parse(text)
        except json.JSONDecodeError as error:
            self.add("$", f"not valid JSON: {error.msg} (column {error.colno})", line=error.lineno)
        except ValueError as error:
            return self._unreadable(error)
        for json_path in self.document.duplicates[:MOST]:
            self.add(json_path, "duplicate field")
        if strict_json.may_have_faults(text):
            for path, fault in itertools.islice(strict_json.faults(self.document.value), MOST):
                self.add(functools.reduce(json_lines.member, path, "$"), fault)
        return not self.found

    def _unreadable(self, error: Exception) -> bool:
        self.add("$", f"cannot read the file: {files.reason(error)}")
        return False

    def written(self, json_path: str, layer: "Violations") -> None:
        """Note the file in which a value of a merged document is written, if it is not this one."""
        self._written[json_path] = (next(self._writes), layer)

    def place(self, json_path: str) -> tuple[Path, int]:
        """Return the file and the line in which a value is written."""
        if not self._written:
            return self.path, self.document.line(json_path)
        known = [self._written[each] for each in json_lines.around(json_path) if each in self._written]
        _, layer = max(known, key=operator.itemgetter(0), default=(0, self))  # the last to write it, or what it is in
        return layer.path, layer.document.line(json_path)

    def add(self, json_path: str, message: str, *, line: int | None = None) -> None:
        """Add a violation; its line is that of the JSON path, unless it is known otherwise."""
        path, known = self.place(json_path)
        shown, text = shortened(json_path, _SHOWN), shortened(message, _SHOWN)
        self.found.append(Violation(path=path, line=line or known, json_path=shown, message=text))

    def checked(self, json_path: str, compute: Callable[[], _T]) -> _T | None:
        """Return what a function computes, or None if it raises: then that is a violation."""
        try:
            return compute()
        except (ValueError, OSError, RuntimeError) as error:  # a path may be too long, or a loop of links
            self.add(json_path, files.reason(error))
            return None
