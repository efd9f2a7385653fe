"""Blobs: bytes by URL, what is known of them, and what came of fetching them."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

# The lock file of a folder of specs: what is known of each remote blob.
LOCK_NAME = "blobs.lock.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """Bytes by URL (`https:`, `file:`, `s3:`, ...) and what a lock knows of them.

    `last_modified` is the host's date of the content that was locked, as RFC 9110 writes it.
    """

    url: str
    sha256: str | None = None
    size_bytes: int | None = None
    last_modified: str | None = None

    @property
    def name(self) -> str:
        """The last part of the URL's path."""
        return PurePosixPath(urlsplit(self.url).path).name

    @property
    def local_path(self) -> Path:
        """The path that a `file:` URL names; no I/O."""
        return Path(unquote(urlsplit(self.url).path))


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobForecast:
    """What is known of a blob before any of it is fetched.

    `size_bytes` is None if unknown; `is_present` says whether all of it is on disk; `partial_bytes` is the size on disk
    of an unfinished download.
    """

    blob: Blob
    size_bytes: int | None
    is_present: bool = False
    partial_bytes: int = 0

    @property
    def is_local(self) -> bool:
        """Whether it is a file of this machine, which stays where it is."""
        return self.blob.url.startswith("file:")

    @property
    def missing_bytes(self) -> int:
        """The bytes still to download, as far as the size is known."""
        return 0 if self.is_present or self.is_local else max(0, (self.size_bytes or 0) - self.partial_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedBlob:
    """A blob as the results quote it: where it came from, and how hard it was to get.

    `attempts` counts requests that failed, and the one that did not; `source` is the mirror that had it, or the URL.
    """

    url: str
    sha256: str
    bytes: int
    attempts: int = 0
    resumed: bool = False
    cached: bool = False
    source: str | None = None
    etag: str | None = None
    md5: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """Where a blob is, how the results quote it, and how long it took to have it."""

    path: Path
    blob: FetchedBlob
    seconds: float
