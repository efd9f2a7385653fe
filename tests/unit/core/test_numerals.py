import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core import numerals


@given(st.floats())
def test_every_number_that_python_writes_is_read(number: float) -> None:
    read = numerals.real(repr(number))
    assert read == number or (math.isnan(read) and math.isnan(number))


@pytest.mark.parametrize(
    "text",
    ["1_0", "\N{FULLWIDTH DIGIT ONE}", "\N{ARABIC-INDIC DIGIT ONE}", "", " 1", "1\n", "0x1p3", "infinity", "1e", "."],
)
def test_what_only_python_takes_for_a_number_is_refused(text: str) -> None:
    for read in (numerals.real, numerals.finite, numerals.whole):
        with pytest.raises(ValueError, match="is not a"):
            read(text)


def test_a_long_text_is_looked_at_once() -> None:
    started = time.process_time()
    for text in ("1" * 1_000_000, "1." * 500_000, "1" * 999 + "x"):
        with pytest.raises(ValueError, match="is not a number"):
            numerals.real(text)
    assert time.process_time() - started < 1


def test_a_finite_number_is_no_infinity() -> None:
    assert numerals.finite("-1.5e3") == -1500
    for text in ("inf", "nan", "1e999"):
        with pytest.raises(ValueError, match="is not a finite number"):
            numerals.finite(text)
