"""Compares the results of two sides: statuses, errors, and what cases cost. No I/O."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from harness.core.comparisons import CaseComparison, Change, Comparison, Drift, Side
from harness.core.history import CaseRecord, Recorded
from harness.core.statuses import Status
from harness.core.text import counted, one_line

# The numbers that are compared, each with its field of a `CaseRecord`.
NUMBERS: Mapping[str, str] = {
    "error": "error_ratio",
    "compile": "compile_seconds",
    "size": "module_bytes",
    "dispatches": "dispatches",
    "latency": "latency_ms",
    "memory": "peak_memory_bytes",
}
# A smaller growth or decline of a number is not worth a look: times and memory differ from run to run.
LEAST_DRIFT = {"error": 0.05, "compile": 0.25, "size": 0.01, "dispatches": 1e-9, "latency": 0.1, "memory": 0.25}
_Pair = tuple[Recorded | None, Recorded | None]
_NO_RESULT = {Status.ERROR}


def compared(before: Side, after: Side, allowed: Mapping[str, float]) -> Comparison:
    """Return what became of each case.

    Args:
        before: the first side.
        after: the second side.
        allowed: by the name of a number, by which share it may grow.
    """
    cases = [_compared(*pair, allowed) for pair in _pairs(before.cases, after.cases)]
    order = list(Change)
    cases.sort(key=lambda case: (order.index(case.change), case.name))
    return Comparison(before=before, after=after, cases=tuple(cases), notes=tuple(_notes(before, after, cases)))


def _pairs(before: Sequence[Recorded], after: Sequence[Recorded]) -> Iterator[_Pair]:
    """Yield each case with its results: first those with the same id, then those of one name on different chips."""
    old, new = ({each.case.id: each for each in reversed(side)} for side in (before, after))
    both = [name for name in old if name in new]
    for name in both:
        yield old.pop(name), new.pop(name)
    names = [Counter((each.case.name, each.case.backend) for each in side.values()) for side in (old, new)]
    for key in names[0]:
        if names[0][key] == names[1][key] == 1:
            yield _taken(old, key), _taken(new, key)
    yield from ((each, None) for each in old.values())
    yield from ((None, each) for each in new.values())


def _taken(side: dict[str, Recorded], key: tuple[str, str]) -> Recorded:
    return side.pop(next(name for name, each in side.items() if (each.case.name, each.case.backend) == key))


def _compared(before: Recorded | None, after: Recorded | None, allowed: Mapping[str, float]) -> CaseComparison:
    if before is None or after is None:
        change = Change.ADDED if before is None else Change.REMOVED
        return CaseComparison(name=_name(before, after), change=change, before=before, after=after)
    numbers = tuple(_numbers(before, after, allowed))
    differs = _outcome(before.case) != _outcome(after.case)
    return CaseComparison(
        name=_name(before, after),
        change=_change(before.case, after.case, numbers),
        before=before,
        after=after,
        numbers=numbers,
        is_flaky=differs and _has_same_inputs(before.case, after.case),
    )


def _name(before: Recorded | None, after: Recorded | None) -> str:
    cases = [each.case for each in (before, after) if each]
    return cases[0].id if len({case.id for case in cases}) == 1 else cases[0].name


def _change(before: CaseRecord, after: CaseRecord, numbers: Sequence[Drift]) -> Change:
    if after.status in _NO_RESULT and before.status not in _NO_RESULT:
        return Change.LOST
    if before.is_green != after.is_green:
        return Change.FIXED if after.is_green else Change.REGRESSION
    if any(each.is_over for each in numbers):
        return Change.REGRESSION
    if _outcome(before) != _outcome(after):
        return Change.CHANGED
    return Change.DRIFT if any(map(is_drift, numbers)) else Change.SAME


def is_drift(number: Drift) -> bool:
    """Whether a number changed so much that it is worth a look."""
    return number.counts and abs(number.growth) >= LEAST_DRIFT[number.name]


def _outcome(case: CaseRecord) -> tuple[str, str | None]:
    return case.status, case.kind


def _has_same_inputs(before: CaseRecord, after: CaseRecord) -> bool:
    same = (before.release, before.hardware, before.inputs) == (after.release, after.hardware, after.inputs)
    return same and bool(before.inputs) and (before.limits == after.limits or not (before.limits and after.limits))


def _numbers(before: Recorded, after: Recorded, allowed: Mapping[str, float]) -> Iterator[Drift]:
    counts = {
        "latency": before.case.hardware == after.case.hardware,
        "memory": before.case.hardware == after.case.hardware,
        "compile": before.run.machine == after.run.machine,
    }
    for name, field in NUMBERS.items():
        old, new = getattr(before.case, field), getattr(after.case, field)
        if old is None or new is None:
            continue
        is_counted = counts.get(name, True)
        over = is_counted and name in allowed and new > old * (1 + allowed[name])
        yield Drift(name=name, before=old, after=new, is_over=over, counts=is_counted)


def _notes(before: Side, after: Side, cases: Sequence[CaseComparison]) -> Iterator[str]:
    for name, differ in (("devices", _devices), ("machines", _machines)):
        found = [pair for case in cases if (pair := differ(case))]
        if found:
            pairs = "; ".join(dict.fromkeys(f"{one_line(old or '?')} and {one_line(new or '?')}" for old, new in found))
            what = "their times and memory" if name == "devices" else "the times of their compilations"
            verb = "was on" if len(found) == 1 else "were on"
            yield f"{counted(len(found), 'case')} {verb} different {name} ({pairs}): {what} do not count"
    for side in (before, after):
        if extra := len(side.cases) - len({each.case.id for each in side.cases}):
            yield f"{one_line(side.name)} has cases with several results; {extra} of these are left out"


def _devices(case: CaseComparison) -> tuple[str, str] | None:
    if not case.before or not case.after or case.before.case.hardware == case.after.case.hardware:
        return None
    return " ".join(case.before.case.hardware).strip(), " ".join(case.after.case.hardware).strip()


def _machines(case: CaseComparison) -> tuple[str | None, str | None] | None:
    if not case.before or not case.after or case.before.run.machine == case.after.run.machine or _devices(case):
        return None
    return case.before.run.machine, case.after.run.machine
