"""Reads objects of S3, Google Cloud Storage and the Hugging Face Hub through fsspec (the extra `remote`).

The libraries of these hosts find the credentials; without any, requests are anonymous.
"""

import asyncio
import base64
import contextlib
import functools
import importlib
import inspect
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError as FutureCancelledError
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from harness.core.values import frozen
from harness.fetch.object_store_errors import Access, explained
from harness.fetch.source import CORRECT_URL, MOVED, AttemptError, Failure, Head, Piece
from harness.fetch.watch import Watch
from harness.host import waiting
from harness.host.cancel import Cancelled, CancelToken

# Memory holds a piece about twice: 8 connections need about 64 MiB.
_PIECE_BYTES = 4 << 20
_FRESH = {"use_listings_cache": False, "skip_instance_cache": True}
_BEING_WRITTEN = "try again when nothing writes to it any more"

# Returns the fsspec file system of a scheme, given the seconds without a byte after which an attempt fails.
FileSystem = Callable[[str, float], Any]


@frozen
class _Range:
    """Arguments with which a file system reads a file; `fixed` if they identify one version of its content."""

    arguments: Mapping[str, Any]
    fixed: bool = False


def _current_version(_: Any, path: str, __: Mapping[str, Any]) -> _Range:
    return _Range(arguments={"path": path})


@frozen
class _Host:
    """What differs between hosts.

    Attributes:
        made: creates the file system, given the seconds without a byte after which an attempt fails.
        access: what its users need, for messages.
        range_of: returns how to read a file, given the file system, the path and what `info` returned.
    """

    made: Callable[[float], Any]
    access: Access
    range_of: Callable[[Any, str, Mapping[str, Any]], _Range] = _current_version


def filesystem(scheme: str, stall_s: float) -> Any:
    """Return the file system for all sources of a scheme."""
    with _MUTEX:
        return _shared(scheme, stall_s)


class ObjectSource:
    """A `Source` for `s3://BUCKET/KEY`, `gs://BUCKET/KEY` and `hf://[datasets/]ORG/NAME[@REVISION]/PATH`.

    A span takes several requests. They name a generation or commit, or else each is followed by a request for the
    current ETag, so that bytes of two versions are never combined.
    """

    def __init__(self, url: str, *, stall_s: float, filesystem: FileSystem = filesystem) -> None:
        """Prepare, without connecting. An attempt fails after `stall_s` seconds without a byte, if the library can.

        The first answer has to come within that time in any case.
        """
        self.url, self._stall_s = url, stall_s
        scheme, _, self._path = url.partition("://")
        self._host = _HOSTS[scheme.lower()]
        self._filesystem = functools.partial(filesystem, scheme.lower(), stall_s)

    @contextlib.contextmanager
    def opened(
        self,
        start: int,
        stop: int | None,
        known: Head | None,  # noqa: ARG002 - the libraries have no conditional requests; the caller compares
        cancel: CancelToken | None,
    ) -> Iterator[tuple[Head, Iterator[Piece]]]:
        """Read the bytes from `start` to before `stop`; see `Source`.

        Raises:
            AttemptError: it failed, here or while the pieces were read.
            Cancelled: `cancel` was set.
        """
        with explained(self._host.access):
            self._filesystem()  # to load a library may take longer than an answer
        with Watch(self._stall_s) as watch:
            try:
                info = self._info(cancel, watch.ended)
            except Cancelled:
                watch.check()
                raise
        size_bytes = info["size"]
        pieces = self._pieces(start, size_bytes if stop is None else min(stop, size_bytes), info, cancel)
        yield replace(_head(info), start=start), pieces

    def _pieces(self, start: int, stop: int, info: Mapping[str, Any], cancel: CancelToken | None) -> Iterator[Piece]:
        with explained(self._host.access):
            wanted = self._host.range_of(self._filesystem(), self._path, info)
        for at in range(start, stop, _PIECE_BYTES):
            piece = self._piece(wanted, at, min(stop, at + _PIECE_BYTES), cancel)
            if not wanted.fixed and (how := _head(info).differs(_head(self._info(cancel)))):
                raise AttemptError(Failure(what=f"it changed during the download: {how}", fix=_BEING_WRITTEN))
            yield piece

    def _piece(self, wanted: _Range, start: int, stop: int, cancel: CancelToken | None) -> bytes:
        try:
            piece = bytes(self._ask("cat_file", cancel, **wanted.arguments, start=start, end=stop))
        except AttemptError as error:
            if error.failure.fix != MOVED:
                raise
            # It existed at the start: another attempt shows if it still does.
            raise AttemptError(replace(error.failure, retriable=True)) from None
        if len(piece) != stop - start:
            raise AttemptError(Failure(what=f"received {len(piece)} bytes instead of {stop - start}"))
        return piece

    def _info(self, *cancels: CancelToken | None) -> Mapping[str, Any]:
        info: Mapping[str, Any] = self._ask("info", *cancels, path=self._path, refresh=True)
        if info.get("type") != "file":
            raise AttemptError(Failure(what="it is a folder, not a file", fix=CORRECT_URL, retriable=False))
        return info

    def _ask(self, method: str, *cancels: CancelToken | None, **arguments: Any) -> Any:
        """Call a method of the file system. Setting one of `cancels` ends the wait for it."""
        tokens = [each for each in cancels if each is not None]
        if any(each.is_set() for each in tokens):
            raise Cancelled
        with explained(self._host.access):
            filesystem = self._filesystem()
            if filesystem.async_impl:
                coroutine = getattr(filesystem, f"_{method}")(**arguments)
                call = asyncio.run_coroutine_threadsafe(coroutine, filesystem.loop)
            else:
                call = waiting.detached(functools.partial(getattr(filesystem, method), **arguments))
            with _cancelled_by(tokens, call):
                return waiting.result(call)


