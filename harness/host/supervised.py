"""Starts programs, each below a supervisor of its own, which `harness.host.supervisor` forks."""

import atexit
import contextlib
import os
import socket  # noqa: TID251 - between processes of this machine
import subprocess  # noqa: TID251 - starts the program that forks supervisors
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from harness.core.values import frozen
from harness.host import supervisor


@frozen
class Supervised:
    """A program below its supervisor.

    Attributes:
        said: the first line of the report; empty if the supervisor has died.
        report: what else it tells.
        control: while it is open, the program runs.
    """

    said: str
    report: IO[str]
    control: IO[bytes]


class _Forks:
    """The program that forks supervisors. It ends with this process."""

    def __init__(self, *, inherited: Sequence[int] = (), become: Callable[[], None] | None = None) -> None:
        """Start it.

        Args:
            inherited: descriptors that it keeps under the same numbers, as do all programs that it starts.
            become: called in its process before it starts, to give up rights.
        """
        theirs, self._orders = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._child = subprocess.Popen(
                [sys.executable, "-IS", supervisor.__file__, str(theirs.fileno())],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), *inherited),
                preexec_fn=become,  # noqa: PLW1509 - see `process.run`
                start_new_session=True,
            )

    def has_died(self) -> bool:
        """Whether it has ended, and so does nothing of what it was told before."""
        try:
            self._orders.recv(1, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True
        return True

    @contextlib.contextmanager
    def start(self, order: bytes, log: int) -> Iterator[Supervised]:
        """Start a program. On the way out, kill it and wait for the end of its supervisor."""
        (control, control_end), (report_end, report) = os.pipe(), os.pipe()
        with os.fdopen(report_end, encoding="ascii") as reader:
            try:
                with os.fdopen(control_end, "wb", buffering=0) as writer:
                    try:
                        self._send(order, control, report, log)
                    finally:
                        os.close(control)
                        os.close(report)
                    yield Supervised(said=reader.readline(), report=reader, control=writer)
            finally:
                reader.read()

    def _send(self, order: bytes, *descriptors: int) -> None:
        with os.fdopen(os.memfd_create("order"), "w+b", buffering=0) as file:
            file.write(order)
            file.seek(0)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # see `has_died`
                socket.send_fds(self._orders, [b"."], [file.fileno(), *descriptors])

    def end(self) -> None:
        """End it. Supervisors go on until their programs have ended."""
        self._orders.close()
        self._child.wait()


class _SharedForks:
    """The one that forks for most programs of this process, begun with the first of them, and again if it is killed."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._lock = threading.Lock()
        self._forks: _Forks | None = None
        atexit.register(self._end)

    def get(self) -> _Forks:
        """Return one that lives, or did a moment ago."""
        with self._lock:
            if self._forks is None or self._forks.has_died():
                self._end()
                self._forks = _Forks()
            return self._forks

    def _end(self) -> None:
        if self._forks is not None:
            self._forks.end()


_shared = _SharedForks()


@contextlib.contextmanager
def started(
    argv: Sequence[str],
    *,
    cwd: Path,
    log: int,
    variables: Mapping[str, str],
    inherited: Sequence[int] = (),
    become: Callable[[], None] | None = None,
) -> Iterator[Supervised]:
    """Start a program as `process.run` says. On the way out, kill it and wait for the end of its supervisor."""
    order = _order(argv, cwd, variables)
    with contextlib.ExitStack() as after:
        if inherited or become:
            forks = _Forks(inherited=inherited, become=become)
            after.callback(forks.end)
            yield after.enter_context(forks.start(order, log))
            return
        forks = _shared.get()
        program = after.enter_context(forks.start(order, log))
        if not program.said and forks.has_died():  # and so has not begun it
            program = after.enter_context(_shared.get().start(order, log))
        yield program


def _order(argv: Sequence[str], cwd: Path, variables: Mapping[str, str]) -> bytes:
    """Return what the supervisor is told, with what a child of this thread would inherit."""
    cores = ",".join(map(str, os.sched_getaffinity(0)))
    environment = {**os.environ, **variables}  # noqa: TID251 - inherited by the program, not read here
    given = (f"{name}={value}" for name, value in environment.items())
    return b"".join(os.fsencode(each) + b"\0" for each in (str(cwd.absolute()), cores, str(len(argv)), *argv, *given))
