"""Traces of dispatches, as iree-run-module prints them, and the dispatch that two of them blame."""

from pathlib import Path

import numpy as np
import pytest

from harness.localize import dispatch_trace
from harness.localize.by_dispatch import Traced, compared
from harness.localize.dispatch_trace import Trace

TRACE = """EXEC @f
=== f_dispatch_0::f_dispatch_0_matmul_2x2_f32 inputs ===
2x2xf32=[1 2][3 4]

=== f_dispatch_0::f_dispatch_0_matmul_2x2_f32 outputs ===
2x2xf32=[5 6][7 8]

=== f_dispatch_1::f_dispatch_1_elementwise_4 inputs ===
2x2xf32=[5 6][7 8]

=== f_dispatch_1::f_dispatch_1_elementwise_4 outputs ===
2x2xf32=[-1 -2][-3 -INF]

result[0]: hal.buffer_view
2x2xf32=[-1 -2][-3 -INF]
"""
ELEMENTS = """=== a::b outputs ===
4xi1=01 00 00 01
2xcf64=0000803F00000000 0000004000000040
f16=NAN
3xf8=words of some kind
"""


def traced(folder: Path, text: str, name: str = "run.log") -> Trace:
    """Write a log and read it."""
    (folder / name).write_text(text)
    return dispatch_trace.read(folder / name)


def found(folder: Path, bad: str, good: str = TRACE) -> Traced:
    """Compare two logs."""
    return compared(traced(folder, bad, "bad.log"), traced(folder, good, "good.log"))


def test_dispatches_are_read_and_results_are_none(tmp_path: Path) -> None:
    trace = traced(tmp_path, TRACE)
    assert [event.name for event in trace.events] == ["f_dispatch_0_matmul_2x2_f32", "f_dispatch_1_elementwise_4"]
    assert [len(event.inputs) for event in trace.events] == [1, 1]
    np.testing.assert_array_equal(trace.numbers(trace.events[0].inputs[0]), [1, 2, 3, 4])
    np.testing.assert_array_equal(trace.numbers(trace.events[1].outputs[0]), [-1, -2, -3, -np.inf])


def test_old_releases_print_all_operands_first(tmp_path: Path) -> None:
    text = """=== a::a inputs ===
f32=1

=== b::b inputs ===
f32=2

=== a::a inputs ===
f32=3

=== a::a outputs ===
f32=10

=== b::b outputs ===
f32=20

=== a::a outputs ===
f32=30
"""
    trace = traced(tmp_path, text)
    numbers = [
        (each.name, *(trace.numbers(part[0])[0] for part in (each.inputs, each.outputs))) for each in trace.events
    ]
    assert numbers == [("a", 1, 10), ("b", 2, 20), ("a", 3, 30)]


def test_numbers_of_all_kinds_are_read(tmp_path: Path) -> None:
    trace = traced(tmp_path, ELEMENTS)
    one, two, three, other = trace.events[0].outputs
    np.testing.assert_array_equal(trace.numbers(one), [1, 0, 0, 1])
    np.testing.assert_array_equal(trace.numbers(two), [1, 2 + 2j])
    assert np.isnan(trace.numbers(three)).all()
    assert trace.numbers(other).size


def test_a_log_without_dispatches_has_none(tmp_path: Path) -> None:
    assert not traced(tmp_path, "EXEC @f\n2xf32=1 2\n").events
    assert found(tmp_path, "").why.startswith("No dispatch of the bad side")


def test_a_long_line_is_not_held_and_is_read(tmp_path: Path) -> None:
    numbers = " ".join(map(str, range(20_000)))
    trace = traced(tmp_path, f"=== a::b inputs ===\n20000xf32={numbers}\n\n=== a::b outputs ===\nf32=1\n")
    np.testing.assert_array_equal(trace.numbers(trace.events[0].inputs[0]), np.arange(20_000))


def test_the_first_wrong_result_of_right_operands_is_blamed(tmp_path: Path) -> None:
    wrong = TRACE.replace("[5 6][7 8]", "[5 6.1][7 8]").replace("[-1 -2]", "[-1 -2.5]")
    blamed = found(tmp_path, wrong).culprit
    assert blamed
    assert (blamed.index, blamed.name) == (0, "f_dispatch_0_matmul_2x2_f32")
    later = found(tmp_path, TRACE.replace("[-1 -2]", "[-1 -2.5]")).culprit
    assert later
    assert (later.index, later.received) == (1, 0)
    assert later.error == pytest.approx(0.5 / 3)


def test_equal_traces_and_those_that_differ_by_rounding_blame_none(tmp_path: Path) -> None:
    assert found(tmp_path, TRACE).culprit is None
    assert found(tmp_path, TRACE.replace("[5 6]", "[5.00001 6]")).culprit is None


def test_what_was_never_written_is_no_operand(tmp_path: Path) -> None:
    """An in-place destination shows memory as it was: that error did not come in."""
    place = "2x2xf32=[9 9][9 9]"
    given = TRACE.replace("elementwise_4 inputs ===\n", f"elementwise_4 inputs ===\n{place}\n")
    blamed = found(tmp_path, given.replace("9 9][9", "7 7][1").replace("[-1 -2]", "[-1 -2.5]"), given).culprit
    assert blamed
    assert (blamed.index, blamed.received) == (1, 0)


def test_dispatches_of_other_names_correspond_by_their_types(tmp_path: Path) -> None:
    renamed = TRACE.replace("f_dispatch_0_matmul", "g_0").replace("f_dispatch_1_elementwise", "g_1")
    blamed = found(tmp_path, renamed.replace("[-1 -2]", "[-1 -2.5]")).culprit
    assert blamed
    assert blamed.name == "g_1_4"
