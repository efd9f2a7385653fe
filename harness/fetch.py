"""The only place that opens a network connection: a blob comes in whole and verified, or not at all.

    file:             stays where it is; the store remembers its digest
    http:, locked     ROOT/blobs/../<sha256 of the content>/blob
    http:, unlocked   the same, by way of ROOT/urls/../<sha256 of the URL>/url.json from its first download

No user, password or value of a query leaves this file but to the server that it is meant for.
"""

import contextlib
import functools
import hashlib
import json
import logging
import math
import re
import select
import socket  # noqa: TID251 - to end a connection, and for the name of its error
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx  # noqa: TID251 - this is the place
import tenacity

from harness import __version__
from harness.errors import FetchError, IntegrityError
from harness.model import Blob, FetchedBlob
from harness.process import Cancel, Cancelled
from harness.store import Entry, Store

BLOB, INDEX = "blob", "url.json"
_MAX_REDIRECTS = 10
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": f"iree-quality-harness/{__version__}"}
# A connection serves one response: what a server sends beyond its end is never taken for the next one.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=0)
_NO_URL = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError, OverflowError)
_IN_SPEC = "correct the URL in the spec"
_TRY_LATER = {408, 425, 429}
_MENDS = dict.fromkeys((401, 403), "check the right of access, and whether the credentials in the URL expired")
_MENDS |= dict.fromkeys((404, 410), f"it was moved or removed: {_IN_SPEC}")

for _name in ("httpx", "httpcore"):  # they log URLs and headers with the secrets in them
    logging.getLogger(_name).setLevel(logging.WARNING)

Progress = Callable[[Blob, int, int | None], None]
Trace = Callable[[str, Mapping[str, Any]], None]


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
        path = Path(unquote(urlsplit(blob.url).path))
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
            try:
                if self._client is None:
                    self._client = httpx.Client(headers=_HEADERS, limits=_LIMITS, timeout=self.retry.stall_s)
            except (ValueError, ImportError, OSError) as error:
                hint = "check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE"
                raise FetchError(f"The environment allows no connection ({error}); {hint}.") from error
            return self._client


@dataclass(eq=False)
class _AttemptError(Exception):
    """An attempt failed: how, and what the reader can do once all have. `wait_s` is the server's wish."""

    what: str
    _: KW_ONLY
    mend: str = "check the network and the proxy, or try later"
    raises: type[FetchError | IntegrityError] = FetchError
    again: bool = True
    wait_s: float | None = None


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
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, _AttemptError) and error.again),
            stop=tenacity.stop_after_attempt(self._retry.attempts) | tenacity.stop_before_delay(self._retry.deadline_s),
            wait=self._wait_s,
            before_sleep=self._tell,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            retrying(self._attempt, folder / BLOB, self._fetcher.client())
        except _AttemptError as error:
            raise error.raises(f"{self._failure(error)}; {error.mend}.") from error

    def _attempt(self, path: Path, client: httpx.Client) -> None:
        self.attempts, self._offset = self.attempts + 1, 0
        self._heed()
        with (
            _explained(),
            self._ended_by_cancel() as trace,
            contextlib.closing(_response(client, self._blob.url, trace)) as response,
        ):
            _check_head(response)
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

    @contextlib.contextmanager
    def _ended_by_cancel(self) -> Iterator[Trace]:
        """Yield what notes connections once they are made: an order to stop ends what waits for their bytes."""
        with contextlib.ExitStack() as connections:

            def trace(event: str, info: Mapping[str, Any]) -> None:
                if event == "connection.connect_tcp.complete" and self._fetcher.cancel is not None:
                    made = info["return_value"].get_extra_info("socket")
                    twin = connections.enter_context(socket.fromfd(made.fileno(), made.family, made.type))
                    connections.enter_context(self._fetcher.cancel.calling(functools.partial(_shut_down, twin)))

            yield trace

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
            raise _AttemptError(f"it took longer than {self._retry.deadline_s:g} s", again=False)

    def _wrong_content(self, wrong: str) -> _AttemptError:
        """Try again only if it is wrong in a new way: the same twice is no accident."""
        again = wrong not in self._wrong
        self._wrong.add(wrong)
        mend = "the content changed on the host, or a proxy alters it; compare with `harness lock`"
        return _AttemptError(wrong, mend=mend, raises=IntegrityError, again=again)

    def _wait_s(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome and state.outcome.exception()
        if isinstance(error, _AttemptError) and error.wait_s is not None:
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


def reachable(url: str, *, timeout_s: float = 5.0) -> str | None:
    """Return why a host does not answer, or None if it does, whatever it answers."""
    try:
        with httpx.Client(headers=_HEADERS, timeout=timeout_s) as client:
            client.head(url)
    except (*_NO_URL, httpx.TransportError, ValueError, ImportError, OSError) as error:
        return str(error) or type(error).__name__
    return None


def redacted(url: str) -> str:
    """Return a URL to show: without user, password, fragment and the values of its query. No I/O."""
    url = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in url)
    try:
        parts = urlsplit(url)
        _ = parts.port  # what is no number may be a piece of a password
    except ValueError:
        return f"{url.partition(':')[0]}:***"
    # A value without a name may end in equals signs, as base64 does.
    pairs = [each.rstrip("=").partition("=") for each in parts.query.split("&") if each]
    query = "&".join(f"{name}=***" if equals else "***" for name, equals, _ in pairs)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query, fragment=""))


