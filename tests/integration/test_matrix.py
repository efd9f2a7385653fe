"""Models and bare programs with many real releases at once."""

import json
import shlex
import signal
import xml.etree.ElementTree as ET
from typing import Any

import jsonschema
import pytest

from tests.integration.laboratory import ADD, A, B, Laboratory, Result
from tests.integration.test_commands import SCHEMA
from tests.unit.pages import Parsed

SLOWLY = ["--run-wrapper", shlex.join(["sh", "-c", 'sleep 0.5; exec "$@"', "sh"])]
RELEASES = ["3.0.0", "3.9.0", "3.13.0"]
# 3.13.0 knows no operation of this name any more.
NAMED_ADD = """
func.func @add(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<4xf32>
  %sum = linalg.add ins(%a, %b : tensor<4xf32>, tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  return %sum : tensor<4xf32>
}
"""


def matrix(lab: Laboratory, *arguments: str) -> Result:
    chosen = [text for name in RELEASES for text in ("--iree", name)]
    return lab.run(*arguments, *chosen, "--out", str(lab.out), command="matrix")


def document(lab: Laboratory) -> Any:
    return json.loads((lab.out / "matrix.json").read_text())


def test_a_matrix_says_where_a_release_differs_from_the_one_before(lab: Laboratory) -> None:
    lab.spec()
    lab.spec("wrong_cpu", outputs=[lab.tensor("wrong.npy", A)], run_test_expecting_to_fail=True)
    lab.spec("named_cpu", mlir=lab.file("named.mlir", NAMED_ADD))
    result = matrix(lab)
    assert result.code == 1, result.text
    lines = [" ".join(line.split()) for line in result.text.splitlines()]
    assert "3.0.0 3.9.0 3.13.0" in lines
    assert {"toy/add[cpu] ok ok ok", "toy/named[cpu] ok ok COMPILE*", "toy/wrong[cpu] xfail xfail xfail"} < {*lines}
    cells = {(cell["case"], cell["release"]): cell for cell in document(lab)["cells"]}
    assert [cells["toy/named[cpu]", name]["differs"] for name in RELEASES] == [False, False, True]
    assert cells["toy/named[cpu]", "3.13.0"]["kind"] == "compile"
    assert "custom op 'linalg.add' is unknown" in cells["toy/named[cpu]", "3.13.0"]["reason"]
    jsonschema.validate(result.report, json.loads(SCHEMA.read_text()))
    assert len(result.report["cases"]) == 9
    paths = [log for case in result.report["cases"] for log in case["logs"].values()]
    assert paths
    assert [path for path in paths if not (lab.out / path).is_file()] == []
    names = {case.get("name") for case in ET.parse(lab.out / "junit.xml").iter("testcase")}
    assert "toy/named[cpu] 3.13.0" in names
    assert len(names) == 9
    assert "| toy/named\\[cpu\\] | ok | ok | COMPILE\\* |" in (lab.out / "matrix.md").read_text()
    assert (lab.out / "probes" / "3.9.0" / "results.json").is_file()
    assert [cell["differs"] for cell in Parsed((lab.out / "report.html").read_text()).index["matrix"]["cells"]] == [
        cell["differs"] for cell in document(lab)["cells"]
    ]


def test_numbers_are_shown_and_compared(lab: Laboratory) -> None:
    lab.spec()
    assert matrix(lab, "--show", "dispatches").code == 0
    assert {cell["numbers"]["dispatches"] for cell in document(lab)["cells"]} == {1}
    result = matrix(lab, "--show", "size")
    assert result.code == 2
    assert "--show size: unknown name; expected one of max_abs_error, " in result.text


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_matrix_that_is_interrupted_goes_on(lab: Laboratory, number: signal.Signals) -> None:
    lab.spec()
    chosen = [text for name in RELEASES for text in ("--iree", name)]
    options = ["--out", str(lab.out), "--jobs", "1", *chosen]
    log = lab.out / "search.jsonl"

    def is_under_way() -> bool:
        return log.exists() and len(log.read_text().splitlines()) > 1

    ended = lab.interrupted(*options, *SLOWLY, until=is_under_way, number=number, command="matrix")
    assert ended.code == {signal.SIGKILL: -9, signal.SIGINT: 130}[number]
    if number is signal.SIGINT:
        assert_interrupted(lab, ended)
    result = matrix(lab, *SLOWLY)
    assert result.code == 0, result.text
    assert "already tested" in result.text
    assert [cell["status"] for cell in document(lab)["cells"]] == ["passed"] * 3
    again = matrix(lab)
    assert "already tested" not in again.text


def assert_interrupted(lab: Laboratory, ended: Result) -> None:
    """Every file says that the matrix was interrupted, what is missing, and how to go on."""
    missing = document(lab)["untested"]
    assert document(lab)["interrupted"]
    assert missing
    said = f"Interrupted: {3 - len(missing)} of 3 releases tested, not {', '.join(missing)}. Run the same command to"
    assert said in ended.text
    assert ".: not tested: interrupted" in ended.text
    assert said in (lab.out / "matrix.md").read_text()
    reasons = {case["release"]: case["reason"] for case in ended.report["cases"]}
    assert {name for name, reason in reasons.items() if "run the same command to resume" in reason} == {*missing}
    jsonschema.validate(ended.report, json.loads(SCHEMA.read_text()))
    cases = ET.parse(lab.out / "junit.xml").iter("testcase")
    errors = [case.get("name") for case in cases if case.find("error") is not None]
    assert errors == [f"toy/add[cpu] {name}" for name in missing]


def test_a_bare_program_is_judged(lab: Laboratory) -> None:
    program = lab.model_dir / lab.file("named.mlir", NAMED_ADD)
    for name, array in {"a.bin": A, "sum.bin": A + B}.items():
        lab.file(name, array.tobytes())
    values = " ".join(map(str, B))
    options = ["--function=add", f"--input=4xf32=@{lab.model_dir}/a.bin", f"--input=4xf32={values}"]
    expected = f"--expected-output=4xf32=@{lab.model_dir}/sum.bin"
    result = matrix(lab, str(program), *options, expected)
    assert result.code == 1, result.text
    assert [cell["status"] for cell in document(lab)["cells"]] == ["passed", "passed", "failed"]
    off = lab.run(str(program), *options, expected.replace("sum", "a"), "--threshold=f32=1", "--iree", "3.9.0")
    assert off.verdict == (1, "failed", "numeric"), off.text
    assert "error_ratio" in off.case["outputs"][0]
    assert f"harness quality {program} --function=add" in off.text


def test_a_bare_program_without_a_function_is_compiled_only(lab: Laboratory) -> None:
    program = lab.model_dir / lab.file("add.mlir", ADD)
    assert lab.run(str(program)).verdict == (0, "compiled", None)
    assert lab.run(str(program), "--compile-chip=gfx942").verdict == (0, "compiled", None)
