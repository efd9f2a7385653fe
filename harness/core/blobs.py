"""Blobs: bytes by URL, before and after they are downloaded."""

import functools
import re
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from harness.core.floats import Number
from harness.core.urls import REMOTE
from harness.core.values import frozen

# The lock file of a folder of specs: digest and size of each remote blob.
LOCK_NAME = "blobs.lock.json"
_PLAIN = re.compile(r"[a-z0-9]+://[^/?#\[\]]*/(?:[^/?#]+/)*(\w[\w.-]*)", re.ASCII)  # a URL of a file, without a query


@frozen
class Blob:
    """Bytes by URL, and what the lock file says of them.

    Attributes:
        url: `https:`, `http:`, `s3:`, `gs:`, `hf:` or `file:`.
        sha256: digest of the content; None if the blob is not locked.
        size_bytes: size of the content; None if unknown.
        last_modified: the host's date of the locked content, in the format of RFC 9110.
    """

    url: str
    sha256: str | None = None
    size_bytes: int | None = None
    last_modified: str | None = None

    @property
    def name(self) -> str:
        """The last part of the URL's path."""
        return _name(self.url)

    @property
    def is_remote(self) -> bool:
        """Whether the URL is of a scheme that can be downloaded."""
        return self.url.partition(":")[0].lower() in REMOTE

    @property
    def local_path(self) -> Path:
        """The path that a `file:` URL names; no I/O."""
        return _local_path(self.url)


@functools.lru_cache(maxsize=1024)
def _local_path(url: str) -> Path:
    return Path(unquote(urlsplit(url).path))


@functools.lru_cache(maxsize=1024)  # each blob is asked for it again and again
def _name(url: str) -> str:
    if found := _PLAIN.fullmatch(url):
        return found[1]
    return PurePosixPath(urlsplit(url).path).name


@frozen
class BlobForecast:
    """What is known of a blob before it is downloaded.

    Attributes:
        blob: the blob.
        size_bytes: size of its content; None if unknown.
        is_present: whether all of it is on disk.
        partial_bytes: size on disk of an unfinished download.
    """

    blob: Blob
    size_bytes: int | None
    is_present: bool = False
    partial_bytes: int = 0

    @property
    def is_local(self) -> bool:
        """Whether the blob is a file on this machine, which is used where it is."""
        return self.blob.url.startswith("file:")

    @property
    def missing_bytes(self) -> int:
        """The bytes still to download; 0 if the size is unknown."""
        return 0 if self.is_present or self.is_local else max(0, (self.size_bytes or 0) - self.partial_bytes)


@frozen
class FetchEstimate:
    """The number of blobs to download, and their missing bytes as far as the sizes are known."""

    blobs: int
    bytes: int


@frozen
class FetchedBlob:
    """A blob as the results quote it.

    Attributes:
        url: URL of the blob, without secrets.
        sha256: digest of the content.
        bytes: size of the content.
        attempts: number of requests, the failed ones included; 0 if nothing was downloaded.
        resumed: whether an unfinished download was continued.
        cached: whether the cache already had the blob.
        source: the URL or mirror that the content came from, without secrets; None if nothing was downloaded.
        etag: the host's ETag of the content.
        md5: the host's MD5 of the content, in hexadecimal.
        last_modified: the host's date of the content, in the format of RFC 9110.
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


@frozen
class Fetched:
    """A blob on disk.

    Attributes:
        path: its file.
        blob: how the results quote it.
        seconds: time to find or download it.
    """

    path: Path
    blob: FetchedBlob
    seconds: Number
