"""A bundle as a file: `bundle.json`, then each content once, named by its SHA-256, in a tar that zstd compresses.

Nothing in it has a path, a mode or a time, so nothing can lead out of a folder, and equal contents give equal bytes.
"""

import hashlib
import sys
import tarfile
from collections.abc import Callable, Iterator
from typing import IO, BinaryIO

from harness.core.errors import IntegrityError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MANIFEST, MANIFEST_BYTES = "bundle.json", 64 << 20
_BLOCK, _CHUNK_BYTES = tarfile.BLOCKSIZE, 1 << 20
_END = bytes(2 * _BLOCK)
_WINDOW_LOG = 27  # 128 MiB of memory at most


class Writer:
    """Writes the members of a bundle into a file."""

    def __init__(self, file: BinaryIO) -> None:
        """Begin with nothing."""
        self._file = zstd.ZstdFile(file, "wb")

    def add(self, name: str, size_bytes: int, content: IO[bytes]) -> None:
        """Add a member; `content` has to have the size and, unless it is the manifest, the digest that `name` is.

        Raises:
            IntegrityError: it has another content.
        """
        header = tarfile.TarInfo(name)
        header.size, header.mode = size_bytes, 0o644
        self._file.write(header.tobuf(tarfile.GNU_FORMAT))
        digest, left = hashlib.sha256(), size_bytes
        while chunk := content.read(_CHUNK_BYTES):
            digest.update(chunk)
            left -= len(chunk)
            self._file.write(chunk)
        if left or name not in {MANIFEST, digest.hexdigest()}:
            raise IntegrityError("A file changed while it was packed; try again.")
        self._file.write(bytes(-size_bytes % _BLOCK))

    def close(self) -> None:
        """Write the end."""
        self._file.write(_END)
        self._file.close()


class Reader:
    """Reads the members of a bundle, which may come from anywhere, in their order."""

    def __init__(self, file: BinaryIO) -> None:
        """Begin at the start of a file."""
        options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}
        self._file = zstd.ZstdFile(file, "rb", options=options)

    def manifest(self) -> bytes:
        """Return the first member.

        Raises:
            ValueError: the file is no bundle.
        """
        name, size_bytes = self._header() or ("", 0)
        if name != MANIFEST or size_bytes > MANIFEST_BYTES:
            raise ValueError(f"its first member is not {MANIFEST}, or is too large")
        content = b"".join(self._content(size_bytes))
        self._skip(size_bytes)
        return content

    def contents(self, sizes: dict[str, int], sink: Callable[[str], BinaryIO]) -> None:
        """Write every other member into what `sink` returns for its digest, and compare it with its name.

        Args:
            sizes: the size of each content that is expected, by its digest.
            sink: returns an open file.

        Raises:
            ValueError: a content is missing, was not expected, is there twice, or is another one.
        """
        left = dict(sizes)
        while found := self._header():
            name, size_bytes = found
            if left.pop(name, None) != size_bytes:
                raise ValueError("a member is not in its manifest, is there twice, or has another size")
            digest = hashlib.sha256()
            with sink(name) as file:
                for chunk in self._content(size_bytes):
                    digest.update(chunk)
                    file.write(chunk)
            if digest.hexdigest() != name:
                raise ValueError(f"the content {name} is damaged")
            self._skip(size_bytes)
        if left:
            raise ValueError(f"{len(left)} of {len(sizes)} contents are missing")

    def _header(self) -> tuple[str, int] | None:
        """Return the name and the size of the next member; None at the end.

        Only headers of regular files are read, so no member can give another one a long name, or be a link.
        """
        block = self._read(_BLOCK)
        if block == bytes(_BLOCK):
            return None
        try:
            header = tarfile.TarInfo.frombuf(block, "ascii", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError) as error:
            raise ValueError(f"a header is not that of a tar ({error})") from error
        if header.type != tarfile.REGTYPE or header.size < 0:
            raise ValueError("a member is not a regular file")
        return header.name, header.size

    def _content(self, size_bytes: int) -> Iterator[bytes]:
        while size_bytes:
            chunk = self._read(min(size_bytes, _CHUNK_BYTES))
            size_bytes -= len(chunk)
            yield chunk

    def _skip(self, size_bytes: int) -> None:
        self._read(-size_bytes % _BLOCK)

    def _read(self, size_bytes: int) -> bytes:
        """Return so many bytes."""
        found = b""
        try:
            while len(found) < size_bytes and (more := self._file.read(size_bytes - len(found))):
                found += more
        except (zstd.ZstdError, EOFError) as error:
            raise ValueError(f"it is not compressed by zstd, or is damaged ({error})") from error
        if len(found) < size_bytes:
            raise ValueError("it ends too early")
        return found
