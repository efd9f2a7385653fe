"""Puts the steps of all cases of a page on one time axis."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from harness.core.text import one_line
from harness.core.timings import StepTime
from harness.report import facts
from harness.report.page.cases import Shown

Entry = tuple[int, str, float, float, str]
_TEXT_CHARS = 60


def entries(shown: Sequence[Shown]) -> list[Entry]:
    """Return position of the case, step, seconds since the first step began, duration and resource of each step.

    A step that several cases share is that of the first of them.
    """
    found = sorted(_known(shown), key=lambda each: each[0])
    first = found[0][0] if found else 0.0
    return [
        (
            position,
            one_line(step.step, limit=_TEXT_CHARS),
            round(began - first, 3),
            round(facts.seconds(step.seconds), 3),
            one_line(step.resource, limit=_TEXT_CHARS),
        )
        for began, position, step in found
    ]


def _known(shown: Sequence[Shown]) -> Iterator[tuple[float, int, StepTime]]:
    seen = set()
    for position, each in enumerate(shown):
        for step in each.outcome.steps:
            began = _seconds_since_1970(step.began)
            if began is not None and (each.run, step) not in seen:
                seen.add((each.run, step))
                yield began, position, step


def _seconds_since_1970(text: str) -> float | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:  # results may come from anywhere
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
