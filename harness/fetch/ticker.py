"""Calls functions ten times a second, all in one thread: it looks after downloads while they wait for their hosts."""

import contextlib
import threading
from collections.abc import Callable, Iterator

TICK_S = 0.1
_IDLE_TICKS = 10

Call = Callable[[], None]


class Ticker:
    """Calls functions of any number of threads. Its own thread ends when there was nothing to call for a second."""

    def __init__(self) -> None:
        """Start no thread before the first call."""
        self._mutex = threading.Lock()
        self._calls: dict[object, Call] = {}
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def calling(self, call: Call) -> Iterator[None]:
        """Within the context, call a function again and again. It must neither raise nor wait."""
        key = self.call(call)
        try:
            yield
        finally:
            self.forget(key)

    def call(self, call: Call) -> object:
        """Do as `calling`, until `forget` is called with what this returns."""
        key = object()
        with self._mutex:
            self._calls[key] = call
            if self._thread is None or not self._thread.is_alive():  # it does not survive a fork
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
        return key

    def forget(self, key: object) -> None:
        """Call a function no more."""
        with self._mutex:
            del self._calls[key]

    def _run(self) -> None:
        pause, idle_ticks = threading.Event(), 0
        while True:
            pause.wait(TICK_S)
            with self._mutex:
                calls = list(self._calls.values())
                idle_ticks = 0 if calls else idle_ticks + 1
                if idle_ticks > _IDLE_TICKS:
                    self._thread = None
                    return
            for call in calls:
                call()


TICKER = Ticker()
