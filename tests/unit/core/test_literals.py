import math

import pytest

from harness.core.literals import argument, parse
from harness.core.tensors import TensorType


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("4xf32=2", (2.0,)),
        ("2x2xi32=1 2 3 4", (1, 2, 3, 4)),
        ("2x2xf32=[[1,-2.5],[.5, 1e-3]]", (1.0, -2.5, 0.5, 1e-3)),
        ("2x2xf32=[1 2][3 4]", (1, 2, 3, 4)),
        ("2xf16=inf -INF", (math.inf, -math.inf)),
        ("f64=7", (7.0,)),
        ("3xi1=1 0 true", (1, 0, 1)),
        ("2xi8=255 -128", (255, -128)),
        ("2xui64=18446744073709551615 0", (2**64 - 1, 0)),
        ("complex<f32>=1", (1 + 0j,)),
        ("4xcomplex<f64>=1+2j (3, -4) -1e2-.5i 7", (1 + 2j, 3 - 4j, -100 - 0.5j, 7 + 0j)),
        ("0x2xf32=", ()),
        ("0x2xf32=1", (1.0,)),
    ],
)
def test_numbers(text: str, numbers: tuple[complex, ...]) -> None:
    assert parse(text) == (TensorType.parse(text.partition("=")[0]), numbers)


def test_nan_is_a_number() -> None:
    assert [math.isnan(each.real) for each in parse("2xbf16=nan NAN")[1]] == [True, True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2x2xf32=1 2 3", "2x2xf32 is written with 3 numbers; expected 4 numbers, or one for all"),
        ("2xf32=", "2xf32 is written with 0 numbers; expected 2 numbers, or one for all"),
        ("f32=1 2", "f32 is written with 2 numbers; expected 1"),
        ("0xf32=1 2", "0xf32 is written with 2 numbers; expected 0 numbers, or one for all"),
        ("2xf32=@/etc/passwd", "'@/etc/passwd' is not a number of type f32"),
        ("2xf32=+x.bin", "'+x.bin' is not a number of type f32"),
        ("2xi32=1.5", "'1.5' is not a number of type i32"),
        ("2xi32=1_000", "'1_000' is not a number of type i32"),
        ("2xi32=4294967296", "'4294967296' is not a number of type i32"),
        ("2xsi8=128", "'128' is not a number of type si8"),
        ("2xui8=-1", "'-1' is not a number of type ui8"),
        ("2xi1=2", "'2' is not a number of type i1"),
        ("2xf32=1;2", "'1;2' is not a number of type f32"),
        ("2xcomplex<f32>=1+2", "'1+2' is not a number of type complex<f32>"),
        ("?xf32=1", "'?xf32' is not a static tensor type"),
        ("4xi4=1", "values of i4 cannot be written out; write them into a file"),
        ("99999999999999999999xf32=1", "'99999999999999999999xf32' is larger than a tensor can be"),
        ("9x" * 65 + "f32=1", "'" + "9x" * 65 + "f32' is larger than a tensor can be"),
        ("9x" * 21 + "f32=1", "'" + "9x" * 21 + "f32' is larger than a tensor can be"),
        ("f32=\N{FULLWIDTH DIGIT ONE}", "'\N{FULLWIDTH DIGIT ONE}' is not a number of type f32"),
        ("f32=1_0", "'1_0' is not a number of type f32"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match="^" + message.translate({ord(c): f"\\{c}" for c in "()+?.*[]^$"})):
        parse(text)


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("2x2xf32=[1,2][3,4]", "2x2xf32=[1,2][3,4]"),
        ("3xi1=1 0 true", "3xi1=01 00 01"),
        ("i1=1", "i1=01"),
        ("2xcomplex<f32>=1 0.5+0.5j", "2xcf64=0000803f00000000 0000003f0000003f"),
        ("complex<f64>=-2j", "cf128=000000000000000000000000000000c0"),
        ("2xi8=255 -128", "2xi8=-1 -128"),
        ("2xui8=255", "2xui8=255"),
    ],
)
def test_how_the_tool_is_given_them(text: str, given: str) -> None:
    assert argument(text) == given
