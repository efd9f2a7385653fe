"""Suites in the real layouts, with programs of our own, run by the real tools."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from tests.integration.laboratory import Laboratory, Result, clean_environment
from tests.unit.suites import onnx

# NumPy's types by those of programs; files of flags write integers without a sign.
TYPES = {
    **{f"si{bits}": np.dtype(f"i{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"ui{bits}": np.dtype(f"u{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"f{bits}": np.dtype(f"f{bits // 8}") for bits in (16, 32, 64)},
    "bf16": np.dtype(ml_dtypes.bfloat16),
}
SHAPES = ((4,), (), (2, 0))
META = "attributes {torch.onnx_meta.ir_version = 8 : si64, torch.onnx_meta.opset_version = 17 : si64}"


def tensor(shape: tuple[int, ...], element: str) -> str:
    return f"!torch.vtensor<[{','.join(map(str, shape))}],{element}>"


def everything() -> tuple[str, str, Mapping[str, bytes]]:
    """Return a program that doubles inputs of all types and shapes and negates truth values; flags; and contents."""
    operands = [(shape, element) for element in TYPES for shape in SHAPES] + [((4,), "i1")]
    arguments = ", ".join(f"%a{index}: {tensor(*each)}" for index, each in enumerate(operands))
    results = ", ".join(tensor(*each) for each in operands)
    body, lines, contents = list[str](), list[str](), dict[str, bytes]()
    for index, (shape, element) in enumerate(operands):
        type_ = tensor(shape, element)
        if element == "i1":
            given = np.array([1, 0, 0, 1], np.bool_)
            wanted, operator, count = ~given, "Not", 1
        else:
            given = np.arange(1, 1 + int(np.prod(shape))).reshape(shape).astype(TYPES[element])
            wanted, operator, count = given + given, "Add", 2
        values, types = ", ".join([f"%a{index}"] * count), ", ".join([type_] * count)
        body.append(f'    %r{index} = torch.operator "onnx.{operator}"({values}) : ({types}) -> {type_}')
        written = "x".join([*map(str, shape), element if element == "bf16" else element.lstrip("su")])
        lines += [f"--input={written}=@i{index}.bin", f"--expected_output={written}=@o{index}.bin"]
        contents |= {f"i{index}": given.tobytes(), f"o{index}": wanted.tobytes()}
    returned = ", ".join(f"%r{index}" for index in range(len(operands)))
    program = f"module {{\n  func.func @test_all({arguments}) -> ({results}) {META} {{\n"
    program += "\n".join(body) + f"\n    return {returned} : {results}\n  }}\n}}\n"
    return program, "\n".join(lines) + "\n", contents


def doubled(shape: tuple[int, ...] = (2,), operator: str = "Add") -> str:
    type_ = tensor(shape, "f32")
    return (
        f"func.func @f(%a: {type_}) -> {type_} {META} {{\n"
        f'  %r = torch.operator "onnx.{operator}"(%a, %a) : ({type_}, {type_}) -> {type_}\n  return %r : {type_}\n}}\n'
    )


GIVEN, RIGHT, WRONG = (np.array(each, np.float32).tobytes() for each in ([1, 2], [2, 4], [2, 5]))
FLAGS = "--input=2xf32=@i.bin\n--expected_output=2xf32=@o.bin\n"


def small(suite: Path, name: str, program: str | None = None, expected: bytes = RIGHT) -> None:
    onnx.case(suite, name, FLAGS, program or doubled(), i=GIVEN, o=expected)


@pytest.fixture
def suite(lab: Laboratory) -> Path:
    return lab.root / "onnx_ops"


def statuses(result: Result) -> dict[str, tuple[str, str | None]]:
    return {case["submodel"]: (case["status"], case["kind"]) for case in result.report["cases"]}


def of_suite(suite: Path, *configs: Path) -> list[str]:
    return ["--specs", str(suite), *(f"--suite-config={each}" for each in configs)]


@pytest.mark.parametrize("verdict", ["harness", "iree-run-module"])
def test_all_element_types_and_sizes(lab: Laboratory, suite: Path, verdict: str) -> None:
    program, flags, contents = everything()
    onnx.case(suite, "test_all", flags, program, **contents)
    cpu = onnx.config(lab.root / "cpu.json", flags=[*onnx.CPU_FLAGS, "--iree-input-demote-f64-to-f32=false"])
    result = lab.run(*of_suite(suite, cpu), "--verdict", verdict)
    assert result.verdict[:2] == (0, "passed"), result.text
    if verdict == "harness":
        assert len(result.case["outputs"]) == 3 * len(TYPES) + 1
    assert not [path for path in suite.rglob("*") if path.suffix == ".vmfb"]


def test_cases_are_judged_by_the_lists_of_a_config(lab: Laboratory, suite: Path) -> None:
    for name in ("test_right", "test_fixed", "test_fixed_twice", "test_left_out", "test_not_run"):
        small(suite, name)
    for name in ("test_wrong", "test_known", "test_later"):
        small(suite, name, expected=WRONG)
    for name in ("test_unknown_operator", "test_lost_operator"):
        small(suite, name, doubled(operator="NoSuchOperator"))
    for name in ("test_refused", "test_refuses"):
        small(suite, name, doubled((3,)))
    cpu = lab.root / "cpu_O0.json"
    fixed, twice = onnx.named("test_fixed", "test_fixed_twice")
    cpu.write_text(f"""// of the CPU
{{
  config_name: "cpu", // as others are
  iree_compile_flags: {json.dumps(onnx.CPU_FLAGS)},
  iree_run_module_flags: ["--device=local-sync"],
  skip_compile_tests: {json.dumps(onnx.named("test_left_out"))},
  skip_run_tests: {json.dumps(onnx.named("test_not_run"))},
  expected_compile_failures: [
    // no such operator
    {json.dumps(onnx.named("test_unknown_operator")[0])},
    "{twice}", // see the tracker
    {json.dumps(onnx.named("test_later")[0])},
  ],
  expected_run_failures: [
    {json.dumps(onnx.named("test_known")[0])}, {json.dumps(onnx.named("test_refused")[0])},
    /* twice */ "{twice}",
    "{fixed}"
  ],
}}
""")
    result = lab.run(*of_suite(suite, cpu))
    assert result.code == 1
    assert statuses(result) == {
        "test_right": ("passed", None),
        "test_fixed": ("xpassed", None),
        "test_fixed_twice": ("xpassed", None),
        "test_left_out": ("skipped", None),
        "test_not_run": ("compiled", None),
        "test_wrong": ("failed", "numeric"),
        "test_known": ("xfailed", "numeric"),
        "test_later": ("failed", "numeric"),
        "test_unknown_operator": ("xfailed", "compile"),
        "test_lost_operator": ("failed", "compile"),
        "test_refused": ("xfailed", "shape"),
        "test_refuses": ("failed", "shape"),
    }
    assert f"delete expected_run_failures[3] in {cpu}:17, or run `harness bless --expectations`" in result.text
    assert f"({cpu}:12 expects the compilation to fail)" in result.text
    assert "SKIPPED     onnx/node/generated/test_left_out[cpu_O0]" in result.text
    assert f"{cpu}:6 says so (skip_compile_tests[0])" in result.text

    before = cpu.read_text()
    assert lab.bless(str(lab.out), "--yes").code == 0
    blessed = before.replace(f'    "{twice}", // see the tracker\n', "    // see the tracker\n")
    blessed = blessed.replace(f',\n    /* twice */ "{twice}",\n    "{fixed}"\n', "\n    /* twice */\n")
    assert cpu.read_text() == blessed
    again = lab.run(*of_suite(suite, cpu), "test_fixed*")
    assert (again.code, set(statuses(again).values())) == (0, {("passed", None)})


def test_a_config_learns_what_fails(lab: Laboratory, suite: Path) -> None:
    small(suite, "test_right")
    small(suite, "test_wrong", expected=WRONG)
    small(suite, "test_later", expected=WRONG)
    small(suite, "test_unknown_operator", doubled(operator="NoSuchOperator"))
    cpu = onnx.config(lab.root / "cpu.json", expected_compile_failures=onnx.named("test_later"))
    assert lab.run(*of_suite(suite, cpu)).code == 1
    changed = lab.bless(str(lab.out), "--failures", "--yes")
    assert (changed.code, "1 file changed." in changed.text) == (0, True), changed.text
    again = lab.run(*of_suite(suite, cpu))
    assert (again.code, statuses(again)) == (
        0,
        {
            "test_right": ("passed", None),
            "test_wrong": ("xfailed", "numeric"),
            "test_later": ("xfailed", "numeric"),
            "test_unknown_operator": ("xfailed", "compile"),
        },
    )
    nothing = lab.bless(str(lab.out), "--failures")
    assert nothing.code == 0
    assert nothing.text.endswith(", no case passed where a failure was expected, and none failed.\n")
    lab.spec(outputs=[{"value": "4xf32=0"}])
    spec = lab.run()
    assert f"toy/add[cpu]: failed; if that is expected, write `expect` into {lab.model_dir}" in (
        lab.bless(str(spec.out_dir), "--failures").text
    )


def test_two_configs_make_a_table(lab: Laboratory, suite: Path) -> None:
    small(suite, "test_right")
    small(suite, "test_wrong", expected=WRONG)
    cpu = onnx.config(lab.root / "cpu.json", expected_run_failures=onnx.named("test_wrong"))
    task = onnx.config(lab.root / "task.json", iree_run_module_flags=["--device=local-task"])
    result = lab.run(*of_suite(suite, cpu, task))
    assert {case["id"]: (case["status"], case["config"]) for case in result.report["cases"]} == {
        "onnx/node/generated/test_right[cpu]": ("passed", str(cpu)),
        "onnx/node/generated/test_right[task]": ("passed", str(task)),
        "onnx/node/generated/test_wrong[cpu]": ("xfailed", str(cpu)),
        "onnx/node/generated/test_wrong[task]": ("failed", str(task)),
    }
    (line,) = [each for each in result.text.splitlines() if each.startswith("  again")]
    assert f" onnx/node/generated/test_wrong --suite-config {task} --iree " in line


def test_one_case_is_bisected_and_a_matrix_has_configs(lab: Laboratory, suite: Path) -> None:
    small(suite, "test_right")
    cpu = onnx.config(lab.root / "cpu.json", skip_compile_tests=onnx.named("test_right"))
    common = [*of_suite(suite, cpu), "onnx/node/generated/test_right", "--out", str(lab.out)]
    found = lab.run(*common, "--all", "--repeat=1", "--good=3.12.0", "--bad=3.13.0", command="bisect")
    assert "GOOD  3.12.0" in found.text, found.text
    cpu.write_text(cpu.read_text().replace("skip_compile_tests", "skip_run_tests"))
    table = lab.run(*common, "--iree=3.13.0", "--out", str(lab.root / "matrix"), command="matrix")
    assert "onnx/node/generated/test_right[cpu]  built" in table.text, table.text


def test_commands_that_only_read(lab: Laboratory, suite: Path) -> None:
    small(suite, "test_right")
    small(suite, "test_wrong")
    cpu = onnx.config(lab.root / "cpu.json", expected_run_failures=onnx.named("lost"))
    common = of_suite(suite, cpu)
    listed = lab.run(*common, command="list")
    assert listed.text.splitlines()[:2] == [f"onnx/node/generated/test_{name}[cpu]" for name in ("right", "wrong")]
    valid = lab.run(*common, command="validate")
    assert valid.text == (
        "2 cases of onnx_ops and 1 config are valid.\n"
        f"{cpu}: 1 name of no case in onnx_ops: onnx/node/generated/lost (line 11)\n"
    )
    planned = lab.run(*common, "-k", "right", command="plan")
    assert "iree-run-module --device=local-sync --module=model.vmfb " in planned.text
    assert "--function" not in planned.text
    fetched = lab.run(*common, "--blobs-only", command="fetch")
    assert "6 of 6 blobs available, 6 local files among them" in fetched.text
    assert "nothing to lock" in lab.run("--specs", str(suite), command="lock").text
    without = lab.run("--specs", str(suite), command="list")
    assert (without.code, "name one or more with --suite-config FILE" in without.text) == (2, True)
    checked = lab.run("--specs", str(suite), "--offline", command="doctor")
    assert f"2 cases of onnx_ops in {suite}" in checked.text


def test_pytest_collects_a_suite(lab: Laboratory, suite: Path) -> None:
    small(suite, "test_right")
    small(suite, "test_wrong", expected=WRONG)
    small(suite, "test_bad", expected=WRONG)
    cpu = onnx.config(lab.root / "cpu.json", expected_run_failures=onnx.named("test_wrong"))
    (suite / "conftest.py").write_text("raise AssertionError")
    argv = [sys.executable, "-m", "pytest", "-p", "harness.cli.pytest_plugin", "--test-file-directory", str(suite)]
    environment = clean_environment() | {"IREE_TEST_FILES": str(lab.store_dir), "IREE_TEST_CONFIG_FILES": str(cpu)}
    options: dict[str, Any] = {
        "cwd": lab.root,
        "env": environment,
        "capture_output": True,
        "text": True,
        "timeout": 120,
    }
    refused = subprocess.run(argv, check=False, **options)
    assert f"{suite}/conftest.py collects the same cases for another runner; add --noconftest." in refused.stderr
    done = subprocess.run([*argv, "--noconftest"], check=False, **options)
    assert "1 failed, 1 passed, 1 xfailed" in done.stdout, done.stdout + done.stderr
    assert "FAILED onnx/node/generated/test_bad[cpu]" in done.stdout
