import math

import pytest

from harness.core import judges
from harness.core.tensors import TensorType


@pytest.mark.parametrize(
    ("statistic", "text", "holds", "fails"),
    [
        ("psnr", ">= 40", 40.0, 39.9),
        ("psnr", ">-1.5e1", 0.0, -15.0),
        ("psnr", ">= 40", math.inf, None),
        ("cosine_similarity", ">= 0.9999", 1.0, 0.9998),
        ("token_match", ">= 1", 1.0, 0.999),
        ("perplexity", "<= 1.01", 1.01, math.inf),
        ("error_mean", "< 0.1", 0.0, 0.1),
        ("error_deviation", "<=.5", 0.5, 0.6),
    ],
)
def test_a_condition_holds(statistic: str, text: str, holds: float, fails: float | None) -> None:
    found = judges.condition(statistic, text)
    assert (found.holds(holds), found.holds(fails), found.holds(None)) == (True, False, False)


@pytest.mark.parametrize(
    ("statistic", "text", "message"),
    [
        ("psnr", "40", r"'40' is not a condition on psnr; expected >= or > and a number"),
        ("psnr", "<= 40", "expected >= or > and a number"),
        ("perplexity", ">= 1", "expected <= or < and a number"),
        ("psnr", ">=  40", "' 40' is not a number"),
        ("psnr", ">= 4_0", "not a number"),
        ("psnr", ">= \uff14", "not a number"),
        ("psnr", ">= inf", "not a finite number"),
        ("psnr", ">= nan", "not a finite number"),
        ("psnr", ">= 40\n", "not a number"),
        ("psnr", "", "'' is not a condition"),
        ("token_match", ">= 99", "99 cannot be a bound of token_match, which is from 0 to 1"),
        ("cosine_similarity", ">= 1.5", "which is from -1 to 1"),
        ("perplexity", "<= 0.5", "0.5 cannot be a bound of perplexity, which is at least 1"),
        ("error_mean", "<= -1", "which is at least 0"),
    ],
)
def test_what_is_no_condition(statistic: str, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        judges.condition(statistic, text)


@pytest.mark.parametrize(
    ("statistic", "text", "value", "share"),
    [
        ("psnr", ">= 40", 60.0, 0.1),  # a tenth of the error
        ("psnr", ">= 40", 20.0, 10),
        ("psnr", ">= 40", math.inf, 0),
        ("cosine_similarity", ">= 0.99", 0.995, 0.5),
        ("token_match", ">= 1", 1.0, 0),
        ("token_match", ">= 1", 0.5, math.inf),
        ("perplexity", "<= 1.1", 1.05, 0.5),
        ("error_mean", "<= 0.1", 0.05, 0.5),
        ("error_mean", "<= 0", 0.0, 0),
        ("psnr", ">= 40", None, math.inf),
    ],
)
def test_the_share_of_what_is_allowed(statistic: str, text: str, value: float | None, share: float) -> None:
    found = judges.condition(statistic, text)
    assert found.share(value) == pytest.approx(share)


def test_no_psnr_is_too_small() -> None:
    assert judges.condition("psnr", ">= 40").share(-math.inf) > 1e300
    assert judges.condition("psnr", ">= -1e300").share(0) < 1e-300


@pytest.mark.parametrize(
    ("type_", "unfit"),
    [
        ("2x3xf32", set()),
        ("8xbf16", set()),
        ("f16", {"token_match", "perplexity"}),
        ("2x3xi64", {"perplexity"}),
        ("i32", {"perplexity"}),
        ("2xcomplex<f32>", {"psnr", "token_match", "perplexity"}),
    ],
)
def test_a_statistic_needs_a_type(type_: str, unfit: set[str]) -> None:
    found = TensorType.parse(type_)
    every = ("psnr", "cosine_similarity", "error_mean", "error_deviation", "token_match", "perplexity")
    assert {each for each in every if judges.unfit(each, found)} == unfit
