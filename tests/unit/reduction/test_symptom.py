"""How programs fail, and whether smaller ones do so too."""

import pytest

from harness.reduction import symptom


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            """in.mlir:3:10: error: cannot lower 'chlo.tan': %3 = "chlo.tan"(%2) : (tensor<4x8xf32>) -> i32""",
            """0a1b.mlir:12:4: error: cannot lower 'chlo.tan': %0 = "chlo.tan"(%a) : (tensor<1xcomplex<f32>>) -> i32""",
        ),
        ("'stream.async.dispatch' op needs 65536 bytes", "'stream.async.dispatch' op needs 12 bytes"),
        ("iree-run-module crashed with SIGSEGV", "iree-run-module crashed with SIGSEGV"),
    ],
)
def test_messages_about_other_sizes_are_the_same(one: str, other: str) -> None:
    assert symptom.signature(one) == symptom.signature(other)


def test_messages_about_other_operations_are_not() -> None:
    one, other = (f"a.mlir:1:2: error: custom op '{name}' is unknown" for name in ("linalg.abs", "linalg.exp"))
    assert symptom.signature(one) != symptom.signature(other)
