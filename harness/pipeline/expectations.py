"""Expected failures: which of a spec or a config apply to a case, and what they make of its verdict.

A failure is excused only by an entry that names its kind. The two fields of the original suite name none; they stand
for every failure of the model in their phase, and never for a runtime that crashes. The lists of a config name none
either; they stand for every failure in their phase but a timeout, as they do in the suite's own runner. A budget that
is exceeded is excused only by its name.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from harness.core.cases import Case, Expectation, Listing, ModelSpec, Place, Release
from harness.core.statuses import Kind, Phase, Status, Verdict
from harness.core.values import frozen
from harness.iree import releases
from harness.specs.expectation import NEVER_LISTED, OUTCOMES, PASS

RUN_FIELD, COMPILE_FIELD, FIELD = "run_test_expecting_to_fail", "compile_chip_expecting_to_fail", "expect"
_RUNS = frozenset({Phase.RUN, Phase.COMPARE, Phase.BENCHMARK})
_IN_RUN = frozenset({Kind.NUMERIC, Kind.NAN, Kind.SHAPE, Kind.LOAD, Kind.CRASH, Kind.TIMEOUT})
_IN_COMPILATION = frozenset(Kind) - {Kind.BUDGET}
_LISTED = frozenset(Kind) - NEVER_LISTED
# What a case that ended well has shown not to happen, if it has no budget.
_REFUTED = {
    Status.COMPILED: frozenset({Kind.COMPILE}),
    Status.RAN: frozenset({Kind.COMPILE, Kind.LOAD, Kind.CRASH, Kind.TIMEOUT}),
    Status.PASSED: frozenset(Kind) - {Kind.BUDGET},
}


@frozen
class ExpectedFailure:
    """A failure that a spec or a config expects of a case.

    Attributes:
        json_path: what to delete where it is out of date, such as `$.expect[0]` or `$.expect[0].chips[1]`.
        what: the same for the reader, such as `"expect"[0]`.
        where: the file and line, such as `toy/add_cpu.json:12`.
        kinds: the kinds of failures that it excuses.
        phases: the phases in which it excuses them; None for all.
        is_shared: whether it is about other cases as well, such as one in a file that specs extend.
        refuted_by: the statuses that show that it is out of date.
        crashes: whether it excuses a runtime that crashes.
        why: the reason and the issue, for the reader.
        instead: what is expected where no kinds are named, such as `the run to fail`.
    """

    json_path: str
    what: str
    where: str
    kinds: frozenset[Kind]
    phases: frozenset[Phase] | None = None
    refuted_by: frozenset[Status]
    is_shared: bool = False
    crashes: bool = True
    why: str = ""
    instead: str = ""


def expected_failures(case: Case, release: Release | None, today: dt.date) -> tuple[ExpectedFailure, ...]:
    """Return the failures that a spec expects of a case with a release."""
    spec, found = case.spec, []
    if spec.listing:
        return tuple(_of_listing(spec.listing))
    chip = case.target.chip
    if chip in spec.compile_chip_expecting_to_fail:
        found.append(_of_chip(spec, chip))
    elif spec.run_test_expecting_to_fail:
        found.append(_of_run(spec))
    applicable = [(index, each) for index, each in enumerate(spec.expect) if applies(each, case, release, today)]
    return (*found, *(_of_entry(case, index, each) for index, each in applicable))


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


def judged(found: Verdict, phase: Phase | None, expected: Sequence[ExpectedFailure]) -> Verdict:
    """Turn a failure that is expected into `xfailed`, and a success where one is expected into `xpassed`."""
    if found.status is Status.FAILED or (found.kind is Kind.IMPORT and expected):
        return _excused(found, phase, expected)
    stale = [each for each in expected if found.status in each.refuted_by]
    if not stale:
        return found
    own = [each for each in stale if not each.is_shared]
    shared = [
        f"change {each.what} in {each.where} by hand, because it is about other cases as well"
        for each in stale
        if each not in own
    ]
    fields = " and ".join(each.what for each in own)
    change = f'set {fields} to "{PASS}"' if own and OUTCOMES in own[0].json_path else f"delete {fields}"
    blessed = [f"{change} in {own[0].where}, or run `harness bless --expectations`"] if own else []
    reason = f"expected to fail but passed: {'; '.join((*blessed, *shared))}"
    return Verdict(status=Status.XPASSED, kind=None, reason=reason, stale=tuple(each.json_path for each in own))


def _excused(found: Verdict, phase: Phase | None, expected: Sequence[ExpectedFailure]) -> Verdict:
    for each in expected:
        in_phase = each.phases is None or phase in each.phases
        if in_phase and found.kind in each.kinds and (each.crashes or not found.is_runtime_crash):
            why = f" (expected{each.why})" if each.why else ""
            return replace(found, status=Status.XFAILED, reason=f"{found.reason}{why}")
    if not expected:
        return found
    if expected[0].instead:
        return replace(found, reason=f"{found.reason} ({expected[0].where} expects {expected[0].instead})")
    kinds = ", ".join(sorted({kind for each in expected for kind in each.kinds}))
    return replace(found, reason=f"{found.reason} (the spec expects another failure: {kinds})")


def _of_listing(listing: Listing) -> Iterator[ExpectedFailure]:
    """Yield the failures that a config expects; while the compilation is expected to fail, no failing run is."""
    compilation, run = listing.compile_failure, listing.run_failure
    if listing.import_failure:
        phases = frozenset({Phase.IMPORT})
        yield _listed(listing, listing.import_failure, phases, _COMPILED, instead="the import to fail")
    if compilation:
        phases = frozenset({Phase.COMPILE})
        yield _listed(listing, compilation, phases, _COMPILED, instead="the compilation to fail")
    if run:
        yield _listed(listing, run, frozenset() if compilation else _RUNS, _COMPLETED, instead="the run to fail")


def _listed(
    listing: Listing, place: Place, phases: frozenset[Phase], refuted_by: frozenset[Status], *, instead: str
) -> ExpectedFailure:
    return ExpectedFailure(
        json_path=place.json_path,
        what=place.json_path.removeprefix("$."),
        where=f"{listing.config}:{place.line}",
        kinds=_LISTED,
        phases=phases,
        refuted_by=refuted_by,
        instead=instead,
        is_shared=place.is_shared,
    )


_COMPLETED = frozenset({Status.PASSED, Status.RAN})
_COMPILED = _COMPLETED | {Status.COMPILED}


def _of_run(spec: ModelSpec) -> ExpectedFailure:
    json_path = f"$.{RUN_FIELD}"
    return ExpectedFailure(
        json_path=json_path,
        what=f'"{RUN_FIELD}"',
        **_place(spec, json_path),
        kinds=_IN_RUN,
        phases=_RUNS,
        refuted_by=_COMPLETED,
        crashes=False,
    )


def _of_chip(spec: ModelSpec, chip: str) -> ExpectedFailure:
    json_path = f"$.{COMPILE_FIELD}[{spec.compile_chip_expecting_to_fail.index(chip)}]"
    return ExpectedFailure(
        json_path=json_path,
        what=f'"{COMPILE_FIELD}"[{chip}]',
        **_place(spec, json_path),
        kinds=_IN_COMPILATION,
        phases=frozenset({Phase.COMPILE}),
        refuted_by=_COMPILED,
    )


def _of_entry(case: Case, index: int, entry: Expectation) -> ExpectedFailure:
    spec, chip = case.spec, case.target.chip
    kinds = frozenset(Kind(each) for each in entry.fails)
    said = [text for text in (entry.reason, entry.issue) if text]
    among = f".chips[{entry.chips.index(chip)}]" if chip and len(entry.chips) > 1 else ""
    json_path = f"$.{FIELD}[{index}]{among}"
    return ExpectedFailure(
        json_path=json_path,
        what=f'"{FIELD}"[{index}]' + (f" for {chip}" if among else ""),
        **_place(spec, json_path),
        kinds=kinds,
        refuted_by=frozenset(status for status in _REFUTED if kinds <= _refuted(case, status)),
        why=f": {', '.join(said)}" if said else "",
    )


def _refuted(case: Case, status: Status) -> frozenset[Kind]:
    """Return what a case that ended well has shown not to happen; one that only compiles has no numbers of a run."""
    limited = [quantity.is_of_compilation or status is not Status.COMPILED for quantity in case.limits]
    return _REFUTED[status] | ({Kind.BUDGET} if limited and all(limited) else set())


def _place(spec: ModelSpec, json_path: str) -> dict[str, Any]:
    """Return the file and the line of a value, or of the nearest one around it whose line is known, as attributes."""
    around = (json_path[:end] for end in range(len(json_path), 0, -1))
    known = next((each for each in around if each in spec.lines), "")
    where = f"{spec.bases.get(known, spec.path)}:{spec.lines.get(known, 1)}"
    return {"where": where, "is_shared": known in spec.bases}


def _has_ended(entry: Expectation, today: dt.date) -> bool:
    return entry.until is not None and entry.until < today
