import hashlib
import subprocess
import sys
import tracemalloc
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from harness.core.formulas import Formula
from harness.core.tensors import TensorType
from harness.pipeline import drawing
from harness.pipeline.contents import numpy_type


def formulas(seed: int, *types: str, coeff: float = 1.0, offset: float = 0.0) -> list[Formula]:
    found: list[Formula] = []
    for each in types:
        skipped = found[-1].skipped + found[-1].drawn if found else 0
        type_ = TensorType.parse(each)
        found.append(Formula(type=type_, seed=seed, skipped=skipped, coeff=coeff, offset=offset))
    return found


def drawn(formula: Formula, stream: drawing.Stream | None = None) -> bytes:
    return b"".join((stream or drawing.Stream()).chunks(formula))


# Of iree-org/iree-test-suites@612f936:torch_ops/generated.
TORCH_OPS = {
    "AB/Nx64xf32_64xNxf32": (0, 1, 0, "64x64xf32", "64x64xf32", "0931b77815d9954e", "164e9144de81434b"),
    "ABPlusC/64x64xf16": (9, 2, -1, "64x64xf16", "64x64xf16", "a40842dc91e414d8", "2b89769150f2dee6"),
    "GeluABPlusC/64x64xf32": (12, 0.1, -0.05, "64x64xf32", "64x64xf32", "2df99c4354dc0d6f", "01fc202ac4553b51"),
    "ConvForward/nhwc_hwcf": (1, 1, 0, "2x32x32x3xf16", "3x3x3x8xf16", "a86f3e6a98c5eb50", "10565e15923c207c"),
}


@pytest.mark.parametrize("name", TORCH_OPS)
def test_the_bytes_are_those_of_torch_ops(name: str) -> None:
    seed, coeff, offset, first, second, *digests = TORCH_OPS[name]
    pair = formulas(seed, first, second, coeff=coeff, offset=offset)
    stream = drawing.Stream()
    assert [hashlib.sha256(drawn(each, stream)).hexdigest()[:16] for each in pair] == digests
    assert hashlib.sha256(drawn(pair[1])).hexdigest()[:16] == digests[1], "alone, too"


@pytest.mark.parametrize(
    "element", ["f16", "bf16", "f32", "f64", "f8E4M3FNUZ", "i8", "si32", "ui8", "i1", "complex<f32>"]
)
def test_elements_are_converted_as_numpy_does(element: str) -> None:
    (formula,) = formulas(7, f"1000x{element}", coeff=100, offset=0.5)
    dtype = bool if element == "i1" else numpy_type(element)
    wanted = (100 * np.random.RandomState(7).rand(1000) + 0.5).astype(dtype)
    assert drawn(formula) == wanted.tobytes()


def test_a_stream_goes_on_and_back() -> None:
    first, second, third = formulas(3, "700000xf32", "5xf64", "4xbf16")
    rand = np.random.RandomState(3).rand
    wanted = [rand(700000).astype("f4"), rand(5), rand(4).astype(ml_dtypes.bfloat16)]
    stream = drawing.Stream()
    for formula, array in zip((third, first, second, third), (wanted[2], *wanted), strict=True):
        assert drawn(formula, stream) == array.tobytes()
    (other,) = formulas(4, "5xf64")
    assert drawn(other, stream) == np.random.RandomState(4).rand(5).tobytes()


def test_large_inputs_take_little_memory() -> None:
    (formula,) = formulas(0, "2048x2048xf32")
    tracemalloc.start()
    size = sum(map(len, drawing.Stream().chunks(formula)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (size, peak < size) == (formula.type.size_bytes, True)


def test_the_script_writes_the_same(tmp_path: Path) -> None:
    files = {
        f"input.{index}.bin": each for index, each in enumerate(formulas(5, "64xf16", "9xbf16", coeff=2, offset=-1))
    }
    subprocess.run([sys.executable, "-c", drawing.script(files)], cwd=tmp_path, check=True, timeout=60)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        name: drawn(each) for name, each in files.items()
    }
    assert "ml_dtypes" not in drawing.script({"a.bin": files["input.0.bin"]})
