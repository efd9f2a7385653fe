from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

from harness.core.errors import DiskError, HarnessError, IntegrityError, ToolError
from harness.core.tensors import TensorType
from harness.host.cancel import Cancelled, CancelToken
from harness.pipeline import random_weights
from harness.pipeline.contents import numpy_type
from harness.pipeline.tools import LocalTools

# Prints programs as iree-opt does: they are in text already.
IREE_OPT = """#!/bin/sh
cp "$1" "$6"
"""


@pytest.fixture
def maker(tmp_path: Path) -> random_weights.Maker:
    program = tmp_path / "iree-opt"
    program.write_text(IREE_OPT)
    program.chmod(0o755)
    return random_weights.Maker(iree_opt=program, tools=LocalTools(), timeout_s=30, cancel=CancelToken())


def made(maker: random_weights.Maker, tmp_path: Path, *types: str, seed: int = 3) -> bytes:
    lines = (
        f'  util.global private @w{index} = #stream.parameter.named<"w{index}"> : tensor<{each}>\n'
        for index, each in enumerate(types)
    )
    program, folder = tmp_path / "program.mlir", tmp_path / "made"
    program.write_text(f"module {{\n{''.join(lines)}}}\n")
    folder.mkdir()
    maker.make([("clip.mlir", program)], seed, folder)
    assert [path.name for path in folder.iterdir()] == ["weights.irpa"]
    return (folder / "weights.irpa").read_bytes()


def test_one_generator_draws_all_in_order(maker: random_weights.Maker, tmp_path: Path) -> None:
    content = made(maker, tmp_path, "300000xf16", "5xi8", "3xsi64", "2x2xbf16", "7xui16", "3xf8E4M3FNUZ", "1xi32")
    generator = np.random.default_rng(3)
    wanted: list[npt.NDArray[Any]] = [
        generator.normal(loc=0, scale=0.01, size=300_000).astype(np.float16),
        generator.integers(-128, 127, size=5, dtype=np.int8),
        generator.integers(-(2**63), 2**63 - 1, size=3, dtype=np.int64),
        generator.normal(loc=0, scale=0.01, size=(2, 2)).astype(ml_dtypes.bfloat16),
        generator.integers(0, 2**16 - 1, size=7, dtype=np.uint16),
        generator.normal(loc=0, scale=0.01, size=3).astype(ml_dtypes.float8_e4m3fnuz),
        generator.integers(-(2**31), 2**31 - 1, size=1, dtype=np.int32),
    ]
    stored = b"".join(each.tobytes().ljust(-(-each.nbytes // 64) * 64, b"\0") for each in wanted)
    assert content[4096:].rstrip(b"\0") == stored.rstrip(b"\0")
    assert len(content) % 4096 == 0


@pytest.mark.parametrize("element", ["f64", "f32", "f8E4M3FN", "i64", "ui8"])
def test_a_piece_at_a_time_is_the_same_as_all_at_once(element: str) -> None:
    type_ = TensorType.parse(f"700001x{element}")
    again, dtype = np.random.default_rng(1), numpy_type(element)
    if element.startswith("f"):
        wanted = again.normal(loc=0, scale=0.01, size=700_001).astype(dtype)
    else:
        limits = np.iinfo(dtype)
        wanted = again.integers(limits.min, limits.max, size=700_001, dtype=dtype.type)
    assert b"".join(random_weights.drawn(np.random.default_rng(1), type_)) == wanted.tobytes()


@pytest.mark.parametrize(
    ("type_", "error", "message"),
    [
        ("4xi4", IntegrityError, "The parameter w0 cannot be random: its type is 4xi4; expected elements of bf16, "),
        ("4xcomplex<f32>", IntegrityError, "Cannot read a parameter of the program"),
        ("65536x65537xi8", IntegrityError, "it has 4.3 GB; expected at most 4 GB of integers"),
        ("1048576x1048576x1024xf32", DiskError, "do not fit on the disk"),
        ("?xf32", IntegrityError, "Cannot read a parameter of the program"),
    ],
)
def test_what_cannot_be_drawn_is_an_error(
    maker: random_weights.Maker, tmp_path: Path, type_: str, error: type[HarnessError], message: str
) -> None:
    with pytest.raises(error, match=message):
        made(maker, tmp_path, type_)


def test_a_program_without_parameters_is_an_error(maker: random_weights.Maker, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match=r"^No program has parameters; remove 'random'"):
        made(maker, tmp_path)


def test_a_program_that_cannot_be_printed_is_an_error(maker: random_weights.Maker, tmp_path: Path) -> None:
    maker.iree_opt.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(ToolError, match=r"^clip.mlir: iree-opt does not print this program"):
        made(maker, tmp_path, "4xf32")


def test_an_order_to_stop_ends_it(maker: random_weights.Maker, tmp_path: Path) -> None:
    maker.iree_opt.write_text(IREE_OPT)
    maker.cancel.set()
    with pytest.raises(Cancelled):
        made(maker, tmp_path, "4xf32")


def test_the_key_is_of_the_programs_and_the_seed() -> None:
    keys = [random_weights.key(*each) for each in ((["a"], 0), (["a"], 1), (["b"], 0), (["a", "b"], 0))]
    assert len(set(keys)) == len(keys)
    assert random_weights.key(["a"], 0) == keys[0]
