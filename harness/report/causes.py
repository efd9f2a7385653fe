"""Finds what has one cause, so that it is told once: errors, and attempts to reach a host that fail alike.

Failures of models are never joined.
"""

import re
from collections.abc import Iterable

from harness.core.outcomes import Outcome
from harness.core.statuses import Status

_ATTEMPT = re.compile(r"\(attempt [^()]*\)")
_WAIT = re.compile(r"[\d.]+ s\b")
# What differs between cases that one cause hits: the file on a host or in a folder, and how far its download came.
_VARYING = (
    (re.compile(r"(\b\w+://[^/\s]+)/\S*[^\s:;,.]"), r"\1"),
    (re.compile(r"(?<![\w:/])(/(?:[^/\s]+/)*)[^/\s:;,]+"), r"\1"),
    (_ATTEMPT, ""),
)


def cause(outcome: Outcome) -> str:
    """Return a text that is equal for errors with one cause; empty if the outcome is no error."""
    if outcome.status is not Status.ERROR:
        return ""
    return f"{outcome.kind}: {_without_names(outcome.reason)}"


def retry(text: str) -> str:
    """Return a text that is equal for notices of attempts that failed alike at one host; empty for other notices."""
    return _WAIT.sub("", _without_names(text)) if _ATTEMPT.search(text) else ""


def _without_names(text: str) -> str:
    for pattern, kept in _VARYING:
        text = pattern.sub(kept, text)
    return text


def grouped(outcomes: Iterable[Outcome]) -> list[list[Outcome]]:
    """Return the outcomes, those that one cause hit together at the place of the first."""
    groups: dict[str, list[Outcome]] = {}
    for number, outcome in enumerate(outcomes):
        groups.setdefault(cause(outcome) or str(number), []).append(outcome)
    return list(groups.values())
