"""Requests to stop, which any thread can make, wait for or be called back by."""

import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Iterator


class Cancelled(Exception):  # noqa: N818 - a request that was met is not an error
    """Work was stopped, or not started, because its `CancelToken` was set."""


class CancelToken:
    """A request to stop. Threads can ask for it, wait for it with `poll`, or be called back."""

    def __init__(self) -> None:
        """Start unset."""
        self._is_set, self._mutex = False, threading.Lock()
        self._calls: list[Callable[[], None]] = []
        self._pipe: tuple[int, int] | None = None  # made when asked for: most tokens are never waited for

    def set(self) -> None:
        """Request the stop, and run the callbacks. It cannot be undone."""
        with self._mutex:
            self._is_set = True
            if self._pipe is not None:
                os.write(self._pipe[1], b".")
        for call in list(self._calls):
            call()

    @contextlib.contextmanager
    def calling(self, call: Callable[[], None]) -> Iterator[None]:
        """Within the context, let `set` run a callback, in the thread of its caller. If set already, run it now."""
        try:
            self.call(call)
            yield
        finally:
            self.forget(call)

    def call(self, call: Callable[[], None]) -> None:
        """Do as `calling`, until `forget` is called with the same callback."""
        self._calls.append(call)
        if self._is_set:
            call()

    def forget(self, call: Callable[[], None]) -> None:
        """Let `set` not run a callback."""
        self._calls.remove(call)

    def is_set(self) -> bool:
        """Return whether `set` was called."""
        return self._is_set

    def fileno(self) -> int:
        """Return a descriptor that is readable once `set` was called."""
        with self._mutex:
            if self._pipe is None:
                self._pipe = os.pipe()
                weakref.finalize(self, _close, *self._pipe)
                if self._is_set:
                    os.write(self._pipe[1], b".")
            return self._pipe[0]


def _close(*descriptors: int) -> None:
    for each in descriptors:
        os.close(each)
