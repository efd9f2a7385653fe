from pathlib import Path
from typing import Any

import pytest

from harness.core import judges
from harness.core.judges import Judge
from tests.unit.specs.test_reader import load, violations

FLOAT, INTEGER, IGNORED = {"value": "2x4xf32=1"}, {"value": "3xi32=1"}, {"value": "(ignored)"}


def spec(judge: Any, *outputs: Any, **more: Any) -> dict[str, Any]:
    return {"mlir": "m.mlir", "run_function": "f", "outputs": list(outputs or (FLOAT,)), "judge": judge} | more


def told(judge: Judge | None) -> list[str] | None:
    return None if judge is None else [*map(str, judge.conditions)]


def test_conditions_are_of_all_outputs_or_of_each(tmp_path: Path) -> None:
    every = {"psnr": ">= 40", "cosine": ">= 0.9999", "centred": True, "tokens": "equal"}
    wanted = [
        "psnr >= 40",
        "cosine_similarity >= 0.9999",
        "error_mean <= 0.001",
        "error_deviation <= 0.01",
        "token_match >= 1",
    ]
    loaded = load(tmp_path, spec(every, FLOAT, IGNORED, INTEGER))
    assert [*map(told, loaded.judges)] == [wanted, None, wanted]
    assert not any(each.elementwise for each in loaded.judges if each)
    each = load(tmp_path, spec([{"perplexity": "<= 1.01"}, None, {"tokens": ">= 0.99"}], FLOAT, FLOAT, INTEGER))
    assert [*map(told, each.judges)] == [["perplexity <= 1.01"], None, ["token_match >= 0.99"]]
    own = load(tmp_path, spec({"centred": {"mean": "< 0.1"}}))
    assert [*map(told, own.judges)] == [["error_mean < 0.1", "error_deviation <= 0.01"]]
    assert load(tmp_path, {"mlir": "m.mlir"}).judges == ()


@pytest.mark.parametrize("limits", [{"atol": 1}, {"rtol": 1}, {"threshold_args": ["--expected_f16_threshold=1"]}])
def test_thresholds_that_are_given_decide_too(tmp_path: Path, limits: dict[str, Any]) -> None:
    (found,) = load(tmp_path, spec({"psnr": ">= 40"}, **limits)).judges
    assert found
    assert found.elementwise


@pytest.mark.parametrize(
    ("judge", "outputs", "message"),
    [
        (
            {"psnr": "40"},
            (FLOAT, FLOAT),
            "$.judge.psnr: '40' is not a condition on psnr; expected >= or > and a number",
        ),
        ({"centred": {"mean": ">= 1"}}, (), "$.judge.centred.mean: '>= 1' is not a condition on error_mean"),
        ([None, {"tokens": "same"}], (FLOAT, INTEGER), "$.judge[1].tokens: 'same' is not a condition on token_match"),
        ([{"psnr": ">= 1"}], (FLOAT, FLOAT), "$.judge: has 1 entries; expected one for each of the 2 outputs, or one"),
        (
            {"perplexity": "<= 1"},
            (INTEGER,),
            "$.judge.perplexity: perplexity is for floats whose last dimension is",
        ),
        ({"psnr": 40}, (), "$.judge.psnr: expected a string, got 40"),
        ({"psnr": None}, (), "$.judge.psnr: expected a string, got null"),
        ({"psnrr": ">= 40"}, (), "$.judge.psnrr: unknown field 'psnrr'; did you mean 'psnr'?"),
        ([{"psnrr": ">= 40"}], (), "$.judge[0].psnrr: unknown field 'psnrr'; did you mean 'psnr'?"),
        ({}, (), "$.judge: must not be empty"),
        ({"centred": False}, (), "$.judge.centred: expected true or an object, got false"),
        (5, (), "$.judge: expected an object or an array, got 5"),
        (["x"], (), '$.judge[0]: expected an object or a null, got "x"'),
    ],
)
def test_bad_conditions_are_violations(tmp_path: Path, judge: Any, outputs: tuple[Any, ...], message: str) -> None:
    (found,) = violations(tmp_path, spec(judge, *outputs))
    assert message in found


def test_without_outputs_those_of_an_oracle_are_judged(tmp_path: Path) -> None:
    bare = {"mlir": "m.mlir", "run_function": "f"}
    (found,) = load(tmp_path, bare | {"judge": {"psnr": ">= 40"}}).judges
    assert [told(judges.of_output((found,), index)) for index in range(3)] == [["psnr >= 40"]] * 3
    several = load(tmp_path, bare | {"judge": [None, {"psnr": ">= 40"}]}).judges
    assert [told(judges.of_output(several, index)) for index in range(3)] == [None, ["psnr >= 40"], None]
    assert judges.of_output((), 0) is None
