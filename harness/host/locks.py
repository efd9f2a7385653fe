"""The only place that locks: one holder of a file at a time, and pins on what is in use.

Both end with the process that holds them, however it dies: the system releases them.
"""

import contextlib
import fcntl
import hashlib
import os
import struct
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.core.callbacks import WaitNotice, ignore

_POLL_S = 0.05
# Locks are on bytes that need not be there; this one is beyond those that stand for names.
_NAME_BYTES = 7
_PROBED = 1 << 8 * _NAME_BYTES


def acquire(path: Path, on_wait: WaitNotice) -> int:
    """Wait for the lock and return the descriptor that holds it until it is closed.

    Args:
        path: the file to lock, which is made if need be.
        on_wait: called again and again with the holder and the seconds waited; what it raises ends the wait.
    """
    started = time.monotonic()
    while (descriptor := try_acquire(path)) is None:
        on_wait(_holder(path) or "another process", time.monotonic() - started)
        time.sleep(_POLL_S)
    return descriptor


def try_acquire(path: Path) -> int | None:
    """Return the descriptor that holds the lock, or None if another holds it.

    A collector may have removed the file between our opening and our locking it; then others lock
    a new one, and so must we.
    """
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            if not _is_locked(descriptor):
                os.close(descriptor)
                return None
            if _is_at(descriptor, path):
                _sign(descriptor)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def remove_if_free(path: Path) -> bool:
    """Remove the file of a lock that nobody holds, and return whether it did."""
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(path, os.O_RDWR)
        try:
            if _is_locked(descriptor) and _is_at(descriptor, path):
                path.unlink()
                return True
        finally:
            os.close(descriptor)
    return False


class Pins:
    """Marks on names in one file: any number of holders share a name, and nobody can seize it meanwhile.

    They are locks of the open file (fcntl(2), "Open file description locks"), so that two objects of
    the same process are two holders.
    """

    def __init__(self, path: Path) -> None:
        """Open nothing yet."""
        self._path = path
        self._mutex = threading.Lock()
        self._descriptor = -1
        self._close: Callable[[], object] = ignore

    def hold(self, name: str) -> None:
        """Hold a name until closed, or until the process ends; where nothing can be locked, do nothing."""
        with contextlib.suppress(OSError):
            while not self._is_held(name):
                time.sleep(_POLL_S)

    def probe(self) -> None:
        """Raise the OSError that says why nothing can be seized here, if it is so."""
        _lock_byte(self._opened(), fcntl.F_OFD_SETLK, fcntl.F_RDLCK, _PROBED)

    @contextlib.contextmanager
    def seized(self, name: str) -> Iterator[bool]:
        """Keep others from holding a name, who wait meanwhile; False if somebody holds it already."""
        descriptor, offset = self._opened(), _offset(name)
        try:
            _lock_byte(descriptor, fcntl.F_OFD_SETLK, fcntl.F_WRLCK, offset)
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            _lock_byte(descriptor, fcntl.F_OFD_SETLK, fcntl.F_UNLCK, offset)

    def close(self) -> None:
        """Hold nothing any more."""
        with self._mutex:
            self._close()
            self._descriptor = -1

    def _is_held(self, name: str) -> bool:
        try:
            _lock_byte(self._opened(read_only=True), fcntl.F_OFD_SETLK, fcntl.F_RDLCK, _offset(name))
        except BlockingIOError:
            return False
        return True

    def _opened(self, *, read_only: bool = False) -> int:
        """Return the descriptor; who only holds can do so where nothing can be written, if the file is there."""
        with self._mutex:
            if self._descriptor < 0 or not _is_at(self._descriptor, self._path):
                self._close()
                self._descriptor = -1
                self._descriptor = _open(self._path, read_only=read_only)
                self._close = weakref.finalize(self, os.close, self._descriptor)
            return self._descriptor


def _open(path: Path, *, read_only: bool) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError:
        if not read_only:
            raise
        return os.open(path, os.O_RDONLY)


def _offset(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:_NAME_BYTES])


def _lock_byte(descriptor: int, command: int, kind: int, offset: int) -> None:
    """Lock one byte with a `struct flock` of Linux on 64 bits: type, whence, start, length, and a pid of 0."""
    fcntl.fcntl(descriptor, command, struct.pack("hhqqi4x", kind, os.SEEK_SET, offset, 1, 0))


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _sign(descriptor: int) -> None:
    """Write who holds it; a full disk hides that from others, no more."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {os.uname().nodename}".encode(), 0)


def _holder(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(200).decode(errors="replace")
    except OSError:
        return ""
