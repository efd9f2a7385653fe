"""The interface between a download and its hosts: sources of bytes, their answers and their failures."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Protocol

from harness.core.errors import FetchError, IntegrityError
from harness.core.values import frozen
from harness.host.cancel import CancelToken

Piece = bytes | bytearray | memoryview

CORRECT_URL = "correct the URL in the spec"
MOVED = f"it was moved or removed: {CORRECT_URL}"


@frozen
class Head:
    """The answer of a host before it sends bytes.

    Attributes:
        start: the first byte that it will send; 0 if it ignores ranges.
        ranged: whether it supports ranges.
        total: size of the whole blob in bytes.
        etag: its ETag, as sent.
        last_modified: its date, as sent.
        date: the time of the answer, as sent.
        md5: its MD5 in hexadecimal.
        open_ended: whether only the end of the connection marks the end of the bytes.
    """

    start: int = 0
    ranged: bool = False
    total: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    date: str | None = None
    md5: str | None = None
    open_ended: bool = False

    @property
    def validator(self) -> str | None:
        """A strong validator for If-Range (RFC 9110, section 8.8): a strong ETag, or else a date at least 1 s old."""
        if self.etag is not None:
            return None if self.etag.startswith("W/") else self.etag
        from email.utils import parsedate_to_datetime  # noqa: PLC0415 - it takes 10 ms to load, and most have an ETag

        try:
            age = parsedate_to_datetime(self.date or "") - parsedate_to_datetime(self.last_modified or "")
        except (ValueError, TypeError):
            return None
        return self.last_modified if age >= timedelta(seconds=1) else None

    def differs(self, other: "Head") -> str | None:
        """Return how another answer shows that the content changed, or None."""
        dated = self.etag is None or other.etag is None
        for name, field in (("size", "total"), ("date", "last_modified") if dated else ("ETag", "etag")):
            was, now = getattr(self, field), getattr(other, field)
            if was is not None and now is not None and was != now:
                return f"its {name} was {was} and is {now}"
        return None


class Source(Protocol):
    """A URL from which a blob can be downloaded."""

    @property
    def url(self) -> str:
        """The URL, which may contain secrets."""

    def opened(
        self, start: int, stop: int | None, known: Head | None, cancel: CancelToken | None
    ) -> AbstractContextManager[tuple[Head, Iterator[Piece]]]:
        """Request the bytes from `start` to before `stop`; yield the answer and the bytes in pieces.

        Each piece is valid until the next one is requested.

        Args:
            start: the first byte.
            stop: the byte after the last one; None for all.
            known: an earlier answer, to which the bytes have to belong.
            cancel: ends the wait for bytes.

        Raises:
            AttemptError: it failed, here or while the pieces were read.
        """


@frozen
class Failure:
    """Why an attempt failed.

    Attributes:
        what: what happened, in words for the user.
        fix: what the user can do if all attempts fail.
        raises: the error that the user sees then.
        retriable: whether another attempt may succeed.
        busy: whether the host is overloaded.
        wait_s: seconds that the host asks to wait before the next attempt.
    """

    what: str
    fix: str = "check the network and the proxy, or try again later"
    raises: type[FetchError | IntegrityError] = FetchError
    retriable: bool = True
    busy: bool = False
    wait_s: float | None = None


class AttemptError(Exception):
    """An attempt to download bytes failed."""

    def __init__(self, failure: Failure) -> None:
        """Keep the reason."""
        super().__init__(failure.what)
        self.failure = failure


def cut_short(left: int) -> AttemptError:
    """Return the error that a connection ended so many bytes too early."""
    return AttemptError(Failure(what=f"the connection was closed {left} bytes before the end"))


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, then those that led to it."""
    seen = set[int]()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
