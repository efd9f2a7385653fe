import io

import pytest

from harness.core.errors import IntegrityError
from harness.core.tensors import TensorType
from harness.pipeline import parameters
from harness.pipeline.parameters import Parameter

PRINTED = """\
module @m {
  util.global private @w = #stream.parameter.named<"model"::"w"> : tensor<4x3xf32>
  util.global private mutable @c = #stream.parameter.named<"no.scope"> : tensor<5xsi8>
  util.global private @k = dense<1.000000e+00> : tensor<2xf32>
  util.global private @none : tensor<2xf32>
  util.global private @a {noinline, x.of = #hal.device.affinity<@d>} = #flow.parameter.named<"lora"::"a"> : tensor<i64>
  util.global private @e = #flow.parameter.named<"model"::"e"> : tensor<2xbf16, #x.encoding<a>>
  util.global private @long = dense<LONG> : tensor<4xf32>
  module @inner {
    util.global private @w = #stream.parameter.named<"model"::"inner"> : tensor<4x3xf32>
  }
  func.func @main() {
    util.global.load @w : tensor<4x3xf32>
  }
}
"""


def read(text: str) -> list[Parameter]:
    return parameters.read(io.BytesIO(text.encode()))


def test_the_globals_of_the_program_are_found_in_order() -> None:
    found = read(PRINTED.replace("LONG", "0" * 100_000))
    assert [(each.key, str(each.type)) for each in found] == [
        ("w", "4x3xf32"),
        ("no.scope", "5xsi8"),
        ("a", "i64"),
        ("e", "2xbf16"),
    ]
    assert found[0].type == TensorType.parse("4x3xf32")


@pytest.mark.parametrize(
    "value",
    [
        '#stream.parameter.named<"model"::"w"> : i32',
        '#stream.parameter.named<"model"::"w"> : tensor<?xf32>',
        '#stream.parameter.named<"model"::"w"> : tensor<4xindex>',
        '#stream.parameter.named<"model"::"a "quoted" w"> : tensor<4xf32>',
        "#stream.parameter.named<3> : tensor<4xf32>",
    ],
)
def test_what_cannot_be_read_is_an_error(value: str) -> None:
    with pytest.raises(IntegrityError, match=r"^Cannot read a parameter of the program: "):
        read(f"module {{\n  util.global private @w = {value}\n}}\n")
