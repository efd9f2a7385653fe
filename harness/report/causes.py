"""Finds the errors that have one cause, so that it is told once. Failures of models are never joined."""

import re
from collections.abc import Iterable

from harness.core.outcomes import Outcome, Status

# What differs between cases that one cause hits: the file on a host or in a folder, and how far its download came.
_VARYING = (
    (re.compile(r"(\w+://[^/\s]+)/\S*[^\s:;,.]"), r"\1"),
    (re.compile(r"(?<![\w:/])(/(?:[^/\s]+/)*)[^/\s:;,]+"), r"\1"),
    (re.compile(r"\(attempt [^)]*\)"), ""),
)


def cause(outcome: Outcome) -> str:
    """Return a text that is equal for errors with one cause; empty if the outcome is no error."""
    if outcome.status is not Status.ERROR:
        return ""
    text = outcome.reason
    for pattern, kept in _VARYING:
        text = pattern.sub(kept, text)
    return f"{outcome.kind}: {text}"


def grouped(outcomes: Iterable[Outcome]) -> list[list[Outcome]]:
    """Return the outcomes, those that one cause hit together at the place of the first."""
    groups: dict[str, list[Outcome]] = {}
    for number, outcome in enumerate(outcomes):
        groups.setdefault(cause(outcome) or str(number), []).append(outcome)
    return list(groups.values())
