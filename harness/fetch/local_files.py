"""Blobs at `file:` URLs, which are used where they are."""

import stat
from pathlib import Path

from harness.core.blobs import Blob, FetchedBlob
from harness.core.errors import FetchError
from harness.core.urls import redacted
from harness.store.store import Store


def fetched(blob: Blob, store: Store) -> tuple[Path, FetchedBlob]:
    """Return the file of a blob, and the blob as the results list it.

    Raises:
        FetchError: the file does not exist or cannot be read.
    """
    path = blob.local_path
    hint = "correct the path in the spec, or name its folder with --external-files"
    try:
        status = path.stat()  # `is_file` of Python 3.14 says no of what cannot be read
        if not stat.S_ISREG(status.st_mode):
            raise FetchError(f"{path}: not a file; {hint}.")
        sha256, size_bytes = store.digest(path), status.st_size
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # a path with a NUL is none
        raise FetchError(f"{path}: no such file; {hint}.") from error
    except OSError as error:
        raise FetchError(f"{path}: cannot read the file ({error.strerror}); check its permissions.") from error
    return path, FetchedBlob(url=redacted(blob.url), sha256=sha256, bytes=size_bytes)


def size_bytes(blob: Blob) -> int | None:
    """Return the size of the file of a blob, or None if there is no such file."""
    path = blob.local_path
    try:
        return path.stat().st_size if path.is_file() else None
    except (OSError, ValueError):
        return None
