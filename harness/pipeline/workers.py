"""Threads that do calls, each as soon as it comes, and end after a while without any."""

import queue
import threading
from collections.abc import Callable

_IDLE_S = 1.0


class Workers:
    """As many daemon threads as there are calls at once; none of them delays the end of the harness."""

    def __init__(self) -> None:
        """Start no thread yet."""
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0  # threads that wait for a call, without those for which one is in the queue

    def do(self, call: Callable[[], None]) -> None:
        """Do a call in a thread that waits for one, or in a new one."""
        with self._lock:
            has_worker = self._idle > 0
            self._idle -= has_worker
        if not has_worker:
            threading.Thread(target=self._work, daemon=True).start()
        self._calls.put(call)

    def _work(self) -> None:
        while (call := self._next()) is not None:
            call()
            with self._lock:
                self._idle += 1

    def _next(self) -> Callable[[], None] | None:
        """Wait for a call; return None if none came for a while and none is on its way."""
        while True:
            try:
                return self._calls.get(timeout=_IDLE_S)
            except queue.Empty:
                with self._lock:
                    if self._idle:
                        self._idle -= 1
                        return None
