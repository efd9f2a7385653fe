"""The texts of the folder of a small program."""

import json
from pathlib import Path
from typing import Any

from harness.core.blobs import Blob
from harness.core.cases import Backend, Case, ModelSpec, RandomWeights, Target, Weights
from harness.core.tensors import Literal, Tensor, TensorType, Thresholds
from harness.iree import releases
from harness.localize.failed_part import FailedPart
from harness.pipeline import planner
from harness.pipeline.options import Options
from harness.reduction import minimal_text
from harness.reduction.candidate import Candidate
from harness.reduction.keeping import Begun
from harness.reduction.minimal_text import ToldSide
from harness.reduction.reducer import State
from harness.reduction.symptom import Symptom
from tests.unit.localize.made import operation, program


def blob(name: str) -> Blob:
    return Blob(url=f"file:///models/{name}")


def spec(**fields: Any) -> ModelSpec:
    known: dict[str, Any] = {
        "path": Path("toy/a_cpu.json"),
        "model": "toy",
        "submodel": "a",
        "backend": Backend.CPU,
        "mlir": blob("program.mlir"),
        "devices": ("local-task",),
        "run_function": "f",
        "compiler_flags": ("--iree-hal-target-device=local",),
        "inputs": (Literal(text="4xf32=1"), Tensor(blob=blob("input1.npy"))),
        "outputs": (Tensor(blob=blob("output0.bin"), type=TensorType(shape=(4,), element="bf16")),),
    }
    return ModelSpec(**{**known, **fields})


def test_a_spec_says_what_differs_from_the_defaults() -> None:
    found = minimal_text.document(spec(thresholds=Thresholds(atol={"bf16": 0.5}, rtol=0)))
    assert json.loads(json.dumps(found)) == {
        "mlir": "program.mlir",
        "run_function": "f",
        "inputs": [{"value": "4xf32=1"}, {"source": "input1.npy"}],
        "outputs": [{"source": "output0.bin", "value": "4xbf16"}],
        "atol": {"bf16": 0.5},
        "rtol": 0,
        "compiler_flags": ["--iree-hal-target-device=local"],
        "devices": ["local-task"],
    }
    assert not {"atol", "rtol"} & minimal_text.document(spec()).keys()


def test_weights_and_other_programs_are_named() -> None:
    weights = (Weights(blob=blob("w.irpa"), scope="m"), RandomWeights(seed=3))
    found = minimal_text.document(spec(weights=weights, pipeline_mlir=blob("p.mlir"), add_pipeline_module=True))
    assert found["weights"] == [{"source": "w.irpa", "scope": "m"}, {"random": {"seed": 3}}]
    assert (found["pipeline_mlir"], found["add_pipeline_module"]) == ("p.mlir", True)


def test_thresholds_are_rounded_down_to_one_digit() -> None:
    limits = {"f32": 221.7, "f16": 0.00199, "complex<f64>": 9.99e-7, "bf16": 0.0}
    assert minimal_text.rounded(limits) == {"f32": 200.0, "f16": 0.001, "f64": 9e-7, "bf16": 0.0}


def test_lines_name_the_files_and_what_each_release_takes() -> None:
    lines = {}
    for name in ("3.9.0", "3.13.0"):
        release = releases.find(name).release
        threshold_args = minimal_text.flags({"f32": 0.5}, release)
        case = Case(spec=spec(threshold_args=threshold_args), target=Target(backend=Backend.CPU))
        lines[name] = list(minimal_text.lines(planner.plan(case, release, Options(tool_verdict=True))))
    old, new = lines.values()
    assert old[0] == "iree-compile program.mlir -o model.vmfb --iree-hal-target-device=local"
    assert "--input=4xf32=1 --input=@input1.npy --expected_output=4xbf16=@output0.bin" in old[1]
    assert "--parameters" not in old[1]
    assert (old[1].endswith("=0.5"), new[1].endswith("=0.5 --expected_rtol=0.0")) == (True, True)


def readme(named: str = "", pass_: str = "") -> str:
    state = State(candidate=Candidate(text="module {}\n"), program=program([operation()]), how="relative error 1e-3")
    begun = Begun(
        symptom=Symptom(),
        function="f",
        release="3.13.0",
        is_generic=False,
        operations=60,
        found="math.tanh (line 3)",
        named=named,
    )
    sides = [ToldSide(label=each, release=each, lines=["iree-compile a"]) for each in ("3.13.0", "3.10.0")]
    case = Case(spec=spec(), target=Target(backend=Backend.ROCM, chip="gfx942"))
    return minimal_text.readme(case, state, begun, sides, ["program.mlir"], pass_=pass_)


def test_a_readme_says_what_fails_and_how_to_run_it() -> None:
    text = readme()
    assert "## The pass alone" not in text
    assert "With 3.13.0, this program of 1 operation fails; with 3.10.0 it does not:" in text
    assert "program of 60 operations. Culprit: math.tanh (line 3)." in text
    assert "harness quality --specs . --iree 3.10.0 --backend rocm --chip gfx942" in text
    assert "IREE 3.13.0:\n\n    iree-compile a\n" in text
    assert "```mlir\nmodule {}\n```" in text


def test_a_readme_says_how_to_run_the_pass_that_fails() -> None:
    part = FailedPart(by="SizePass", kind="func.func", name="f")
    text = readme("The compiler names the line of 1 operation.", minimal_text.reproducer(part))
    assert "Culprit: math.tanh (line 3). The compiler names the line of 1 operation." in text
    assert "`reproducer.mlir` is the program before `SizePass`, and that pass. It fails in the same way" in text
    assert "\n\n    iree-opt --run-reproducer reproducer.mlir -o /dev/null\n\n## Files" in text


def test_a_readme_says_why_there_is_no_reproducer() -> None:
    assert "fails before it runs a pass, so it writes no reproducer." in readme("", minimal_text.NO_REPRODUCER)
    assert "but with it `iree-opt` fails in another way: no such pass" in readme(
        "", minimal_text.other_reproducer("no such pass")
    )
    assert "but with it `iree-opt` does not fail" in readme("", minimal_text.other_reproducer(""))
