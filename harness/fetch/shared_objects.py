"""Objects of a shared store in buckets and containers, through fsspec (the extra `shared`).

The libraries of the hosts find the credentials, as `docs/store.md` says.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, BinaryIO

from harness.core.errors import UsageError
from harness.core.text import installing
from harness.core.urls import redacted
from harness.fetch.object_store_errors import Access, explained
from harness.fetch.source import CORRECT_URL, MOVED, AttemptError
from harness.store.objects import ObjectsError, Stored

_TIMEOUT_S = 10
_PIECE_BYTES = 8 << 20  # more than that is no single request
_FRESH = {"use_listings_cache": False, "skip_instance_cache": True}
_DATES = ("LastModified", "last_modified", "updated", "mtime", "created")


class RemoteObjects:
    """Objects below the URL of a bucket or container."""

    def __init__(self, url: str) -> None:
        """Load the library of the host, without connecting.

        Raises:
            UsageError: a package is missing, or no library knows the URL.
        """
        scheme = url.partition("://")[0]
        self._access = Access(package=scheme, credentials=_CREDENTIALS.get(scheme, "of the host"), extra="shared")
        try:
            self._filesystem, root = _filesystem(scheme, url)
            self._root = root.rstrip("/")
        except ImportError as error:
            raise UsageError(
                f"{redacted(url)}: a package for {scheme}:// is missing; {installing('shared')}."
            ) from error
        except ValueError as error:
            hint = "expected file://, s3:// or az://, and credentials in the environment"
            raise UsageError(f"{redacted(url)}: {error}; {hint}.") from None

    def read(self, name: str, start: int, stop: int) -> bytes | None:
        """Return bytes of an object."""
        found: bytes | None = self._asked(
            lambda: bytes(self._filesystem.cat_file(self._path(name), start=start, end=stop))
        )
        return found

    def find(self, name: str) -> Stored | None:
        """Return an object; a folder is none."""
        info = self._asked(lambda: self._filesystem.info(self._path(name)))
        return _stored(name, info) if info and info.get("type") == "file" else None

    def write(self, name: str, opened: Callable[[], BinaryIO]) -> None:
        """Write an object, which is there when all of it is."""
        with opened() as file:
            start = file.read(_PIECE_BYTES)
            if len(start) < _PIECE_BYTES:
                self._told(lambda: self._filesystem.pipe_file(self._path(name), start))
            else:
                where = f"/proc/self/fd/{file.fileno()}"
                self._told(lambda: self._filesystem.put_file(where, self._path(name)))

    def listed(self) -> Iterator[Stored]:
        """Yield all objects."""
        found = self._asked(lambda: self._filesystem.find(self._root, detail=True)) or {}
        for path, info in found.items():
            yield _stored(path.removeprefix(f"{self._root}/"), info)

    def remove(self, name: str) -> None:
        """Remove an object."""
        self._asked(lambda: self._filesystem.rm_file(self._path(name)))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _asked(self, ask: Callable[[], Any]) -> Any:
        """Return what the library answers about something, or None if it is not there."""
        return self._told(ask, missing=FileNotFoundError)

    def _told(self, ask: Callable[[], Any], *, missing: type[Exception] | tuple[()] = ()) -> Any:
        try:
            with explained(self._access):
                try:
                    return ask()
                except missing:
                    return None
        except AttemptError as error:
            what, fix = error.failure.what, error.failure.fix
            hint = "" if not fix or fix in {MOVED, CORRECT_URL} else f"; {fix}"
            raise ObjectsError(f"{what}{hint}") from None


def _filesystem(scheme: str, url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path in it. One attempt is enough: the run goes on without an answer."""
    url_to_fs = importlib.import_module("fsspec.core").url_to_fs
    made, path = url_to_fs(url, **_FRESH, **_OPTIONS.get(scheme, {}))
    if scheme == "s3":
        made.retries = 1
    return made, path


def _stored(name: str, info: Mapping[str, Any]) -> Stored:
    date = next((info[each] for each in _DATES if info.get(each)), 0.0)
    modified = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() if isinstance(date, datetime) else date
    return Stored(name=name, bytes=int(info["size"]), modified=float(modified))


_TIMEOUTS = {"connection_timeout": _TIMEOUT_S, "read_timeout": _TIMEOUT_S}
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "s3": {
        "config_kwargs": {
            "connect_timeout": _TIMEOUT_S,
            "read_timeout": _TIMEOUT_S,
            "retries": {"total_max_attempts": 1},
        }
    },
    "az": _TIMEOUTS,
    "abfs": _TIMEOUTS,
}
_CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and AWS_ENDPOINT_URL",
    "az": "AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY",
}
