"""Remembers size, ETag and date of URLs between runs.

ROOT/urls/../<key of the URL>/url.json    of a URL that no lock file knows, in an entry: it is held to this content
ROOT/notes/<key of the URL>.json          of any other, if there is no such entry: a file takes a tenth of the time
"""

import contextlib
import json
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from harness.core import strict_json
from harness.core.errors import DiskError
from harness.core.urls import index_key
from harness.core.values import frozen
from harness.host.beneath import Place
from harness.host.disk import disk_errors
from harness.store.store import Store

KIND, INDEX, NOTES = "urls", "url.json", "notes"
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
        store.files.write(folder / INDEX, self.text())

    def text(self) -> bytes:
        """Return the content of its file."""
        return json.dumps({name: getattr(self, name) for name in _FIELDS}).encode()


_FIELDS = tuple(each.name for each in fields(UrlRecord))


def read(store: Store, path: Place) -> UrlRecord:
    """Return the record in a file.

    Raises:
        OSError: there is no record.
        ValueError: the record is malformed.
    """
    from harness.core import records  # noqa: PLC0415 - it takes 10 ms to load, and the first fetch reads none

    known = records.read(UrlRecord, strict_json.loads(store.files.read(path, _MAX_BYTES)))
    if not _SHA256.fullmatch(known.sha256):
        raise ValueError(f"{store.root / path}: its sha256 is not 64 hexadecimal digits")
    return known


def noted(store: Store, key: str) -> UrlRecord | None:
    """Return the note of a URL by its `index_key`; None if there is none, or an entry."""
    return None if _has_entry(store, key) else _noted(store, key)


def found(store: Store, key: str) -> UrlRecord | None:
    """Return the record of a URL by its `index_key`, or None."""
    if _has_entry(store, key) and (entry := store.find(KIND, key)):
        with contextlib.suppress(OSError, ValueError):
            return read(store, entry.path / INDEX)
        return None
    return _noted(store, key)


def note_place(key: str) -> str:
    """Return where the note of a URL is beneath the folder of the store, whether it exists or not."""
    return f"{NOTES}/{_note_name(key)}"


def note(store: Store, url: str, record: Callable[[], UrlRecord], *, sha256: str) -> UrlRecord:
    """Return the record of a URL; if there is none, or one of another content, store what `record` returns.

    A store that cannot be written does not keep it.
    """
    key = index_key(url)
    has_entry = _has_entry(store, key)
    if (known := found(store, key) if has_entry else _noted(store, key)) and known.sha256 == sha256:
        return known
    made = record()
    with contextlib.suppress(DiskError), disk_errors(store.root):
        if has_entry:
            store.provide(KIND, key, lambda folder: made.write(store, folder), is_good=lambda _: False)
        else:
            with store.files.within(NOTES, makes=True) as notes:
                notes.write(_note_name(key), made.text())
    return made


def _note_name(key: str) -> str:
    return f"{key}.json"


def _noted(store: Store, key: str) -> UrlRecord | None:
    if store.files.may_have(place := note_place(key)):
        with contextlib.suppress(OSError, ValueError):
            return read(store, place)
    return None


def _has_entry(store: Store, key: str) -> bool:
    return store.files.may_have(store.place(KIND, key))
