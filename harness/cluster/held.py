"""What a command lends to workers: modules and files of its machine, kept on the cluster while they are used."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from distributed import Future

from harness.cluster.messages import Files

# Above it, what was used least recently is dropped, and sent again if it is needed again.
_LIMIT_BYTES = 1 << 30


class Held:
    """Futures by digest or key, of at most a GiB together."""

    def __init__(self, send: Callable[[Files], Future[Any]], limit_bytes: int = _LIMIT_BYTES) -> None:
        """Start empty; `send` sends files to the cluster."""
        self._send, self._limit_bytes, self._lock = send, limit_bytes, threading.Lock()
        self._futures: OrderedDict[str, tuple[Future[Any], int]] = OrderedDict()
        self._bytes = 0
        self._cpus: dict[str, str] = {}

    def find(self, key: str, read: Callable[[], Files]) -> Future[Any]:
        """Return a future that is kept and good, or send what `read` returns."""
        with self._lock:
            found = self._futures.get(key)
            if found and found[0].status in {"finished", "pending"}:
                self._futures.move_to_end(key)
                return found[0]
        files = read()
        future, size_bytes = self._send(files), sum(map(len, files.values()))
        with self._lock:
            self._futures[key] = future, size_bytes
            self._bytes += size_bytes - (found[1] if found else 0)
            self._futures.move_to_end(key)
            while len(self._futures) > 1 and self._bytes > self._limit_bytes:
                self._bytes -= self._futures.popitem(last=False)[1][1]
        return future

    def note_cpu(self, key: str, cpu: str) -> None:
        """Note for which CPU a module is compiled."""
        self._cpus[key] = cpu

    def cpu(self, key: str) -> str:
        """Return the identity of the CPU for which a module is compiled; empty if it is for any."""
        return self._cpus.get(key, "")
