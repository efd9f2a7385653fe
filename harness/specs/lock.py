"""The lock file of a folder of specs: digest and size of each remote blob."""

import json
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from harness.core import strict_json, urls
from harness.core.blobs import Blob, FetchedBlob
from harness.core.cases import EMPTY
from harness.core.errors import UsageError
from harness.core.values import frozen
from harness.host import files

_MAX_BYTES = 8 << 20
_MAX_SIZE = 1 << 63
_SHA256 = re.compile(r"[0-9a-f]{64}")


@frozen
class LockedBlob:
    """What the lock file has of one URL.

    Attributes:
        sha256: of the content.
        size: in bytes.
        etag: the host's ETag of that content, if any.
        last_modified: the host's date of that content, as RFC 9110 writes it, if any.
        md5: the host's MD5 of that content, if any.
    """

    sha256: str
    size: int
    etag: str | None = None
    last_modified: str | None = None
    md5: str | None = None


Lock = Mapping[str, LockedBlob]


def read(path: Path) -> Lock:
    """Return what a lock file has, by URL; nothing if there is no such file.

    Raises:
        UsageError: the file is not a valid lock file.
    """
    try:
        found = _parsed(files.read(path, _MAX_BYTES))
    except FileNotFoundError:
        return EMPTY
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path}: not a valid lock file ({files.reason(error)}); "
            'expected {URL: {"sha256": ..., "size": ...}}. Correct it, or remove it and run `harness lock`.'
        ) from error
    return found


def _parsed(content: bytes) -> Lock:
    """Return the lock in the content of a file.

    Raises:
        ValueError: it is not valid.
    """
    from harness.core import records  # noqa: PLC0415 - as slow to import as all of harness.specs.reader

    found = records.read(dict[str, LockedBlob], strict_json.loads(content))
    for url, each in found.items():
        if not _SHA256.fullmatch(each.sha256):
            raise ValueError(f"{url}: its sha256 is not 64 hexadecimal digits in lower case")
        if not 0 <= each.size < _MAX_SIZE:
            raise ValueError(f"{url}: its size is not a number of bytes")
    return found


def text(lock: Lock, fetched: Mapping[str, FetchedBlob]) -> str:
    """Return the text of the lock file with fetched blobs added, by URL; URLs with secrets in them are not written."""
    named = ((urls.lock_key(url), blob) for url, blob in fetched.items())
    known = {url: _entry(blob) for url, blob in lock.items()}
    new = {key: _updated(lock.get(key), blob) for key, blob in named if key is not None}
    return json.dumps(known | new, indent=1, sort_keys=True) + "\n"


def blob(url: str, known: LockedBlob) -> Blob:
    """Return the blob of a URL in the lock file."""
    return Blob(url=url, sha256=known.sha256, size_bytes=known.size, last_modified=known.last_modified)


def locked(url: str, fetched: FetchedBlob) -> Blob:
    """Return the blob of a URL as it is after what was fetched has been locked."""
    return Blob(url=url, sha256=fetched.sha256, size_bytes=fetched.bytes, last_modified=fetched.last_modified)


def _updated(known: LockedBlob | None, fetched: FetchedBlob) -> dict[str, Any]:
    """Return the entry of a fetched blob; what the host did not say this time is kept if the content is the same."""
    new = LockedBlob(
        sha256=fetched.sha256,
        size=fetched.bytes,
        etag=fetched.etag,
        last_modified=fetched.last_modified,
        md5=fetched.md5,
    )
    is_same = known is not None and known.sha256 == new.sha256
    return (_entry(known) if known and is_same else {}) | _entry(new)


def _entry(blob: LockedBlob) -> dict[str, Any]:
    values = {each.name: getattr(blob, each.name) for each in fields(blob)}
    return {name: value for name, value in values.items() if value is not None and value != ""}
