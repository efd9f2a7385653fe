"""Ends the wait for a host that sends no byte of a blob, whatever else it sends, and however slowly."""

import math
import time
from collections.abc import Iterator
from typing import Self

from harness.fetch.source import AttemptError, Failure, Piece
from harness.fetch.ticker import TICKER
from harness.host.cancel import CancelToken


class Watch:
    """A clock for one attempt, which runs only while the host is waited for.

    Within the context it runs until `pause`: so one limit holds for connecting, TLS, proxies, redirects and headers
    together. Then it starts anew for each piece.

    Attributes:
        ended: set when the time is over, or up to a tenth of a second later.
    """

    def __init__(self, limit_s: float) -> None:
        """Prepare.

        Args:
            limit_s: seconds without a byte of the blob.
        """
        self.ended = CancelToken()
        self._limit_s, self._end_s = limit_s, math.inf
        self._ticking: object = None

    def __enter__(self) -> Self:
        """Start the clock."""
        self._start()
        self._ticking = TICKER.call(self._look)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the clock for good."""
        TICKER.forget(self._ticking)

    def pause(self) -> None:
        """Stop the clock until a piece is waited for."""
        self._end_s = math.inf

    def over(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        """Yield the pieces of a body.

        Raises:
            AttemptError: the time for one of them is over.
        """
        while True:
            self._start()
            piece = next(pieces, None)
            self.pause()
            self.check()
            if piece is None:
                return
            yield piece

    def check(self) -> None:
        """Raise AttemptError if the time is over: a connection that was shut down looks like one that ended."""
        if self.ended.is_set():
            raise AttemptError(Failure(what=f"no byte of the blob came for {self._limit_s:g} s"))

    def _start(self) -> None:
        self._end_s = time.monotonic() + self._limit_s

    def _look(self) -> None:
        if time.monotonic() > self._end_s and not self.ended.is_set():
            self.ended.set()