@contextlib.contextmanager
def _cancelled_by(tokens: Sequence[CancelToken], call: Future[Any]) -> Iterator[None]:
    def end() -> None:
        call.cancel()

    with contextlib.ExitStack() as stack:
        for token in tokens:
            stack.enter_context(token.calling(end))
        try:
            yield
        except FutureCancelledError:
            raise Cancelled from None


def _head(info: Mapping[str, Any]) -> Head:
    """Return the answer of a host from what `info` returned. No I/O.

    At Google the generation identifies the content; the `etag` also changes with the metadata. The ETag of S3 may look
    like an MD5 without being one.
    """
    tags = (info.get(name) for name in ("ETag", "blob_id", "xet_hash", "generation", "etag"))
    dates = (info.get("LastModified"), info.get("ctime"), getattr(info.get("last_commit"), "date", None))
    digest = info.get("md5Hash")
    return Head(
        ranged=True,
        total=int(info["size"]),
        etag=next((each if str(each).startswith('"') else f'"{each}"' for each in tags if each), None),
        last_modified=next((_http_date(each) for each in dates if isinstance(each, datetime)), None),
        md5=base64.b64decode(digest).hex() if digest else None,
    )


def _http_date(date: datetime) -> str:
    """Return a date in the format of RFC 9110, section 5.6.7."""
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return format_datetime(date.astimezone(UTC), usegmt=True)


def _s3(stall_s: float) -> Any:
    session = importlib.import_module("botocore.session").get_session()
    config = {"connect_timeout": stall_s, "read_timeout": stall_s, "retries": {"total_max_attempts": 1}}
    anonymous = session.get_credentials() is None
    made = importlib.import_module("s3fs").S3FileSystem(
        anon=anonymous, version_aware=True, config_kwargs=config, **_FRESH
    )
    made.retries = 1  # attempts (5 by default, in addition to those of botocore)
    return made


def _google(stall_s: float) -> Any:
    """Return a file system that becomes anonymous by itself where there are no credentials.

    gcsfs.GCSFileSystem would be its extended class, which asks over gRPC, past proxies. The class takes no number of
    retries: the decorator of its private `_request` makes 6 attempts in up to 35 s, unheard. The extra `remote` has
    upper bounds therefore, and a test looks for `_request`.
    """
    timeout = importlib.import_module("aiohttp").ClientTimeout(sock_connect=stall_s, sock_read=stall_s)
    kind = importlib.import_module("gcsfs.core").GCSFileSystem
    made = kind(access="read_only", requests_timeout=timeout, **_FRESH)
    made._request = functools.partial(inspect.unwrap(kind._request), made)  # noqa: SLF001 - see above
    return made


def _generation(_: Any, path: str, info: Mapping[str, Any]) -> _Range:
    return _Range(arguments={"path": path, "generation": info["generation"]}, fixed=True)


def _hugging_face(stall_s: float) -> Any:
    """Return a file system, which is anonymous without a token."""
    hub = importlib.import_module("huggingface_hub")
    hub.get_session().timeout = stall_s  # many of its requests set no timeout
    made = hub.HfFileSystem(expand_info=True, **_FRESH)
    made.isdir = lambda _: False  # or else it asks the Hub about the file again for every range
    return made


def _commit(hub: Any, path: str, info: Mapping[str, Any]) -> _Range:
    """Return how to read a file at its commit. With its size, the folder need not be listed; nothing is read ahead."""
    arguments = {"size": info["size"], "cache_type": "none"}
    commit = getattr(info.get("last_commit"), "oid", None)
    if commit is None:  # buckets have no commits
        return _Range(arguments={"path": path, **arguments})
    found = hub.resolve_path(path)
    return _Range(arguments={"path": f"{found.root.partition('@')[0]}@{commit}/{found.path}", **arguments}, fixed=True)


_HOSTS = {
    "s3": _Host(
        made=_s3,
        access=Access(
            package="s3fs",
            credentials="AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and AWS_ENDPOINT_URL",
            certificates="AWS_CA_BUNDLE",
            refused=frozenset({400, 401, 403}),  # a HEAD with an expired token gets a 400 without a reason
        ),
    ),
    "gs": _Host(
        made=_google,
        access=Access(package="gcsfs", credentials="GOOGLE_APPLICATION_CREDENTIALS"),
        range_of=_generation,
    ),
    "hf": _Host(
        made=_hugging_face,
        access=Access(package="huggingface_hub", credentials="HF_TOKEN"),
        range_of=_commit,
    ),
}
_MUTEX = threading.Lock()


@functools.cache
def _shared(scheme: str, stall_s: float) -> Any:
    return _HOSTS[scheme].made(stall_s)
