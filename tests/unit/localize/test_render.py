"""What is shown of a localized case."""

import json
import math
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from harness.core.statuses import Kind
from harness.localize import plot, render
from harness.localize.result import ComparedKernel, Grown, Localized, NamedOperation, SideErrors, SideResult, Verdict

SIDE = SideResult(label="3.13.0", release="3.13.0", target="cpu", status="failed")
GROWTH = tuple(
    Grown(
        operation="linalg.matmul" if index == 5 else "math.tanh",
        index=index,
        line=10 + index,
        type="tensor<4x4xf32>",
        relative=1e-8 if index < 5 else math.inf if index == 5 else 0.5,
        ulp=0.1,
        alone=0.0,
        blamed=index == 5,
    )
    for index in range(30)
)
CULPRIT = NamedOperation(operation="linalg.matmul", index=5, line=15, function="f")
FOUND = Localized(
    case="toy/net[cpu]",
    bad=SIDE,
    good=replace(SIDE, label="3.9.0", release="3.9.0", status="passed"),
    by="operation",
    kind=Kind.NUMERIC,
    culprits=(CULPRIT,),
    confirmed=True,
    why="Alone it fails.",
    error_growth=GROWTH,
    compilations=14,
    seconds=12.3,
)


def test_the_answer_is_one_sentence() -> None:
    assert render.headline(FOUND) == "3.13.0 differs from 3.9.0 at linalg.matmul (line 15, operation 5 of @f)."
    elsewhere = replace(CULPRIT, line=None, location='loc("net.py":3:1)', index=7, together=1)
    both = replace(FOUND, culprits=(CULPRIT, replace(CULPRIT, index=6, line=16), elsewhere))
    assert render.headline(both).endswith(
        "at linalg.matmul (line 15, operation 5 of @f) with linalg.matmul (line 16, operation 6 of @f); "
        'and at linalg.matmul (loc("net.py":3:1), operation 7 of @f).'
    )
    nothing = replace(FOUND, culprits=(), why="Both sides compute the same.")
    assert render.headline(nothing) == "No operation was found: Both sides compute the same."


def test_a_terminal_shows_the_values_around_the_operation() -> None:
    lines = render.text(FOUND, 80).splitlines()
    rows = [line.split()[0] for line in lines if "tensor<4x4xf32>" in line]
    assert rows == [str(line) for line in range(11, 20)]
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "  14 programs compiled in 12.3 s"


def test_json_has_all_of_it() -> None:
    document = json.loads(render.to_json(FOUND))
    assert document["culprits"][0]["operation"] == "linalg.matmul"
    assert [each["index"] for each in document["error_growth"]] == list(range(30))
    assert document["error_growth"][5]["relative"] == "inf"
    assert (document["schema"], document["confirmed"], document["compilations"]) == (1, True, 14)


@pytest.mark.parametrize(
    ("oracle", "says"),
    [
        (
            Verdict(by="float64", wrong="bad", errors=SideErrors(bad=0.1, good=0)),
            "Computed in float64, 3.13.0 is wrong: the error of 3.13.0 is 1.0e-01, that of 3.9.0 0.",
        ),
        (
            Verdict(by="float64", wrong="good", errors=SideErrors(bad=1e-7, good=math.inf)),
            "Computed in float64, 3.9.0 is wrong: the error of 3.9.0 is inf, that of 3.13.0 1.0e-07.",
        ),
        (
            Verdict(by="float64", wrong="both", errors=SideErrors(bad=0.1, good=0.2)),
            "Computed in float64, both sides are wrong: the error of 3.9.0 is 2.0e-01, that of 3.13.0 1.0e-01.",
        ),
        (
            Verdict(by="float64", wrong="neither", errors=SideErrors(bad=2e-8, good=1e-8)),
            (
                "Computed in float64, both sides are right, except for rounding: the error of 3.13.0 is 2.0e-08, "
                "that of 3.9.0 1.0e-08."
            ),
        ),
        (
            Verdict(by="float64", backend="onnx", wrong="bad", errors=SideErrors(bad=0.5, good=0)),
            "Computed in float64 by ONNX itself, 3.13.0 is wrong: the error of 3.13.0 is 5.0e-01, that of 3.9.0 0.",
        ),
        (Verdict(why="it has no floats."), "Neither side can be shown to be right: it has no floats."),
    ],
)
def test_the_wrong_side_is_told(oracle: Verdict, says: str) -> None:
    found = replace(FOUND, oracle=oracle)
    for text in (render.text(found, None), render.markdown(found), render.section(found, "localize")):
        assert says in text.replace("\\", "")
    document = json.loads(render.to_json(found))["oracle"]
    assert (document["wrong"], document["why"]) == (oracle.wrong, oracle.why)


