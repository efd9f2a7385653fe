"""Remembers size, ETag and date of URLs between runs, as `url.json` in an entry of kind `urls` in the store."""

import contextlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from harness.core import records, strict_json
from harness.core.errors import DiskError
from harness.core.urls import index_key
from harness.core.values import frozen
from harness.store.entry import Entry
from harness.store.store import Store

KIND, INDEX = "urls", "url.json"
_MAX_BYTES = 1 << 16
_SHA256 = re.compile(r"[0-9a-f]{64}")


@frozen
class UrlRecord:
    """The content of a URL when it was last downloaded, and how the host described it.

    Attributes:
        url: the URL, without secrets.
        sha256: digest of the content.
        size: its size in bytes.
        etag: its ETag.
        md5: its MD5 according to the host, in hexadecimal.
        last_modified: its date, as in RFC 9110.
        source: the URL or mirror that served it, without secrets.
        private: whether downloading it may have needed credentials; the mirror server does not offer it then.
        fetched: when it was downloaded, as ISO 8601 in UTC.
    """

    url: str | None = None
    sha256: str
    size: int | None = None
    etag: str | None = None
    md5: str | None = None
    last_modified: str | None = None
    source: str | None = None
    private: bool = False
    fetched: str | None = None

    def write(self, store: Store, folder: Path) -> None:
        """Write the record into the folder of an entry."""
        store.files.write(folder / INDEX, json.dumps(asdict(self)).encode())


def read(store: Store, folder: Path) -> UrlRecord:
    """Return the record in a folder.

    Raises:
        OSError: there is no record.
        ValueError: the record is malformed.
    """
    found = records.read(UrlRecord, strict_json.loads(store.files.read(folder / INDEX, _MAX_BYTES)))
    if not _SHA256.fullmatch(found.sha256):
        raise ValueError(f"{folder / INDEX}: its sha256 is not 64 hexadecimal digits")
    return found


def note(store: Store, url: str, record: Callable[[], UrlRecord], *, sha256: str) -> UrlRecord:
    """Return the record of a URL; if there is none, or one of another content, store what `record` returns.

    A store that cannot be written does not keep it.
    """
    known: list[UrlRecord] = []

    def make(folder: Path) -> None:
        known.append(record())
        known[-1].write(store, folder)

    def is_current(entry: Entry) -> bool:
        with contextlib.suppress(OSError, ValueError):
            known.append(read(store, entry.path))
            return known[-1].sha256 == sha256
        return False

    try:
        store.provide(KIND, index_key(url), make, is_good=is_current, activity="recording a URL")
    except DiskError:
        return record()
    return known[-1]  # of the entry, which was read or made last
