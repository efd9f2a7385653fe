"""What URLs had when they were last asked, for other blobs' sake: ROOT/urls/../<key of the URL>/url.json in a store."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from harness.core.errors import DiskError
from harness.core.urls import index_key
from harness.store.entry import Entry
from harness.store.store import Store

KIND, INDEX = "urls", "url.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlRecord:
    """What a URL had: its content, what the host said of it, whence it came and when.

    `url` and `source` have no secrets; `private` says that it may have taken credentials, and so is not for everybody.
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

    def write(self, folder: Path) -> None:
        """Write it as an entry's file."""
        (folder / INDEX).write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")


def read(folder: Path) -> UrlRecord:
    """Return what a folder says.

    Raises:
        OSError, ValueError: it says nothing.
    """
    said: Any = json.loads((folder / INDEX).read_bytes())
    names = {each.name for each in fields(UrlRecord)}
    match said:
        case {"sha256": str()}:
            return UrlRecord(**{name: value for name, value in said.items() if name in names})
    raise ValueError(f"{folder / INDEX}: it names no content")


def note(store: Store, url: str, record: Callable[[], UrlRecord], *, sha256: str) -> UrlRecord:
    """Return what is known of a URL; learn it if that is another content, or nothing.

    In a store that cannot be written, it is known this once.
    """

    def make(folder: Path) -> None:
        record().write(folder)

    def is_of_it(entry: Entry) -> bool:
        return read(entry.path).sha256 == sha256

    try:
        return read(store.provide(KIND, index_key(url), make, is_good=is_of_it).path)
    except DiskError:
        return record()