def test_a_failure_needs_no_oracle() -> None:
    assert json.loads(render.to_json(FOUND))["oracle"] is None


def test_changed_defaults_are_told_before_an_operation_is_blamed() -> None:
    changed = replace(FOUND, defaults=("--iree-opt-data-tiling=true",), default_is_cause=True)
    for text in (render.text(changed, None), render.markdown(changed), render.section(changed, "localize")):
        cause = "the cause: with --iree-opt-data-tiling=true, 3.13.0 computes what 3.9.0 does."
        assert cause in text.replace("\\", "")
    innocent = replace(changed, default_is_cause=False)
    assert "differs between the releases, but is not the cause." in render.text(innocent, None)


def test_markdown_has_every_value_and_the_plot() -> None:
    text = render.markdown(FOUND)
    assert text.count("`tensor<4x4xf32>`") == len(GROWTH)
    assert f"({render.PLOT})" in text
    assert render.PLOT in render.files(FOUND)
    assert render.PLOT not in render.files(replace(FOUND, error_growth=()))


def test_the_plot_is_a_drawing_with_a_dot_for_each_value() -> None:
    hostile = replace(FOUND, case="<script>&", error_growth=(replace(GROWTH[5], operation='"<b>"'), *GROWTH))
    drawn = ET.fromstring(plot.svg(hostile))
    dots = drawn.findall("{http://www.w3.org/2000/svg}circle")
    assert len(dots) == 2 * len(hostile.error_growth)
    assert sum(dot.get("fill") == "#dc2626" for dot in dots) == 2


def test_kernels_to_blame_and_those_that_differ_come_first() -> None:
    names = [f"f_dispatch_{number}_add" for number in range(30)]
    kernels = [ComparedKernel(program="model", executable=name, kernel=name, guard="transplantable") for name in names]
    kernels[7] = replace(kernels[7], blamed=True)
    kernels[9] = replace(kernels[9], guard="reconfigured", differences=("1 x 1 x 1 workgroups, on the good side 48",))
    culprit = NamedOperation(operation=names[7], index=7, line=None, dispatch=names[7])
    found = replace(FOUND, by="kernel", culprits=(culprit,), error_growth=(), kernels=tuple(kernels))
    assert render.headline(found) == "3.13.0 differs from 3.9.0 at the kernel f_dispatch_7_add."
    shown = [" ".join(line.split()) for line in render.text(found, 200).splitlines()]
    at = shown.index("kernel is bad side")
    assert shown[at + 1 : at + 4] == [
        "f_dispatch_7_add to blame",
        "f_dispatch_9_add reconfigured 1 x 1 x 1 workgroups, on the good side 48",
        "f_dispatch_0_add transplantable",
    ]
    assert shown[at + 21] == "... and 10 kernels more in localize.md"
    assert render.markdown(found).count("| transplantable |") == 28
    kernel = json.loads(render.to_json(found))["kernels"][9]
    assert (kernel["guard"], kernel["blamed"]) == ("reconfigured", False)
    assert render.headline(replace(found, culprits=(), why="Nothing.")) == "No culprit was found: Nothing."
