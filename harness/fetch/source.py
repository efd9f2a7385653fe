"""What every kind of host looks like to a download: a range of bytes, what is said of them, what went wrong."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Protocol

from harness.core.errors import FetchError, IntegrityError
from harness.host.process import CancelToken

Piece = bytes | bytearray | memoryview

CORRECT_URL = "correct the URL in the spec"
MOVED = f"it was moved or removed: {CORRECT_URL}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a host says of a blob whose bytes are about to come.

    `start` is the first byte that comes: 0, though another was asked for, if the host ignores ranges;
    `ranged` if it does not. `total` is the size of the whole, `md5` its digest in hexadecimal; `open_ended` if
    nothing but the end of the connection will say where the bytes end.
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
        """What stands for exactly these bytes (RFC 9110, section 8.8): a strong ETag, or else a date long past."""
        if self.etag is not None:
            return None if self.etag.startswith("W/") else self.etag
        try:
            age = parsedate_to_datetime(self.date or "") - parsedate_to_datetime(self.last_modified or "")
        except (ValueError, TypeError):
            return None
        return self.last_modified if age >= timedelta(seconds=1) else None

    def differs(self, other: "Head") -> str | None:
        """Return in what another head shows another content, or None."""
        dated = self.etag is None or other.etag is None
        for name, field in (("size", "total"), ("date", "last_modified") if dated else ("ETag", "etag")):
            was, now = getattr(self, field), getattr(other, field)
            if was is not None and now is not None and was != now:
                return f"its {name} was {was} and is {now}"
        return None


class Source(Protocol):
    """A place where a blob may be had."""

    @property
    def url(self) -> str:
        """Its URL, perhaps with secrets."""

    def opened(
        self, start: int, stop: int | None, known: Head | None, cancel: CancelToken | None
    ) -> AbstractContextManager[tuple[Head, Iterator[Piece]]]:
        """Lend the bytes from `start` to before `stop` (None: to the end), in pieces good until the next is asked for.

        Args:
            start: the first byte asked for.
            stop: the byte after the last.
            known: what was said of the bytes that are there already: others are not wanted.
            cancel: ends the wait for bytes.

        Raises:
            AttemptError: it failed, here or while the pieces were read.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why an attempt failed, and what may follow from that.

    Attributes:
        what: what happened, as the subject of a sentence for the user.
        fix: what the user can do once all attempts have failed.
        raises: the error that ends the fetch then.
        retriable: whether another attempt may succeed.
        busy: whether the host is overloaded.
        wait_s: seconds that the host asks to wait before the next attempt.
    """

    what: str
    fix: str = "check the network and the proxy, or try later"
    raises: type[FetchError | IntegrityError] = FetchError
    retriable: bool = True
    busy: bool = False
    wait_s: float | None = None


class AttemptError(Exception):
    """An attempt to download bytes failed."""

    def __init__(self, failure: Failure) -> None:
        """Say why."""
        super().__init__(failure.what)
        self.failure = failure


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, then those that led to it."""
    seen = set[int]()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
