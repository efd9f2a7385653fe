"""Budgets with the real IREE tools: each of them within its limit, above it, and absent."""

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from tests.integration.laboratory import CPU_FLAGS, NEWEST, A, Laboratory
from tests.integration.transitions import PRODUCT

QUICK = {"repetitions": 2, "seconds": 0.01, "warmup_seconds": 0}
ENOUGH = {
    "dispatches": 1,
    "module_bytes": {"cpu": 1e6},
    "compile_seconds": {"golden": 1e3, "tolerance": 2},
    "peak_bytes": {"mi300": 1, "cpu": 1e12},
    "latency_ms": {"cpu": {"golden": 1e9, **QUICK}},
}
TOO_LITTLE = {
    "dispatches": 0,
    "module_bytes": {"golden": 1, "tolerance": 1.5},
    "compile_seconds": 1e-6,
    "peak_bytes": 1000,
    "latency_ms": {"golden": 1e-9, "statistic": "min", **QUICK},
}


def test_every_budget(lab: Laboratory) -> None:
    lab.spec("none_cpu")
    lab.spec("enough_cpu", budget=ENOUGH)
    lab.spec("other_cpu", budget={"dispatches": {"mi300": 0}, "latency_ms": {"gfx942": 0, "rocm": 0}})
    lab.spec("all_cpu", budget=TOO_LITTLE)
    for quantity, limit in TOO_LITTLE.items():
        lab.spec(f"{quantity}_cpu", budget={**ENOUGH, quantity: limit})
    lab.spec("wrong_cpu", outputs=[lab.tensor("wrong.npy", A)], budget=TOO_LITTLE)
    result = lab.run()
    cases: dict[str, Any] = {case["submodel"]: case for case in result.report["cases"]}
    assert result.code == 1
    ended = {name: (case["status"], case["kind"], case["phase"]) for name, case in cases.items()}
    assert ended == {
        "none": ("passed", None, "compare"),
        "enough": ("passed", None, "benchmark"),
        "other": ("passed", None, "compare"),
        "all": ("failed", "budget", "compile"),
        "dispatches": ("failed", "budget", "compile"),
        "module_bytes": ("failed", "budget", "compile"),
        "compile_seconds": ("failed", "budget", "compile"),
        "peak_bytes": ("failed", "budget", "run"),
        "latency_ms": ("failed", "budget", "benchmark"),
        "wrong": ("failed", "numeric", "compare"),
    }, result.text
    assert [cases[name]["budgets"] for name in ("none", "other")] == [[], []]
    assert cases["other"]["notes"] == [
        "no budget for cpu; there are budgets of dispatches (mi300), latency_ms (gfx942, rocm)"
    ]
    exceeded = {name: [each["name"] for each in case["budgets"] if each["exceeded"]] for name, case in cases.items()}
    assert exceeded["enough"] == []
    assert exceeded["wrong"] == [*TOO_LITTLE][:-1]  # wrong numbers are not timed
    assert all(exceeded[name] == [name] for name in TOO_LITTLE)
    budgets = {each["name"]: each for each in cases["all"]["budgets"]}
    assert [*budgets] == [*TOO_LITTLE]
    assert budgets["dispatches"] == {"name": "dispatches", "value": 1, "limit": 0, "statistic": None, "exceeded": True}
    module, latency = cases["all"]["modules"][0], cases["all"]["latency"]
    assert (budgets["module_bytes"]["value"], budgets["module_bytes"]["limit"]) == (module["bytes"], 1.5)
    assert budgets["compile_seconds"]["value"] == module["compile_seconds"]
    assert budgets["peak_bytes"]["value"] == cases["all"]["peak_memory_bytes"]
    assert (budgets["latency_ms"]["value"], len(latency["samples_ms"])) == (latency["minimum_ms"], 2)
    assert cases["dispatches"]["reason"] == "dispatches: 1, budget 0 (1 more)"
    assert cases["latency_ms"]["reason"].startswith("latency_ms (min): ")
    assert " budget: dispatches: 1, budget 0 (1 more)" in result.text
    junit = ET.parse(lab.out / "junit.xml")
    assert sorted(each.get("type", "") for each in junit.iter("failure")) == ["budget"] * 6 + ["numeric"]


def test_what_is_too_slow_can_be_timed_again_by_hand(lab: Laboratory) -> None:
    lab.spec(budget={"latency_ms": TOO_LITTLE["latency_ms"]})
    result = lab.run()
    assert result.verdict == (1, "failed", "budget"), result.text
    assert [done.returncode for done in lab.pasted(result)] == [0, 0, 0], result.text
    assert [*lab.out.glob(".work/toy/*/benchmark.json")]


def test_a_number_that_the_compiler_does_not_tell(lab: Laboratory) -> None:
    flags = [*CPU_FLAGS, "--mlir-print-ir-after-all"]  # which leaves no statistics
    program = "func.func @f(%a: tensor<4xf32>) -> tensor<4xf32> { return %a : tensor<4xf32> }"
    limits = {"dispatches": 5, "module_bytes": 1e6, "peak_bytes": 1}
    result = lab.run_program(program, "--iree", NEWEST, compiler_flags=flags, compile_only=True, budget=limits)
    assert result.verdict == (1, "failed", "budget"), result.text
    assert result.case["reason"] == "dispatches: unknown, budget 5"
    assert [(each["name"], each["value"] is None) for each in result.case["budgets"]] == [
        ("dispatches", True),
        ("module_bytes", False),
    ]


@pytest.mark.parametrize(("limit", "status", "code"), [(0, "xfailed", 0), (1, "xpassed", 1)])
def test_an_expected_excess(lab: Laboratory, limit: int, status: str, code: int) -> None:
    lab.spec(budget={"dispatches": limit}, expect=[{"fails": "budget", "reason": "iree-org/iree#1"}])
    result = lab.run()
    assert (result.code, result.case["status"]) == (code, status), result.text
    if status == "xpassed":
        assert lab.bless(str(lab.out), "--yes").code == 0
        assert lab.run().verdict == (0, "passed", None)


def test_bisect_finds_the_release_that_exceeds_a_budget(lab: Laboratory) -> None:
    fields: dict[str, Any] = {"inputs": None, "outputs": None, "run_function": None, "compile_only": True}
    lab.spec("product_cpu", mlir=lab.file("product.mlir", PRODUCT), budget={"dispatches": 2}, **fields)
    options = ["--find", "fix", "--bad", "3.7.1", "--good", "3.8.0", "--repeat", "1", "--out", str(lab.out)]
    found = lab.run("toy/product", *options, command="bisect")
    assert found.code == 0, found.text
    assert "First good release: 3.8.0 (last bad: 3.7.1)" in found.text
    assert "dispatches: 4, budget 2 (100% more)" in found.text
