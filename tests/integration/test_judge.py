"""Outputs that are judged by statistics, with the real IREE tools; SciPy says what the statistics are."""

import math
import re
from typing import Any

import numpy as np
import pytest

from tests.integration.laboratory import NEWEST, Laboratory, written

PROGRAM = """
func.func @f(%x: tensor<6x500xf32>, %t: tensor<8xi64>) -> (tensor<6x500xf32>, tensor<8xi64>) {
  return %x, %t : tensor<6x500xf32>, tensor<8xi64>
}
"""
DRAW = np.random.default_rng(5)
LOGITS = DRAW.normal(0, 4, (6, 500)).astype(np.float32)
NOISY = (LOGITS + DRAW.normal(0, 0.01, LOGITS.shape)).astype(np.float32)
SHIFTED = LOGITS + np.float32(0.05)
OTHER = NOISY.copy()
OTHER[2, 7] = 100
TOKENS = "8xi64=1 2 3 4 5 6 7 8"


def write(lab: Laboratory, name: str, judge: Any, *, logits: Any = LOGITS, tokens: str = TOKENS, **fields: Any) -> None:
    """Write a spec whose program returns the noisy logits, and the tokens."""
    outputs = [lab.tensor(f"{name}.npy", logits), *written(tokens)]
    lab.spec(
        f"{name}_cpu",
        mlir=lab.file("f.mlir", PROGRAM),
        run_function="f",
        inputs=[lab.tensor("noisy.npy", NOISY), *written(TOKENS)],
        outputs=outputs,
        judge=judge,
        **fields,
    )


def test_statistics_decide_in_place_of_thresholds(lab: Laboratory) -> None:
    every = {"psnr": ">= 40", "cosine": ">= 0.9999", "centred": True, "perplexity": "<= 1.01", "tokens": "equal"}
    good = [every, {"tokens": "equal"}]
    wrong_tokens = TOKENS.replace("8xi64=1", "8xi64=9")
    write(lab, "threshold", None)
    write(lab, "good", good)
    write(lab, "both", good, atol=1e-3)
    write(lab, "wide", good, atol=1)
    write(lab, "psnr", [{"psnr": ">= 80"}, None])
    write(lab, "cosine", [{"cosine": "> 0.99999999"}, None])
    write(lab, "centred", [{"centred": {"deviation": "<= 1"}}, None], logits=SHIFTED)
    write(lab, "deviation", [{"centred": {"deviation": "<= 0.001"}}, None])
    write(lab, "argmax", {"tokens": "equal"}, logits=OTHER)
    write(lab, "most", {"tokens": ">= 0.8"}, logits=OTHER, tokens=wrong_tokens)
    write(lab, "tokens", [None, {"tokens": "equal"}], logits=NOISY, tokens=wrong_tokens)
    write(lab, "perplexity", [{"perplexity": "<= 1.00000001"}, None])
    write(lab, "nan", good, logits=np.where(LOGITS[3, 3] == LOGITS, np.float32(math.nan), LOGITS))
    result = lab.run("toy", "--iree", NEWEST)
    cases = {case["submodel"]: case for case in result.report["cases"]}
    good_ones = {name for name, case in cases.items() if case["status"] == "passed"}
    assert good_ones == {"good", "wide", "most"}, result.text
    assert {case["kind"] for name, case in cases.items() if name not in good_ones} == {"numeric"}
    reasons = {name: case["reason"] for name, case in cases.items()}
    first = r"output 0 \(6x500xf32\): "
    for name, wanted in {
        "threshold": first + r"\d+ of 3000 elements differ by more than 0.0001 ",
        "both": first + r"\d+ of 3000 elements differ by more than 0.001 ",
        "psnr": first + r"psnr 6\d\.\d dB, expected >= 80$",
        "cosine": first + r"cosine_similarity 0\.99999\d+, expected > 0.99999999$",
        "centred": first + r"error_mean 0\.0\d+, expected <= 0.001$",
        "deviation": first + r"error_deviation 0\.00\d+, expected <= 0.001$",
        "argmax": first + r"token_match 0\.833, expected >= 1$",
        "tokens": r"output 1 \(8xi64\): token_match 0\.875, expected >= 1$",
        "perplexity": first + r"perplexity 1\.0000\d+, expected <= 1.00000001$",
        "nan": first + "1 of 3000 elements differ where a value is NaN or infinite, ",
    }.items():
        assert re.match(wanted, reasons[name]), reasons[name]
    logits, tokens = cases["good"]["outputs"]
    assert (logits["kind"], logits["mismatches"] > 2000, logits["error_ratio"] > 10) == (None, True, True)
    agrees_with_scipy(logits)
    assert [each["statistic"] for each in logits["conditions"]] == [
        *("psnr", "cosine_similarity", "error_mean", "error_deviation", "perplexity", "token_match")
    ]
    assert tokens["conditions"] == [
        {"statistic": "token_match", "value": 1.0, "expected": ">= 1", "holds": True, "share": 0.0}
    ]
    assert tokens["psnr"] == "inf"
    assert re.search(r"PASSED +toy/good\[cpu\] .*  \w+ [0-9.]+.* \([<>]= [0-9.]+\)\n", result.text), result.text
    assert "psnr" in (lab.out / "junit.xml").read_text()


def agrees_with_scipy(found: Any) -> None:
    from scipy import special, stats  # noqa: PLC0415 - every process of the tests collects this, and SciPy takes 2 s
    from scipy.spatial import distance  # noqa: PLC0415

    actual, expected = NOISY.astype(np.float64), LOGITS.astype(np.float64)
    error, rms = actual - expected, np.sqrt(np.square(expected).mean())
    span = expected.max() - expected.min()
    divergence = stats.entropy(special.softmax(expected, axis=-1), special.softmax(actual, axis=-1), axis=-1)
    wanted = {
        "psnr": 10 * np.log10(span**2 / np.square(error).mean()),
        "cosine_similarity": 1 - distance.cosine(actual.ravel(), expected.ravel()),
        "error_mean": abs(error.mean()) / rms,
        "error_deviation": stats.tstd(error, axis=None, ddof=0) / rms,
        "perplexity": np.exp(divergence.mean()),
        "token_match": (actual.argmax(-1) == expected.argmax(-1)).mean(),
    }
    assert {name: found[name] for name in wanted} == {name: pytest.approx(each) for name, each in wanted.items()}


def test_the_tool_knows_no_statistics_and_plan_shows_them(lab: Laboratory) -> None:
    write(lab, "good", [{"psnr": ">= 40", "centred": True}, {"tokens": "equal"}])
    found = lab.run("--verdict", "iree-run-module")
    assert found.verdict == (1, "failed", "numeric")
    note = "iree-run-module knows no statistics, so its thresholds decide and not 'judge'; see --verdict"
    assert note in found.case["notes"]
    planned = lab.run(command="plan").text
    assert "# judge output 0 by psnr >= 40, error_mean <= 0.001, error_deviation <= 0.01\n" in planned
    assert "# judge output 1 by token_match >= 1\n" in planned
    metric = ["--good", "3.12", "--bad", NEWEST, "--metric", "psnr < 70 and token_match < 2", "--repeat", "1"]
    searched = lab.run("toy/good", *metric, command="bisect")
    assert "psnr 6" in searched.text, searched.text
