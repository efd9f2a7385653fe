import itertools
import os
import re
import tracemalloc
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from harness.core.errors import IntegrityError
from harness.core.tensors import ELEMENT_BITS, TensorType
from harness.pipeline.tensor_files import file_type


def test_what_iree_cannot_read_is_refused(tmp_path: Path) -> None:
    refused = [
        (np.zeros((2, 2), order="F"), "Fortran order; expected C order"),
        (np.zeros(2, ">f4"), "big-endian (>f4); expected little-endian"),
        (np.array([None]), "expected one of"),
        (np.zeros(2, [("a", "<f4")]), "expected one of"),
        (np.zeros(2, np.longdouble), "expected one of"),
        (np.ones(1, ml_dtypes.bfloat16), "Store bf16 and f8 as raw contents"),
    ]
    for array, message in refused:
        np.save(tmp_path / "a.npy", array, allow_pickle=True)
        with pytest.raises(IntegrityError, match=re.escape(message)) as caught:
            file_type(tmp_path / "a.npy", None, is_npy=True)
        assert f"{tmp_path / 'a.npy'}" in str(caught.value)


def headed(header: bytes) -> bytes:
    return b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header


SHAPED = b"{'descr': '<f4', 'fortran_order': False, 'shape': %s}"
SHAPES = [b"('3',)", b"(-1,)", b"(True,)", b"(1.5,)", b"(3)", b"(%d,)" % 2**63, b"(1,)*9", b"(%s)" % (b"1," * 65)]
HEADERS = [b"\0", b"{", b"3", b"[]", b"{}", b"-" * 9000 + b"1", b"(" * 9000, b"exit()", b"\x93" * 65535]
GOOD = SHAPED % b"(1,)"
OTHERS = [
    headed(GOOD.replace(b"False", b"None")),
    b"\x93NUMPY\3\0" + len(GOOD).to_bytes(4, "little") + GOOD,
    b"0" * 200,
]


def test_a_hostile_header_is_refused(tmp_path: Path) -> None:
    for contents in [*(headed(SHAPED % shape) for shape in SHAPES), *map(headed, HEADERS), *OTHERS]:
        (tmp_path / "a.npy").write_bytes(contents)
        with pytest.raises(IntegrityError, match=r"a\.npy"):
            file_type(tmp_path / "a.npy", None, is_npy=True)


def test_a_huge_header_and_a_huge_shape_cost_no_memory(tmp_path: Path) -> None:
    (tmp_path / "wide.npy").write_bytes(headed(SHAPED % (b"(%d, 4)" % 2**62)))
    (tmp_path / "long.npy").write_bytes(b"\x93NUMPY\2\0" + (1 << 30).to_bytes(4, "little"))
    os.truncate(tmp_path / "long.npy", 1 << 31)
    tracemalloc.start()
    with pytest.raises(IntegrityError, match="only 10000 of them"):
        file_type(tmp_path / "long.npy", None, is_npy=True)
    with pytest.raises(IntegrityError, match=f"expected {2**66} bytes"):
        file_type(tmp_path / "wide.npy", None, is_npy=True)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 1 << 20


@pytest.mark.parametrize(("dtype", "agreeing"), [("<i4", "i32 si32 ui32"), ("<u4", "i32 ui32"), ("?", "i1")])
def test_the_header_must_agree_with_the_declared_type(tmp_path: Path, dtype: str, agreeing: str) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.zeros(2, dtype))
    agree = [TensorType(shape=(2,), element=element) for element in agreeing.split()]
    for shape, element in itertools.product([(2,), (1, 2), (3,), ()], ELEMENT_BITS):
        declared = TensorType(shape=shape, element=element)
        if declared in agree:
            assert file_type(path, declared, is_npy=True) == file_type(path, None, is_npy=True)
        else:
            with pytest.raises(IntegrityError, match=f"the spec says {declared}"):
                file_type(path, declared, is_npy=True)


@pytest.mark.parametrize("change", [-1, 1])
def test_a_file_must_be_as_long_as_its_type(tmp_path: Path, change: int) -> None:
    array, declared = np.zeros(4, "<f4"), TensorType.parse("4xf32")
    array.tofile(tmp_path / "a.bin")
    np.save(tmp_path / "a.npy", array)
    for path, offset in ((tmp_path / "a.bin", 0), (tmp_path / "a.npy", 128)):
        assert file_type(path, declared, is_npy=path.suffix == ".npy") == (declared, offset)
        os.truncate(path, path.stat().st_size + change)
        with pytest.raises(IntegrityError, match=f"{path} .* expected 16 bytes for 4xf32, got {16 + change}"):
            file_type(path, declared, is_npy=path.suffix == ".npy")
