"""Has blobs on disk: one comes in whole and verified, or not at all.

    file:             stays where it is; the store remembers its digest
    http:, locked     ROOT/blobs/../<sha256 of the content>/blob
    http:, unlocked   the same, by way of ROOT/urls/../<sha256 of the URL>/url.json from its first download

What no lock vouches for is trusted once, and held to as long as the store has it.
"""

import hashlib
import json
import math
import re
import select
import threading
import time
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx  # noqa: TID251 - for the types of what `connection` lends
import tenacity

from harness import connection
from harness.connection import AttemptError, redacted
from harness.errors import FetchError, IntegrityError
from harness.folders import local_path
from harness.model import Blob, FetchedBlob
from harness.process import Cancel, Cancelled
from harness.store import Entry, Store

BLOB, INDEX = "blob", "url.json"
Progress = Callable[[Blob, int, int | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How long to try. Attempt n is followed by a wait of up to `first_wait_s * 2**(n-1)`, by chance.

    `stall_s` without a byte end an attempt; `deadline_s` end all attempts at a blob together.
    """

    attempts: int = 6
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    stall_s: float = 30.0
    deadline_s: float = 6 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """Where a blob is, how the results quote it, and how long it took to have it."""

    path: Path
    blob: FetchedBlob
    seconds: float


@dataclass(eq=False)
class Fetcher:
    """Has blobs on disk, for any number of threads; what several want is downloaded once.

    `notice` is told, in any thread, a line on each failed attempt and on content that no lock vouches for;
    `progress` the blob, its bytes so far and, where known, in all. `cancel` is heeded with every piece
    that comes, at the latest after `retry.stall_s`.
    """

    store: Store
    _: KW_ONLY
    notice: Callable[[str], None]
    offline: bool = False
    retry: Retry = Retry()
    progress: Progress = lambda *_: None
    cancel: Cancel | None = None
    _client: httpx.Client | None = field(default=None, init=False)
    _mutex: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __enter__(self) -> Self:
        """Return itself, which opens no connection yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close its connections."""
        if self._client is not None:
            self._client.close()

    def fetch(self, blob: Blob) -> Fetched:
        """Return the blob's file, which is not to be written to.

        Raises:
            FetchError: it cannot be had.
            IntegrityError: it is not what the lock says.
            DiskError: no space is left or the store cannot be written.
            Cancelled: the order came first.
        """
        started = time.monotonic()
        match blob.url.partition(":")[0].lower():
            case "file":
                path, fetched = self._local(blob)
            case "http" | "https":
                path, fetched = self._locked(blob, blob.sha256) if blob.sha256 else self._unlocked(blob)
            case _:
                raise FetchError(f"{redacted(blob.url)}: the URL has no known scheme; expected https, http or file.")
        if wrong := _difference(blob, fetched.sha256, fetched.bytes):
            raise IntegrityError(f"{fetched.url}: {wrong}; correct the file, or the lock with `harness lock`.")
        return Fetched(path=path, blob=fetched, seconds=time.monotonic() - started)

    def _local(self, blob: Blob) -> tuple[Path, FetchedBlob]:
        path = local_path(blob)
        try:
            if not path.is_file():
                what = "this is no file" if path.exists() else "there is no such file"
                raise FetchError(f"{path}: {what}; correct the path in the spec, or put the file there.")
            sha256, size_bytes = self.store.digest(path), path.stat().st_size
        except OSError as error:
            raise FetchError(f"{path}: the file cannot be read ({error.strerror}); check its rights.") from error
        return path, FetchedBlob(url=redacted(blob.url), sha256=sha256, bytes=size_bytes)

    def _locked(self, blob: Blob, sha256: str) -> tuple[Path, FetchedBlob]:
        url, download = redacted(blob.url), _Download(blob, self)
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise IntegrityError(f"{url}: {sha256!r} in the lock is no sha256; write it anew with `harness lock`.")
        entry = self.store.provide("blobs", sha256, download.into)
        told = {"sha256": entry.sha256(BLOB), "bytes": entry.files[BLOB]["bytes"], "cached": entry.cached}
        return entry.path / BLOB, FetchedBlob(url=url, attempts=download.attempts, **told)

    def _unlocked(self, blob: Blob) -> tuple[Path, FetchedBlob]:
        """Trust what comes first, and hold the URL to it for as long as the store has it."""
        download = _Download(blob, self)
        key = hashlib.sha256(blob.url.encode(errors="surrogatepass")).hexdigest()
        index = self.store.provide("urls", key, download.into_index, is_good=self._has_content)
        path, fetched = self._locked(replace(blob, sha256=_sha256(index)), _sha256(index))
        return path, replace(fetched, attempts=download.attempts, cached=index.cached)

    def _has_content(self, index: Entry) -> bool:
        return self.store.find("blobs", _sha256(index)) is not None

    def client(self) -> httpx.Client:
        """Return what all downloads share, made when first needed."""
        with self._mutex:
            if self._client is None:
                self._client = connection.new_client(stall_s=self.retry.stall_s)
            return self._client


class _Download:
    """A blob on its way into a folder, in as many attempts as it takes."""

    def __init__(self, blob: Blob, fetcher: Fetcher) -> None:
        self.attempts = 0
        self._blob, self._url, self._fetcher, self._retry = blob, redacted(blob.url), fetcher, fetcher.retry
        self._offset, self._ends, self._wrong = 0, math.inf, set[str]()
        self._learnt: dict[str, Any] = {}

    def into_index(self, folder: Path) -> None:
        """Download into the store what no lock knows, and leave in the folder what was learnt of it."""

        def move(place: Path) -> None:
            (folder / BLOB).replace(place / BLOB)

        self.into(folder)
        sha256 = self._learnt["sha256"]
        self._fetcher.store.provide("blobs", sha256, move)
        (folder / BLOB).unlink(missing_ok=True)  # another URL had brought the same content
        (folder / INDEX).write_text(json.dumps(self._learnt), encoding="utf-8")
        self._fetcher.notice(f"{self._url} is not in the lock: sha256:{sha256}, {self._offset} bytes")

    def into(self, folder: Path) -> None:
        """Download as a file into a folder."""
        if self._fetcher.offline:
            hint = "run `harness fetch` without --offline"
            raise FetchError(f"{self._url}: it is not in the store and the network is not to be used; {hint}.")
        self._ends = time.monotonic() + self._retry.deadline_s
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, AttemptError) and error.again),
            stop=tenacity.stop_after_attempt(self._retry.attempts) | tenacity.stop_before_delay(self._retry.deadline_s),
            wait=self._wait_s,
            before_sleep=self._tell,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            retrying(self._attempt, folder / BLOB, self._fetcher.client())
        except AttemptError as error:
            raise error.raises(f"{self._failure(error)}; {error.mend}.") from error

    def _attempt(self, path: Path, client: httpx.Client) -> None:
        self.attempts, self._offset = self.attempts + 1, 0
        self._heed()
        with connection.opened(client, self._blob.url, self._fetcher.cancel) as response:
            sha256 = self._receive(response, path)
        if wrong := _difference(self._blob, sha256, self._offset):
            raise self._wrong_content(wrong)
        if self._blob.sha256 is None and not {"content-length", "transfer-encoding"} & set(response.headers):
            self._fetcher.notice(
                f"{self._url}: the server says nowhere how long it is; whether it is whole is not known"
            )
        self._learnt = {
            "url": self._url,
            "sha256": sha256,
            "size": self._offset,
            "etag": response.headers.get("ETag"),
            "last_modified": response.headers.get("Last-Modified"),
            "fetched": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def _receive(self, response: httpx.Response, path: Path) -> str:
        """Write the body in the pieces in which it comes, of 64 KiB at most, and return its sha256."""
        digest, expected = hashlib.sha256(), self._blob.size_bytes
        announced = int(response.headers.get("Content-Length", 0))
        with path.open("wb") as file:
            for piece in response.iter_raw():
                self._heed()
                file.write(piece)
                digest.update(piece)
                self._offset += len(piece)
                if expected is not None and (least := max(self._offset, announced)) > expected:
                    raise self._wrong_content(f"its content is {least} bytes or more; expected {_expected(self._blob)}")
                self._fetcher.progress(self._blob, self._offset, announced or expected)
        return digest.hexdigest()

    def _heed(self) -> None:
        if self._fetcher.cancel is not None and self._fetcher.cancel.is_set():
            raise Cancelled
        if time.monotonic() > self._ends:
            raise AttemptError(f"it took longer than {self._retry.deadline_s:g} s", again=False)

    def _wrong_content(self, wrong: str) -> AttemptError:
        """Try again only if it is wrong in a new way: the same twice is no accident."""
        again = wrong not in self._wrong
        self._wrong.add(wrong)
        mend = "the content changed on the host, or a proxy alters it; compare with `harness lock`"
        return AttemptError(wrong, mend=mend, raises=IntegrityError, again=again)

    def _wait_s(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome and state.outcome.exception()
        if isinstance(error, AttemptError) and error.wait_s is not None:
            return min(error.wait_s, self._retry.longest_wait_s)
        return tenacity.wait_random_exponential(self._retry.first_wait_s, self._retry.longest_wait_s)(state)

    def _tell(self, state: tenacity.RetryCallState) -> None:
        self._heed()
        error = state.outcome and state.outcome.exception()
        self._fetcher.notice(f"{self._failure(error)}; next in {state.upcoming_sleep:.1f} s")

    def _failure(self, error: object) -> str:
        return f"{self._url}: {error} (attempt {self.attempts} of {self._retry.attempts}, at byte {self._offset})"

    def _sleep(self, seconds: float) -> None:
        poll = select.poll()
        if self._fetcher.cancel is not None:
            poll.register(self._fetcher.cancel, select.POLLIN)
        poll.poll(seconds * 1000)


def _difference(blob: Blob, sha256: str, size_bytes: int) -> str | None:
    """Return how a content is not what the lock says, or None. No I/O."""
    if blob.sha256 in {None, sha256} and blob.size_bytes in {None, size_bytes}:
        return None
    return f"its content is sha256:{sha256}, {size_bytes} bytes; expected {_expected(blob)}"


def _expected(blob: Blob) -> str:
    size = [] if blob.size_bytes is None else [f"{blob.size_bytes} bytes"]
    return ", ".join([f"sha256:{blob.sha256}"] * bool(blob.sha256) + size)


def _sha256(index: Entry) -> str:
    return str(json.loads((index.path / INDEX).read_bytes())["sha256"])
