"""Finds the sources of a blob: mirrors first, then its own URL, with the signature that grants access."""

import contextlib
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.core import urls
from harness.core.blobs import Blob
from harness.fetch.source import AttemptError, Head, Source
from harness.host.cancel import CancelToken

if TYPE_CHECKING:  # it takes 0.1 s to load, and what is cached needs no connection
    from harness.fetch.sessions import Sessions


class Hosts:
    """The sources of blobs, for any number of threads. HTTP sources share connections."""

    def __init__(self, mirrors: Sequence[urls.Mirror], grants: Sequence[urls.Grant], *, stall_s: float) -> None:
        """Prepare, without connecting.

        Args:
            mirrors: tried first, in this order.
            grants: signatures for URLs that have none.
            stall_s: an attempt fails after this many seconds without a byte of the blob.
        """
        self._mirrors, self._grants, self._stall_s = mirrors, grants, stall_s
        self._sessions: Sessions | None = None
        self._mutex = threading.Lock()

    def close(self) -> None:
        """Close the connections."""
        if self._sessions is not None:
            self._sessions.close()

    def sources(self, blob: Blob) -> list[Source]:
        """Return the sources of a blob, in the order to try.

        Raises:
            FetchError: proxies or certificates in the environment are invalid.
        """
        return [self._source(each, blob) for each in urls.candidates(self._granted(blob), self._mirrors)]

    def head(self, blob: Blob, cancel: CancelToken | None) -> Head | None:
        """Return the first answer of a host about a blob, or None."""
        for source in self.sources(blob):
            with contextlib.suppress(AttemptError), source.opened(0, 1, None, cancel) as (head, _):
                return head
        return None

    def is_private(self, blob: Blob) -> bool:
        """Return whether downloading a blob may need credentials. Object stores may: their libraries find their own."""
        granted = self._granted(blob)
        return urls.identity(granted) != granted or not _is_http(granted)

    def _granted(self, blob: Blob) -> str:
        return urls.granted(blob.url, self._grants)

    def _source(self, url: str, blob: Blob) -> Source:
        if not _is_http(url):
            from harness.fetch.object_stores import ObjectSource  # noqa: PLC0415 - few blobs are in one

            return ObjectSource(url, stall_s=self._stall_s)
        from harness.fetch.http import HttpSource  # noqa: PLC0415 - see above
        from harness.fetch.sessions import Sessions  # noqa: PLC0415

        with self._mutex:
            self._sessions = self._sessions or Sessions(stall_s=self._stall_s)
            return HttpSource(sessions=self._sessions, url=url, blob=blob, stall_s=self._stall_s)


def _is_http(url: str) -> bool:
    return url.lower().startswith(("https:", "http:"))
