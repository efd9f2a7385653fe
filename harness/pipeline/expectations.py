"""Expected failures: which of a spec apply to a case, and what they make of its verdict.

A failure is excused only by an entry that names its kind. The two fields of the original suite name none; they stand
for every failure of the model in their phase, and never for a runtime that crashes.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.core.cases import Case, Expectation, ModelSpec, Release
from harness.core.outcomes import Kind, Phase, Status, Verdict
from harness.iree import releases

RUN_FIELD, COMPILE_FIELD, FIELD = "run_test_expecting_to_fail", "compile_chip_expecting_to_fail", "expect"
_RUNS = frozenset({Phase.RUN, Phase.COMPARE})
_IN_RUN = frozenset({Kind.NUMERIC, Kind.NAN, Kind.SHAPE, Kind.LOAD, Kind.CRASH, Kind.TIMEOUT})
_IN_COMPILATION = frozenset(Kind)
# What a case that ended well has shown not to happen.
_REFUTED = {
    Status.COMPILED: frozenset({Kind.COMPILE}),
    Status.RAN: frozenset({Kind.COMPILE, Kind.LOAD, Kind.CRASH, Kind.TIMEOUT}),
    Status.PASSED: frozenset(Kind),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedFailure:
    """A failure that a spec expects of a case.

    Attributes:
        json_path: what to delete where it is out of date, such as `$.expect[0]` or `$.expect[0].chips[1]`.
        what: the same for the reader, such as `"expect"[0]`.
        kinds: the kinds of failures that it excuses.
        phases: the phases in which it excuses them; None for all.
        refuted_by: the statuses that show that it is out of date.
        crashes: whether it excuses a runtime that crashes.
        why: the reason and the issue, for the reader.
    """

    json_path: str
    what: str
    kinds: frozenset[Kind]
    phases: frozenset[Phase] | None = None
    refuted_by: frozenset[Status]
    crashes: bool = True
    why: str = ""


def expected_failures(case: Case, release: Release | None, today: dt.date) -> tuple[ExpectedFailure, ...]:
    """Return the failures that a spec expects of a case with a release."""
    spec, found = case.spec, []
    chip = case.target.chip
    if chip in spec.compile_chip_expecting_to_fail:
        found.append(_of_chip(chip, spec.compile_chip_expecting_to_fail.index(chip)))
    elif spec.run_test_expecting_to_fail:
        found.append(_OF_RUN)
    applicable = [(index, each) for index, each in enumerate(spec.expect) if applies(each, case, release, today)]
    return (*found, *(_of_entry(index, each, chip) for index, each in applicable))


def applies(entry: Expectation, case: Case, release: Release | None, today: dt.date) -> bool:
    """Whether an entry is about a case with a release, and has not ended."""
    return (
        (not entry.chips or case.target.chip in entry.chips)
        and (not entry.backends or case.target.backend in entry.backends)
        and (not entry.iree or (release is not None and releases.fulfils(release, entry.iree)))
        and not _has_ended(entry, today)
    )


def remarks(case: Case, today: dt.date) -> Iterator[str]:
    """Yield a remark for each entry that has ended."""
    for index, entry in enumerate(case.spec.expect):
        if _has_ended(entry, today):
            yield f'"{FIELD}"[{index}] ended on {entry.until} and excuses nothing'


def judged(found: Verdict, phase: Phase | None, expected: Sequence[ExpectedFailure], case: Case) -> Verdict:
    """Turn a failure that is expected into `xfailed`, and a success where one is expected into `xpassed`."""
    if found.status is Status.FAILED:
        return _excused(found, phase, expected)
    stale = [each for each in expected if found.status in each.refuted_by]
    if not stale:
        return found
    where = f"{case.spec.path}:{_line(case.spec, stale[0].json_path)}"
    fields = " and ".join(each.what for each in stale)
    reason = f"expected to fail but passed: delete {fields} in {where}, or run `harness bless --expectations`"
    return Verdict(status=Status.XPASSED, kind=None, reason=reason, stale=tuple(each.json_path for each in stale))


def _excused(found: Verdict, phase: Phase | None, expected: Sequence[ExpectedFailure]) -> Verdict:
    for each in expected:
        in_phase = each.phases is None or phase in each.phases
        if in_phase and found.kind in each.kinds and (each.crashes or not found.is_runtime_crash):
            why = f" (expected{each.why})" if each.why else ""
            return replace(found, status=Status.XFAILED, reason=f"{found.reason}{why}")
    if not expected:
        return found
    kinds = ", ".join(sorted({kind for each in expected for kind in each.kinds}))
    return replace(found, reason=f"{found.reason} (the spec expects another failure: {kinds})")


_OF_RUN = ExpectedFailure(
    json_path=f"$.{RUN_FIELD}",
    what=f'"{RUN_FIELD}"',
    kinds=_IN_RUN,
    phases=_RUNS,
    refuted_by=frozenset({Status.PASSED, Status.RAN}),
    crashes=False,
)


def _of_chip(chip: str, index: int) -> ExpectedFailure:
    return ExpectedFailure(
        json_path=f"$.{COMPILE_FIELD}[{index}]",
        what=f'"{COMPILE_FIELD}"[{chip}]',
        kinds=_IN_COMPILATION,
        phases=frozenset({Phase.COMPILE}),
        refuted_by=frozenset({Status.PASSED, Status.RAN, Status.COMPILED}),
    )


def _of_entry(index: int, entry: Expectation, chip: str | None) -> ExpectedFailure:
    kinds = frozenset(Kind(each) for each in entry.fails)
    said = [text for text in (entry.reason, entry.issue) if text]
    among = f".chips[{entry.chips.index(chip)}]" if chip and len(entry.chips) > 1 else ""
    return ExpectedFailure(
        json_path=f"$.{FIELD}[{index}]{among}",
        what=f'"{FIELD}"[{index}]' + (f" for {chip}" if among else ""),
        kinds=kinds,
        refuted_by=frozenset(status for status, shown in _REFUTED.items() if kinds <= shown),
        why=f": {', '.join(said)}" if said else "",
    )


def _line(spec: ModelSpec, json_path: str) -> int:
    """Return the line of a value, or of the nearest one around it whose line is known."""
    around = (json_path[:end] for end in range(len(json_path), 0, -1))
    return next((spec.lines[each] for each in around if each in spec.lines), 1)


def _has_ended(entry: Expectation, today: dt.date) -> bool:
    return entry.until is not None and entry.until < today
