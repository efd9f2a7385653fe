"""Says what a page shows of a comparison."""

from typing import Any

from harness.core.comparisons import CaseComparison, Change, Comparison
from harness.core.text import one_line
from harness.report import comparison_text

_CASES = 10_000


def described(found: Comparison) -> dict[str, Any]:
    """Return the cases that differ, the worst first, and the remarks; the words are those of the console."""
    differing = [each for each in found.cases if each.change is not Change.SAME]
    more = [f"{len(differing) - _CASES} more cases differ."] if len(differing) > _CASES else []
    return {
        "cases": [_case(each) for each in differing[:_CASES]],
        "notes": [*map(one_line, found.notes), *more],
    }


def _case(case: CaseComparison) -> dict[str, Any]:
    return {
        "change": case.change,
        "name": one_line(case.name),
        "status": one_line(comparison_text.statuses(case)),
        "numbers": [one_line(each) for each in comparison_text.drifts(case)],
        "remarks": comparison_text.remarks(case),
    }
