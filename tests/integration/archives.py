"""Writes archives of weights as other tools do."""

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray[Any, Any]]
_ALIGNMENT = 32


def safetensors(arrays: Arrays) -> bytes:
    """Return an archive of floats: https://github.com/huggingface/safetensors#format."""
    header, data = {}, b""
    for name, array in arrays.items():
        kind = f"F{8 * array.itemsize}"
        where = [len(data), len(data) + array.nbytes]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": where}
        data += array.tobytes()
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def gguf(arrays: Arrays) -> bytes:
    """Return an archive of f32: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md."""
    header, data = b"GGUF" + struct.pack("<IQQ", 3, len(arrays), 0), b""
    for name, array in arrays.items():
        header += struct.pack("<Q", len(name)) + name.encode() + struct.pack("<I", array.ndim)
        header += struct.pack(f"<{array.ndim}Q", *array.shape[::-1]) + struct.pack("<IQ", 0, len(data))
        data += _aligned(array.tobytes())
    return _aligned(header) + data


def _aligned(data: bytes) -> bytes:
    return data + bytes(-len(data) % _ALIGNMENT)
