"""Decodes bodies that a host or a proxy compressed although `identity` was requested (RFC 9110, section 8.4.1)."""

import zlib
from collections.abc import Iterator

from harness.fetch.source import AttemptError, Failure, Piece

CODINGS = {"gzip", "x-gzip"}
_GZIP = 16 + zlib.MAX_WBITS
_READ_BYTES, _PIECE_BYTES = 16 << 10, 256 << 10
_FREE_BYTES, _MOST_RATIO = 16 << 20, 100


def decoded(pieces: Iterator[Piece], size_bytes: int | None) -> Iterator[Piece]:
    """Yield the content of a gzip body, in pieces of at most 256 KiB.

    Args:
        pieces: the body as sent.
        size_bytes: expected size, at which the caller stops; if unknown, a body that grows too much is refused.

    Raises:
        AttemptError: the body is malformed, incomplete or grows too much.
    """
    member, sent, made = zlib.decompressobj(_GZIP), 0, 0
    for block in _blocks(pieces):
        sent += len(block)
        for content, current in _inflated(member, block):
            member, made = current, made + len(content)
            if size_bytes is None and made > _FREE_BYTES + _MOST_RATIO * sent:
                what = f"its gzip encoding makes more than {made} bytes of {sent}, and its size is unknown"
                raise AttemptError(Failure(what=what, fix="add its size to the lock file", retriable=False))
            if content:
                yield content
    if not member.eof:
        raise AttemptError(Failure(what="the gzip-encoded response ends before its content"))


def _blocks(pieces: Iterator[Piece]) -> Iterator[bytes]:
    """Yield small blocks: after each member of a body, what is left of a block is copied."""
    for piece in pieces:
        view = memoryview(piece)
        yield from (bytes(view[at : at + _READ_BYTES]) for at in range(0, len(view), _READ_BYTES))


def _inflated(member: "zlib._Decompress", block: bytes) -> Iterator[tuple[bytes, "zlib._Decompress"]]:
    """Yield content, each time with the member of the body that is being read."""
    is_full = False
    try:
        while block or is_full:
            if member.eof:
                member = zlib.decompressobj(_GZIP)
            content = member.decompress(block, _PIECE_BYTES)
            block = member.unused_data or member.unconsumed_tail
            is_full = len(content) == _PIECE_BYTES and not member.eof
            yield content, member
    except zlib.error as error:
        raise AttemptError(Failure(what=f"the response is not gzip-encoded as it says ({error})")) from error
