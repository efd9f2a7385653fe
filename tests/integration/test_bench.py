"""`harness bench` with the real tools: what is timed, compared and written, and what is refused."""

import dataclasses
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.history.history import History
from tests.integration.laboratory import CPU_FLAGS, NEWEST, OLDEST, Laboratory, Result
from tests.unit.pages import Parsed

# Ten rounds, however busy the machine is.
QUICK = ("--engine", "local", "--time", "60", "--precision", "10000%", "--repetitions", "2")
LOOP = Path(__file__).parents[2] / "benchmarks" / "loop.mlir"


def bench(lab: Laboratory, *arguments: str) -> Result:
    """Run the command on the specs of a laboratory."""
    done = lab.run(*QUICK, "--out", str(lab.out), *arguments, command="bench")
    return dataclasses.replace(done, text=" ".join(done.text.split()))


def document(lab: Laboratory) -> Any:
    return json.loads((lab.out / "bench.json").read_text())


def side(lab: Laboratory, number: int) -> Any:
    """Return the only case in the results of a side."""
    (case,) = json.loads((lab.out / f"sides/{number}/results.json").read_text())["cases"]
    return case


def test_two_releases_are_compared(lab: Laboratory) -> None:
    lab.spec(device="local-sync")  # one thread
    done = bench(lab, "--iree", OLDEST, "--against", NEWEST)
    assert done.code == 0
    found = document(lab)
    assert [each["label"] for each in found["sides"]] == [OLDEST, NEWEST]
    assert [each["environment"]["iree"]["release"] for each in found["sides"]] == [OLDEST, NEWEST]
    (case,) = found["cases"]
    compared, rounds = case["comparison"], case["rounds"]
    assert len(rounds) >= 10
    assert compared["low"] <= compared["ratio"] <= compared["high"]
    assert 0 < compared["p_value"] <= 1
    page = Parsed((lab.out / "report.html").read_text())
    assert page.index["bench"]["cases"][0]["comparison"]["ratio"] == compared["ratio"]
    assert case["text"] in done.text
    for number, (release, each) in enumerate(zip((OLDEST, NEWEST), case["sides"], strict=True), 1):
        assert (each["release"], each["status"]) == (release, "passed")
        assert each["times"]["minimum_ms"] <= each["times"]["median_ms"]
        latency = side(lab, number)["latency"]
        assert len(latency["samples_ms"]) == 2 * (len(rounds) - case["discarded"])
        assert latency["minimum_ms"] == each["times"]["minimum_ms"]
        assert side(lab, number)["commands"]["benchmark"][0] == "iree-benchmark-module"
    assert re.search(rf"{re.escape(OLDEST)} takes \d+\.\d+ times as long as {re.escape(NEWEST)}", done.text)
    assert "toy/add" in (lab.out / "bench.md").read_text()
    assert not lab.processes("/iree-")
    (recorded,) = History(lab.root / "state/iree-quality-harness/history.sqlite").results("toy/add", 9)
    assert (recorded.run.command, recorded.case.release) == ("bench", OLDEST)
    assert recorded.case.latency_ms == side(lab, 1)["latency"]["median_ms"]


def test_flags_are_the_other_side_and_slow_code_is_told_from_fast(lab: Laboratory) -> None:
    # A generic CPU has no instruction for math.fma, so the loop calls a function.
    lab.spec(
        mlir=lab.file("loop.mlir", LOOP.read_text().replace("ITERATIONS", "4000")),
        run_function="work",
        inputs=[lab.tensor("x.bin", np.full(256, 0.5, np.float32), "256xf32")],
        outputs=None,
        device="local-sync",
        compiler_flags=CPU_FLAGS,
    )
    done = bench(lab, "--against=--iree-llvmcpu-target-cpu=host", "--measure", "cpu", "--fail-slower", "1%")
    (case,) = document(lab)["cases"]
    assert (done.code, [each["status"] for each in case["sides"]]) == (1, ["ran", "ran"])
    assert case["comparison"]["conclusion"] == "slower"
    assert "as it is takes" in done.text
    assert "times the CPU time of --iree-llvmcpu-target-cpu=host" in done.text
    assert "That is more than --fail-slower 1% allows." in done.text