def retry_after_s(value: str, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for, as a number or a date, or None. No I/O."""
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
        return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds())
    except (ValueError, OverflowError):
        return None


def _shut_down(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side was faster
        connection.shutdown(socket.SHUT_RDWR)


def _response(client: httpx.Client, url: str, trace: Trace) -> httpx.Response:
    """Return the response after all redirects; httpx would read the body of each, however long."""
    request = client.build_request("GET", url, extensions={"trace": trace})
    for _ in range(_MAX_REDIRECTS):
        response = client.send(request, stream=True)
        if response.next_request is None:
            return response
        response.close()
        scheme, request = request.url.scheme, response.next_request
        if request.url.scheme not in {"https", scheme}:
            what = f"it redirects from {scheme} to {redacted(str(request.url))}, which is refused"
            raise _AttemptError(what, mend=_IN_SPEC, again=False)
    raise _AttemptError(f"it redirects {_MAX_REDIRECTS} times and more", mend=_IN_SPEC, again=False)


def _check_head(response: httpx.Response) -> None:
    """Refuse all but 200 and plain bytes."""
    code, encoding = response.status_code, response.headers.get("Content-Encoding", "identity").lower()
    if code != httpx.codes.OK:
        what = f"the server answered {code} {httpx.codes.get_reason_phrase(code)}".rstrip()
        mend = _MENDS.get(code, "ask those who run the host")
        again = code in _TRY_LATER or httpx.codes.is_server_error(code)
        wait_s = retry_after_s(response.headers.get("Retry-After", ""), datetime.now(UTC))
        raise _AttemptError(what, mend=mend, again=again, wait_s=wait_s)
    if encoding != "identity":
        what = f"it comes {encoding}-encoded, though its plain bytes were asked for"
        raise _AttemptError(what, mend="correct the server or the proxy that does so", again=False)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turn the exceptions of httpx into ours."""
    try:
        yield
    except (*_NO_URL, httpx.TransportError) as error:
        what, causes = f"{type(error).__name__}: {' '.join(str(error).split())}", tuple(_causes(error))
        if any(isinstance(each, _NO_URL) for each in causes):  # whose text may have secrets
            raise _AttemptError("this is no URL to ask, or it redirects to none", mend=_IN_SPEC, again=False) from None
        if any(isinstance(each, socket.gaierror) for each in causes):
            what, mend = f"the host cannot be resolved ({error})", "check its name, DNS and the proxy"
            raise _AttemptError(what, mend=mend) from error
        if any(isinstance(each, ssl.SSLCertVerificationError) for each in causes):
            raise _AttemptError(what, mend="name the certificates in SSL_CERT_FILE", again=False) from error
        raise _AttemptError(what) from error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__context__


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
