"""Reads what AMD's code objects say about their kernels: an ELF file with a note in MessagePack.

The layout is that of LLVM's AMDGPUUsage, "Code Object Metadata", which IREE's compiler writes in all releases.
"""

import struct
from collections.abc import Iterator

import msgspec

from harness.core.errors import IntegrityError
from harness.core.values import frozen

_MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little-endian
_SECTIONS_AT, _SECTIONS = 0x28, 0x3A  # where the header says where sections are; how large they are and how many
_SECTION = struct.Struct("<IIQQQQ")  # name, type, flags, address, offset, size
_NOTE = struct.Struct("<III")  # bytes of the owner and of the content, type
_NOTES, _OWNER, _METADATA = 7, b"AMDGPU\0", 32


@frozen
class Launch:
    """How a kernel has to be launched.

    Attributes:
        name: the kernel.
        workgroup_size: number of its threads in each dimension, or at most in all.
        arguments: for each argument, its offset and size in bytes, and what it is.
        argument_bytes: size of all arguments.
    """

    name: str
    workgroup_size: tuple[int, ...]
    arguments: tuple[tuple[int, int, str], ...]
    argument_bytes: int


class _Argument(msgspec.Struct):
    offset: int = msgspec.field(name=".offset")
    size: int = msgspec.field(name=".size")
    kind: str = msgspec.field(name=".value_kind")


class _Kernel(msgspec.Struct):
    name: str = msgspec.field(name=".name")
    most_threads: int = msgspec.field(name=".max_flat_workgroup_size")
    argument_bytes: int = msgspec.field(name=".kernarg_segment_size")
    arguments: tuple[_Argument, ...] = msgspec.field(name=".args", default=())
    threads: tuple[int, ...] = msgspec.field(name=".reqd_workgroup_size", default=())


class _Metadata(msgspec.Struct):
    kernels: tuple[_Kernel, ...] = msgspec.field(name="amdhsa.kernels")


def launches(code: bytes) -> dict[str, Launch]:
    """Return how each kernel of a code object has to be launched, by name.

    Raises:
        IntegrityError: it is no code object of an AMD GPU.
    """
    try:
        content = next(content for owner, type_, content in _notes(code) if (owner, type_) == (_OWNER, _METADATA))
        metadata = msgspec.msgpack.decode(content, type=_Metadata)
    except StopIteration:
        raise IntegrityError("The code object says nothing about its kernels.") from None
    except (struct.error, OverflowError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise IntegrityError(f"The code object is damaged: {error}.") from error
    return {each.name: _launch(each) for each in metadata.kernels}


def _launch(kernel: _Kernel) -> Launch:
    return Launch(
        name=kernel.name,
        workgroup_size=kernel.threads or (kernel.most_threads,),
        arguments=tuple((each.offset, each.size, each.kind) for each in kernel.arguments),
        argument_bytes=kernel.argument_bytes,
    )


def _notes(code: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    """Yield owner, type and content of each note."""
    if not code.startswith(_MAGIC):
        raise IntegrityError("The code object is no ELF file of 64 bits.")
    (start,) = struct.unpack_from("<Q", code, _SECTIONS_AT)
    size, count = struct.unpack_from("<HH", code, _SECTIONS)
    for index in range(count):
        _, type_, _, _, at, length = _SECTION.unpack_from(code, start + index * size)
        if type_ == _NOTES:
            yield from _notes_of(code[at : at + length])


def _notes_of(section: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    at = 0
    while at < len(section):
        owner_bytes, content_bytes, type_ = _NOTE.unpack_from(section, at)
        owner_at = at + _NOTE.size
        content_at = owner_at + _aligned(owner_bytes)
        at = content_at + _aligned(content_bytes)
        yield section[owner_at : owner_at + owner_bytes], type_, section[content_at : content_at + content_bytes]


def _aligned(size: int) -> int:
    return (size + 3) & ~3