def test_one_side_alone(lab: Laboratory) -> None:
    lab.spec()
    done = bench(lab, "--time", "2")
    assert done.code == 0
    (case,) = document(lab)["cases"]
    assert case["comparison"] is None
    assert case["sides"][0]["times"]["median_ms"] > 0
    assert re.search(rf"{re.escape(NEWEST)} minimum .* (us|ms), median .* (us|ms) \(.*\)", done.text)


def test_a_case_that_fails_on_one_side_is_not_timed(lab: Laboratory) -> None:
    lab.spec(outputs=[lab.tensor("wrong.bin", np.zeros(4, np.float32), "4xf32")])
    lab.spec("good_cpu", budget={"dispatches": 0, "latency_ms": 0})
    done = bench(lab, "--against", NEWEST, "--time", "0.1")
    assert done.code == 1
    good, wrong = sorted(document(lab)["cases"], key=lambda each: str(each["case"]) != "toy/good")
    assert (good["case"], wrong["case"]) == ("toy/good", "toy/add")
    assert good["rounds"]
    assert [each["status"] for each in good["sides"]] == ["passed", "passed"]
    assert [each["label"] for each in document(lab)["sides"]] == [NEWEST, f"{NEWEST} again"]
    assert wrong["rounds"] == []
    assert [each["status"] for each in wrong["sides"]] == ["failed", "failed"]
    assert "not timed" in done.text


def test_the_only_function_is_timed_without_a_name(lab: Laboratory) -> None:
    lab.spec(run_function=None, outputs=None)
    done = bench(lab, "--time", "0.1")
    assert done.code == 0, done.text
    assert document(lab)["cases"][0]["rounds"], done.text


def test_an_interrupted_benchmark_keeps_its_rounds(lab: Laboratory) -> None:
    lab.spec()
    arguments = (*QUICK, "--time", "600", "--precision", "0.0001%", "--out", str(lab.out))
    log = lab.root / "interrupted.log"

    def is_timed_in_rounds() -> bool:
        return "timing toy/add" in log.read_text() and bool(lab.processes("iree-benchmark-module"))

    assert lab.interrupted(*arguments, until=is_timed_in_rounds, command="bench").code == 130
    assert document(lab)["exit_code"] == 130
    assert side(lab, 1)["status"] == "passed"
    assert not lab.processes("/iree-")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--against", "gfx 942"], "expected a release such as 3.9.0, a backend, a chip, a .mlir file, or flags"),
        (["--against", "9.9.9"], "9.9.9"),
        (["--against=--iree-opt-level=O3 -o"], "'-o' is no flag"),
        (["--against=--iree-opt-level='O3"], "No closing quotation"),
        (["--against=--load-dialect-plugin=x.so"], "--load-dialect-plugin"),
        (["--against=--iree-codegen-tuning-spec-path=x.mlir"], "names a file"),
        (["--against", "gfx942"], "No selected spec is for the backend rocm"),
        (["--fail-slower", "5%"], "has no effect without --against"),
        (["--compile-only"], "has no effect in a command that compares two sides"),
        (["--precision", "0%"], "is not a percentage above 0"),
        (["--time", "-1"], "is not a number of seconds above 0"),
    ],
)
def test_what_makes_no_sense_is_refused(lab: Laboratory, arguments: list[str], message: str) -> None:
    lab.spec()
    done = bench(lab, *arguments)
    assert done.code == 2
    assert message in done.text
    assert not (lab.out / "bench.json").exists()


def test_a_side_that_only_compiles_is_not_timed(lab: Laboratory) -> None:
    lab.spec()
    lab.spec("add_rocm", compile_only=True)
    done = bench(lab, "--against", "gfx942")
    assert (done.code, [each["status"] for each in document(lab)["cases"][0]["sides"]]) == (3, ["passed", "compiled"])
    assert "not timed" in done.text


def test_a_search_can_ask_for_the_latency(lab: Laboratory) -> None:
    lab.spec()
    ends = ("--good", OLDEST, "--bad", NEWEST, "--repeat", "1", "--engine", "local")
    done = lab.run("toy/add", *ends, "--metric", "latency_ms > 1e9", "--out", str(lab.out), command="bisect")
    assert done.code == 2  # the bad end is good
    (probe,) = json.loads((lab.out / "bisect.json").read_text())["probes"][:1]
    assert 0 < probe["numbers"]["latency_ms"] < math.inf
