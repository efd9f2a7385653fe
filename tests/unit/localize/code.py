"""Code objects for tests, with as much of an ELF file as says how kernels are launched."""

import struct
from typing import Any

import msgspec


def code_object(*kernels: dict[str, Any]) -> bytes:
    """Return a code object whose note has the metadata of kernels."""
    content = msgspec.msgpack.encode({"amdhsa.version": [1, 2], "amdhsa.kernels": list(kernels)})
    padded = content + bytes(-len(content) % 4)
    note = struct.pack("<III", 7, len(content), 32) + b"AMDGPU\0\0" + padded
    head = b"\x7fELF\x02\x01".ljust(0x28, b"\0") + struct.pack("<Q", 64 + len(note))
    head = head.ljust(0x3A, b"\0") + struct.pack("<HHH", 64, 2, 0)
    sections = bytes(64) + struct.pack("<IIQQQQ", 0, 7, 0, 0, 64, len(note)).ljust(64, b"\0")
    return head.ljust(64, b"\0") + note + sections


def kernel(name: str, *, threads: tuple[int, ...] = (64, 1, 1), buffers: int = 3) -> dict[str, Any]:
    """Return the metadata of a kernel that takes buffers."""
    arguments = [{".offset": 8 * index, ".size": 8, ".value_kind": "global_buffer"} for index in range(buffers)]
    return {
        ".name": name,
        ".max_flat_workgroup_size": 64,
        ".kernarg_segment_size": 8 * buffers,
        ".args": arguments,
        **({".reqd_workgroup_size": list(threads)} if threads else {}),
    }
