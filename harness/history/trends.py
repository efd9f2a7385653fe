"""Turns what the history has of cases into trends, which a page shows."""

import itertools
from collections.abc import Iterator, Mapping, Sequence

from harness.core.history import Recorded
from harness.report.page.content import Point, Trend

LIMIT = 60  # results of each case
_NUMBERS = ("error_ratio", "latency_ms", "compile_seconds", "dispatches", "module_bytes")
LEAST = 2  # results that make a trend


def trends(found: Mapping[str, Sequence[Recorded]]) -> tuple[Trend, ...]:
    """Return how the numbers of cases developed on the device on which they ran last.

    Args:
        found: by case id, its results, the newest first.
    """
    return tuple(itertools.chain.from_iterable(_of_case(case, results) for case, results in found.items()))


def _of_case(case: str, results: Sequence[Recorded]) -> Iterator[Trend]:
    alike = [each for each in reversed(results) if each.case.hardware == results[0].case.hardware]
    for name in _NUMBERS:
        points = tuple(_point(each, name) for each in alike)
        if sum(point.value is not None for point in points) >= LEAST:
            yield Trend(case=case, name=name, points=points)


def _point(each: Recorded, name: str) -> Point:
    case = each.case
    value = None if name == "compile_seconds" and case.is_cached else getattr(case, name)
    return Point(when=each.run.started, release=case.release or None, status=str(case.status), value=value)
