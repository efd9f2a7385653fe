"""Locks files for one holder at a time, and pins names that are in use.

The system releases locks and pins when the process that holds them ends.
"""

import contextlib
import fcntl
import functools
import hashlib
import os
import struct
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.core.callbacks import WaitNotice, ignore
from harness.core.text import one_line
from harness.host.beneath import Folder, Place

_POLL_S = 0.05
_HOLDER_BYTES = 500
# Each name is one byte of the file to lock, which need not exist. The probed byte is beyond those of names.
_NAME_BYTES = 7
_PROBED = 1 << 8 * _NAME_BYTES
# For each lock the system looks at all others of the file: thousands take it longer than to store as many small files.
_MOST_LOCKS = 4096


def acquire(root: Folder, path: Place, on_wait: WaitNotice, *, activity: str = "") -> int:
    """Wait for a lock, and return the descriptor that holds it until it is closed.

    Args:
        root: the folder that the lock is beneath.
        path: the file to lock, which is created if it does not exist.
        on_wait: called repeatedly with the holder and the seconds waited; the holder is empty if it is this process.
            An exception from it ends the wait.
        activity: what this process does with the lock, for those that wait: `installing IREE 3.12.0`.
    """
    started = time.monotonic()
    while (descriptor := try_acquire(root, path, activity=activity)) is None:
        on_wait(_other_holder(root, path), time.monotonic() - started)
        time.sleep(_POLL_S)
    return descriptor


def try_acquire(root: Folder, path: Place, *, activity: str = "") -> int | None:
    """Return the descriptor that holds the lock; None if another process holds it. `activity` as for `acquire`.

    If the file is removed between opening and locking it, others lock a new file, so this starts again.
    """
    while True:
        try:
            descriptor, opened = root.opened(path, os.O_RDWR | os.O_CREAT)
            if state := _locked(descriptor, opened, root, path):
                break
        except FileNotFoundError:
            root.make(os.path.dirname(path) if isinstance(path, str) else path.parent)  # noqa: PTH120
        except BlockingIOError:
            return None
    _write_holder(descriptor, state, activity)
    return descriptor


def remove_if_free(root: Folder, path: Path) -> bool:
    """Remove the file of a lock unless it is held, and return whether it was removed."""
    with contextlib.suppress(FileNotFoundError):
        descriptor, opened = root.opened(path, os.O_RDWR)
        try:
            if _lock(descriptor) and root.state_of(opened, path):
                root.remove(path)
                return True
        finally:
            os.close(descriptor)
    return False


class Pins:
    """Pins on names, in one file. A name may have many holders; it can be seized only while it has none.

    Pins are open file description locks (fcntl(2)), so two objects in one process are two holders. One that holds
    4,096 names holds all names from then on.
    """

    def __init__(self, root: Folder, path: Place) -> None:
        """Open nothing yet."""
        self._root, self._path = root, path
        self._mutex = threading.Lock()
        self._file: tuple[int, os.stat_result] | None = None
        self._held: set[str] = set()
        self._holds_all = False
        self._close: Callable[[], object] = ignore

    def hold(self, name: str) -> None:
        """Hold a name until `close` or the end of the process. Do nothing if the file cannot be locked."""
        with contextlib.suppress(OSError):
            while not self._is_held(name):
                time.sleep(_POLL_S)

    def probe(self) -> None:
        """Raise an OSError if the file cannot be locked, so that no name can be seized."""
        _lock_bytes(self._opened(), fcntl.F_RDLCK, _PROBED)

    @contextlib.contextmanager
    def seized(self, name: str) -> Iterator[bool]:
        """Let others wait who want to hold a name. Yield False if it has a holder already."""
        descriptor, offset = self._opened(), _offset(name)
        try:
            _lock_bytes(descriptor, fcntl.F_WRLCK, offset)
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            self._held.discard(name)
            _lock_bytes(descriptor, fcntl.F_RDLCK if self._holds_all else fcntl.F_UNLCK, offset)

    def close(self) -> None:
        """Release all names."""
        with self._mutex:
            self._forget()

    def _is_held(self, name: str) -> bool:
        descriptor = self._opened(read_only=True)
        if self._holds_all or name in self._held:
            return True
        try:
            if len(self._held) >= _MOST_LOCKS:
                with contextlib.suppress(BlockingIOError):  # another name is seized just now
                    _lock_bytes(descriptor, fcntl.F_RDLCK, 0, _PROBED)
                    self._holds_all = True
                    return True
            _lock_bytes(descriptor, fcntl.F_RDLCK, _offset(name))
        except BlockingIOError:
            return False
        self._held.add(name)
        return True

    def _opened(self, *, read_only: bool = False) -> int:
        """Return the descriptor. To hold names, an existing file need only be readable."""
        with self._mutex:
            if self._file is None or not self._root.state_of(self._file[1], self._path):
                self._forget()
                self._file = _opened(self._root, self._path, read_only=read_only)
                self._close = weakref.finalize(self, os.close, self._file[0])
            return self._file[0]

    def _forget(self) -> None:
        self._close()
        self._file, self._holds_all = None, False
        self._held.clear()


def _opened(root: Folder, path: Place, *, read_only: bool) -> tuple[int, os.stat_result]:
    try:
        return root.opened(path, os.O_RDWR | os.O_CREAT)
    except OSError:
        if not read_only:
            raise
        return root.opened(path, os.O_RDONLY)


def _offset(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:_NAME_BYTES])


def _lock_bytes(descriptor: int, kind: int, offset: int, length: int = 1) -> None:
    """Lock bytes with the `struct flock` of 64-bit Linux: type, whence, start, length, and a pid of 0."""
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", kind, os.SEEK_SET, offset, length, 0))


def _lock(descriptor: int) -> bool:
    """Lock a file and return True; return False if another process holds the lock."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _locked(descriptor: int, opened: os.stat_result, root: Folder, path: Place) -> os.stat_result | None:
    """Lock a file and return its state, or close it and return None if it is not at its path any more.

    Raises:
        BlockingIOError: another process holds the lock.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if state := root.state_of(opened, path):
            return state
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _write_holder(descriptor: int, state: os.stat_result, activity: str) -> None:
    """Write who holds the lock and why, for others that wait. Do nothing if the disk is full.

    A file with another name is no lock that this program made, so it is left as it is.
    """
    if state.st_nlink != 1:
        return
    holder = _this_process() + (f", which is {activity}" if activity else "")
    with contextlib.suppress(OSError):
        if state.st_size:
            os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, holder.encode(), 0)


def _this_process() -> str:
    return _process(os.getpid())


@functools.lru_cache(maxsize=1)
def _process(pid: int) -> str:
    return f"process {pid} on {os.uname().nodename}"


def _other_holder(root: Folder, path: Place) -> str:
    """Return who holds a lock; empty if it is another thread of this process, which says itself what it does."""
    holder = _holder(root, path) or "another process"
    return "" if holder.partition(",")[0] == _this_process() else holder


def _holder(root: Folder, path: Place) -> str:
    try:
        with root.reader(path) as file:
            return one_line(file.read(_HOLDER_BYTES).decode(errors="replace"), limit=_HOLDER_BYTES)
    except OSError:
        return ""
