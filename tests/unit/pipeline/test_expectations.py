import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.core.cases import Backend, Case, Expectation, Target
from harness.core.statuses import Kind, Phase, Status, Verdict
from harness.pipeline.expectations import expected_failures, judged, remarks
from tests.unit.samples import CPU, MI300, release, rocm_spec, spec

TODAY = dt.date(2026, 11, 28)
PASSED = Verdict(status=Status.PASSED, kind=None, reason="")


def failed(kind: Kind, **more: Any) -> Verdict:
    return Verdict(status=Status.FAILED, kind=kind, reason="it is wrong", **more)


def final(
    found: Verdict, *entries: Expectation, phase: Phase = Phase.COMPARE, iree: str = "3.8.0", **fields: Any
) -> Verdict:
    case = Case(spec=spec(expect=entries, path=Path("m/s_cpu.json"), **fields), target=CPU)
    return judged(found, phase, expected_failures(case, release(iree), TODAY))


NAN = Expectation(fails=("nan",), reason="overflow", issue="https://example.org/1")


def test_an_expected_failure_is_excused_with_its_reason() -> None:
    found = final(failed(Kind.NAN), NAN)
    assert (found.status, found.kind) == (Status.XFAILED, Kind.NAN)
    assert found.reason == "it is wrong (expected: overflow, https://example.org/1)"


@pytest.mark.parametrize("kind", [Kind.NUMERIC, Kind.CRASH, Kind.COMPILE, Kind.TIMEOUT, Kind.LOAD])
def test_another_failure_than_the_expected_one_is_a_failure(kind: Kind) -> None:
    found = final(failed(kind), NAN)
    assert (found.status, found.kind) == (Status.FAILED, kind)
    assert found.reason == "it is wrong (the spec expects another failure: nan)"


def test_several_kinds_and_several_entries() -> None:
    both = Expectation(fails=("nan", "numeric"))
    assert final(failed(Kind.NUMERIC), both).status is Status.XFAILED
    assert final(failed(Kind.CRASH), NAN, Expectation(fails=("crash",))).status is Status.XFAILED


@pytest.mark.parametrize(
    ("change", "applies"),
    [
        ({}, True),
        ({"iree": ">=3.6,<3.9"}, True),
        ({"iree": ">=3.9"}, False),
        ({"backends": ("cpu",)}, True),
        ({"backends": ("rocm",)}, False),
        ({"chips": ("gfx942",)}, False),
        ({"until": TODAY}, True),
        ({"until": TODAY - dt.timedelta(days=1)}, False),
    ],
)
def test_outside_its_range_it_excuses_nothing_and_is_not_out_of_date(change: dict[str, Any], *, applies: bool) -> None:
    entry = replace(NAN, **change)
    assert (final(failed(Kind.NAN), entry).status is Status.XFAILED) == applies
    assert (final(PASSED, entry).status is Status.XPASSED) == applies


def test_an_entry_that_has_ended_is_told() -> None:
    ended = replace(NAN, until=dt.date(2026, 11, 27))
    case = Case(spec=spec(expect=(NAN, ended)), target=CPU)
    assert list(remarks(case, TODAY)) == ['"expect"[1] ended on 2026-11-27 and excuses nothing']


def test_what_is_out_of_date_is_named_with_its_line() -> None:
    lines = {"$.expect": 7, "$.expect[1]": 9}
    found = final(PASSED, replace(NAN, iree=">=3.9"), NAN, lines=lines)
    assert (found.status, found.stale) == (Status.XPASSED, ("$.expect[1]",))
    assert found.reason == (
        'expected to fail but passed: delete "expect"[1] in m/s_cpu.json:9, or run `harness bless --expectations`'
    )


def test_what_is_out_of_date_in_a_base_is_deleted_by_hand() -> None:
    base = Path("shared/base.json")
    lines, bases = (
        {"$.expect": 7, "$.expect[0]": 8, "$.run_test_expecting_to_fail": 3},
        dict.fromkeys(["$.expect[0]"], base),
    )
    shared = 'change "expect"[0] in shared/base.json:8 by hand, because it is about other cases as well'
    found = final(PASSED, NAN, lines=lines, bases=bases)
    assert (found.stale, found.reason) == ((), f"expected to fail but passed: {shared}")
    both = final(PASSED, NAN, lines=lines, bases=bases, run_test_expecting_to_fail=True)
    assert both.stale == ("$.run_test_expecting_to_fail",)
    assert both.reason == (
        'expected to fail but passed: delete "run_test_expecting_to_fail" in m/s_cpu.json:3, '
        f"or run `harness bless --expectations`; {shared}"
    )


def test_one_of_several_chips_is_taken_out() -> None:
    entry = replace(NAN, chips=("gfx90a", "gfx942"))
    case = Case(spec=rocm_spec(expect=(entry,)), target=MI300)
    found = judged(PASSED, Phase.COMPARE, expected_failures(case, release("3.8.0"), TODAY))
    assert found.stale == ("$.expect[0].chips[1]",)
    assert '"expect"[0] for gfx942' in found.reason


@pytest.mark.parametrize(
    ("kind", "status", "refuted"),
    [
        ("compile", Status.COMPILED, True),
        ("numeric", Status.COMPILED, False),
        ("crash", Status.COMPILED, False),
        ("numeric", Status.RAN, False),
        ("crash", Status.RAN, True),
        ("load", Status.RAN, True),
        ("numeric", Status.PASSED, True),
    ],
)
def test_only_a_case_that_got_so_far_shows_that_it_is_out_of_date(kind: str, status: Status, *, refuted: bool) -> None:
    found = final(replace(PASSED, status=status), Expectation(fails=(kind,)))
    assert found.status is (Status.XPASSED if refuted else status)


@pytest.mark.parametrize("kind", [Kind.NUMERIC, Kind.NAN, Kind.SHAPE, Kind.LOAD, Kind.CRASH, Kind.TIMEOUT])
def test_the_field_for_runs_excuses_failures_of_the_model_but_no_broken_runtime(kind: Kind) -> None:
    more: dict[str, Any] = {"phase": Phase.RUN, "run_test_expecting_to_fail": True}
    assert final(failed(kind), **more).status is Status.XFAILED
    assert final(failed(kind, is_runtime_crash=True), **more).status is Status.FAILED
    assert final(failed(kind), phase=Phase.COMPILE, run_test_expecting_to_fail=True).status is Status.FAILED


def test_the_field_for_chips_excuses_a_compiler_that_crashes() -> None:
    target = Target(backend=Backend.ROCM, chip="gfx90a")
    case = Case(spec=rocm_spec(compile_chip_expecting_to_fail=("gfx942", "gfx90a")), target=target)
    expected = expected_failures(case, release("3.8.0"), TODAY)
    assert judged(failed(Kind.CRASH), Phase.COMPILE, expected).status is Status.XFAILED
    stale = judged(replace(PASSED, status=Status.COMPILED), Phase.COMPILE, expected)
    assert stale.stale == ("$.compile_chip_expecting_to_fail[1]",)


def test_an_error_stays_an_error() -> None:
    error = Verdict(status=Status.ERROR, kind=Kind.DEVICE, reason="no GPU")
    assert final(error, NAN) == error
