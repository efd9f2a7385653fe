"""Edits spec files: takes out expected failures that did not happen, adds those of suites, and records outputs."""

import ast
import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.errors import UsageError
from harness.core.outcomes import Outcome
from harness.core.provenance import Provenance
from harness.core.records import as_json
from harness.core.values import frozen
from harness.host import files
from harness.specs import json_lines, listed_failures, violations
from harness.specs.expectation import OUTCOMES, PASS
from harness.specs.json_edit import JsonPath, with_members, with_texts_json5, without, without_json5

_QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""


@frozen
class Edit:
    """A change of a spec file or a config."""

    path: Path
    before: str
    after: str

    @property
    def diff(self) -> str:
        """The change as a unified diff."""
        before, after = (text.splitlines(keepends=True) for text in (self.before, self.after))
        return "".join(difflib.unified_diff(before, after, fromfile=str(self.path), tofile=str(self.path), n=2))


def edits(outcomes: Iterable[Outcome], *, failures: bool = False) -> list[Edit]:
    """Return what to change in the specs, or the configs, of cases that passed where a failure was expected.

    Args:
        outcomes: the results of cases.
        failures: whether configs have to expect what failed.

    Raises:
        UsageError: a file cannot be read.
        LookupError: a file has changed since, and has no such expectation any more.
    """
    stale: dict[tuple[Path, bool], set[JsonPath]] = {}
    outcomes = list(outcomes)
    failed = listed_failures.of(outcomes) if failures else {}
    for config in failed:
        stale[Path(config), True] = set()
    for each in outcomes:
        if each.stale:
            where = (Path(each.config or each.path), bool(each.config))
            stale.setdefault(where, set()).update(map(_parsed, each.stale))
    return [
        _edit(path, places, failed.get(str(path), {}), is_config=is_config)
        for (path, is_config), places in stale.items()
    ]


def recorded(
    path: Path,
    outputs: Sequence[Mapping[str, str] | None],
    provenance: Provenance,
    *,
    inherited: Mapping[str, Any],
) -> Edit:
    """Return what to change in a spec so that it names expected outputs and says what made them.

    Args:
        path: the spec file.
        outputs: the entries of the field `outputs`; None for one that stays as it is.
        provenance: what made them.
        inherited: what the spec has of a file that it extends.

    Raises:
        UsageError: the file cannot be read.
    """
    before = _text(path)
    value = json_lines.parse(before).value
    known = value.get("outputs", inherited.get("outputs", []))
    entries = [known[index] if each is None else each for index, each in enumerate(outputs)]
    changed = {"outputs": entries} if entries != known else {}
    others = inherited.get("provenance", {})  # which null removes
    made = {name: each for name, each in as_json(provenance).items() if each is not None or name in others}
    source = {name: each for name, each in (value.get("provenance") or {}).items() if name == "source"}
    return Edit(path=path, before=before, after=with_members(before, changed | {"provenance": source | made}))


def _edit(path: Path, places: set[JsonPath], failed: Mapping[str, str], *, is_config: bool) -> Edit:
    before = _text(path)
    try:
        outcomes = {place for place in places if is_config and place[0] == OUTCOMES}
        after = with_texts_json5(before, dict.fromkeys(outcomes, PASS)) if outcomes else before
        if gone := places - outcomes:
            after = (without_json5 if is_config else without)(after, gone)
        if failed:
            after = listed_failures.written(after, failed)
        return Edit(path=path, before=before, after=after)
    except (KeyError, IndexError, TypeError, StopIteration, ValueError) as error:
        raise LookupError(path) from error


def _text(path: Path) -> str:
    try:
        return files.read(path, violations.MAX_BYTES).decode("utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: cannot be read ({reason}); restore it, or run its case again.") from error


def _parsed(json_path: str) -> JsonPath:
    parts = re.findall(rf"\.(\w+)|\[(\d+)\]|\[({_QUOTED})\]", json_path)
    return tuple(name or (ast.literal_eval(quoted) if quoted else int(index)) for name, index, quoted in parts)
