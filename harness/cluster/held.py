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
        self._cpus: dict[str, str] = {}

    def keep(self, key: str, future: Future[Any], size_bytes: int, *, cpu: str = "") -> Future[Any]:
        """Keep a future, and drop those that were used least recently above the limit.

        Args:
            key: the key.
            future: stands for the content.
            size_bytes: its size.
            cpu: the identity of the CPU for which a module is compiled; empty if it is for any.
        """
        with self._lock:
            if cpu:
                self._cpus[key] = cpu
            self._futures[key] = future, size_bytes
            self._futures.move_to_end(key)
            while len(self._futures) > 1 and sum(size for _, size in self._futures.values()) > self._limit_bytes:
                self._futures.popitem(last=False)
        return future

    def find(self, key: str, read: Callable[[], Files]) -> Future[Any]:
        """Return a future that is kept and good, or send what `read` returns."""
        with self._lock:
            found = self._futures.get(key)
            if found and found[0].status in {"finished", "pending"}:
                self._futures.move_to_end(key)
                return found[0]
        files = read()
        return self.keep(key, self._send(files), sum(map(len, files.values())))

    def cpu(self, key: str) -> str:
        """Return the identity of the CPU for which a module is compiled; empty if it is for any."""
        return self._cpus.get(key, "")
