"""Writes the head of an archive of parameters, an .irpa file; the contents of the parameters follow it.

The format is that of iree@d9f8f754:runtime/src/iree/schemas/parameter_archive.h: a header, a table of entries, their
names, and the storage, each a segment at an offset from the start of the file. Numbers are little-endian.
"""

import struct
from collections.abc import Mapping

ALIGNMENT = 64  # of the content of each parameter
FILE_ALIGNMENT = 4096  # of the storage, and of the size of the file
# Magic, major and minor version, size of the header, next header, flags; number of entries; three segments.
_HEADER = struct.Struct("<4s2H3QQ6Q")
# Size of the entry, its type, flags, name, metadata, alignment; where its content is in the storage.
_ENTRY = struct.Struct("<QIQ2Q2QQ2Q")
_OF_DATA = 2
_ENTRY_ALIGNMENT = 16


def head(sizes: Mapping[str, int]) -> bytes:
    """Return all that stands before the storage.

    Args:
        sizes: the size in bytes of each parameter, by its name. Each begins at a multiple of `ALIGNMENT` in the
            storage, in this order; the file ends at a multiple of `FILE_ALIGNMENT`.
    """
    entries, names, stored = bytearray(), bytearray(), 0
    for name, size in sizes.items():
        encoded = name.encode()
        fields = (_OF_DATA, 0, len(names), len(encoded), 0, 0, ALIGNMENT, stored, size)
        entries += _padded(_ENTRY.pack(_ENTRY.size, *fields), _ENTRY_ALIGNMENT)
        names += encoded
        stored = aligned(stored + size, ALIGNMENT)
    first = aligned(_HEADER.size, _ENTRY_ALIGNMENT)
    metadata = first + len(entries)
    storage = aligned(metadata + len(names), FILE_ALIGNMENT)
    segments = (first, len(entries), metadata, len(names), storage, stored)
    header = _HEADER.pack(b"IRPA", 0, 0, _HEADER.size, 0, 0, len(sizes), *segments)
    return _padded(_padded(header, _ENTRY_ALIGNMENT) + bytes(entries) + bytes(names), FILE_ALIGNMENT)


def aligned(size: int, alignment: int) -> int:
    """Return the next multiple of an alignment."""
    return -(-size // alignment) * alignment


def _padded(content: bytes, alignment: int) -> bytes:
    return content.ljust(aligned(len(content), alignment), b"\0")
