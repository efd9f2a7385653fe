"""Starts programs, each below a supervisor: `harness.host.supervisor` forks it, and it runs one after the other."""

import atexit
import contextlib
import os
import socket  # noqa: TID251 - between processes of this machine
import subprocess  # noqa: TID251 - starts the program that forks supervisors
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.host import supervisor

_LINE_BYTES = 200


@dataclass(eq=False, slots=True, kw_only=True)
class Supervised:
    """A program below its supervisor.

    Attributes:
        channel: the supervisor's; readable once `told` need not wait.
        said: the first line of the report; empty if the supervisor has died.
        is_begun: whether the program may have begun; it has not if the supervisor had died before.
        is_free: whether the supervisor waits for the next program.
    """

    channel: socket.socket
    said: str
    is_begun: bool
    is_free: bool

    def kill(self) -> None:
        """Kill the program, unless it has ended."""
        self.channel.shutdown(socket.SHUT_WR)

    def told(self) -> str:
        """Wait for the last line of the report; empty if the supervisor has died."""
        line = _line(self.channel) or ""
        self.is_free = bool(line)
        return line


class _Forks:
    """The program that forks supervisors, and the supervisors that have nothing to do. They end with this process."""

    def __init__(self, *, inherited: Sequence[int] = (), become: Callable[[], None] | None = None) -> None:
        """Start it.

        Args:
            inherited: descriptors that it keeps under the same numbers, as do all programs that it starts.
            become: called in its process before it starts, to give up rights.
        """
        self._lock, self._idle, self._has_ended = threading.Lock(), list[socket.socket](), False
        theirs, self._requests = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
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
        """Whether it has ended, and so forks nothing any more."""
        try:
            self._requests.recv(1, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True
        return True

    @contextlib.contextmanager
    def program(self, order: bytes, log: int) -> Iterator[Supervised]:
        """Start a program. On the way out, kill it unless it has ended, and wait until nothing is left of it."""
        program = self._begun(order, log)
        try:
            yield program
        finally:
            if program.is_free:
                self._give_back(program.channel)
            else:
                _end(program.channel)

    def _begun(self, order: bytes, log: int) -> Supervised:
        while channel := self._free():
            if (program := _begun(channel, order, log)).is_begun:  # else somebody has killed the supervisor
                return program
        return _begun(self._forked(), order, log)

    def _free(self) -> socket.socket | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _forked(self) -> socket.socket:
        """Return the channel of a new supervisor."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, contextlib.suppress(BrokenPipeError, ConnectionResetError):  # see `has_died`
            socket.send_fds(self._requests, [b"."], [theirs.fileno()])
        return ours

    def _give_back(self, channel: socket.socket) -> None:
        with self._lock:
            if not self._has_ended:
                self._idle.append(channel)
                return
        channel.close()

    def end(self) -> None:
        """End it, once all programs have ended."""
        with self._lock:
            self._has_ended, idle = True, self._idle
            self._idle = []
        for each in (*idle, self._requests):
            each.close()
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
    """Start a program as `process.run` says. On the way out, kill it unless it has ended."""
    order = _order(argv, cwd, variables)
    with contextlib.ExitStack() as after:
        if inherited or become:
            forks = _Forks(inherited=inherited, become=become)
            after.callback(forks.end)
            yield after.enter_context(forks.program(order, log))
            return
        program = after.enter_context(_shared.get().program(order, log))
        if not program.is_begun:
            program = after.enter_context(_shared.get().program(order, log))
        yield program


def _begun(channel: socket.socket, order: bytes, log: int) -> Supervised:
    """Begin a program below a supervisor, whose channel is closed if it had died."""
    try:
        is_sent = _sent(channel, order, log)
        line = _line(channel)
    except BaseException:
        _end(channel)
        raise
    is_begun = bool(line) or (is_sent and line is not None)
    if not is_begun:
        channel.close()
    return Supervised(channel=channel, said=line or "", is_begun=is_begun, is_free=(line or "").startswith("error"))


def _sent(channel: socket.socket, order: bytes, log: int) -> bool:
    with os.fdopen(os.memfd_create("order"), "w+b", buffering=0) as file:
        file.write(order)
        file.seek(0)
        try:
            socket.send_fds(channel, [b"."], [file.fileno(), log])
        except (BrokenPipeError, ConnectionResetError):
            return False
    return True


def _line(channel: socket.socket) -> str | None:
    """Wait for a line; empty if the supervisor has died, and None if it did so before it read an order."""
    try:
        return channel.recv(_LINE_BYTES).decode()
    except ConnectionResetError:
        return None


def _end(channel: socket.socket) -> None:
    """Let a supervisor kill its program, and wait for its end."""
    with channel, contextlib.suppress(OSError):  # it may be closed already
        channel.shutdown(socket.SHUT_WR)
        while channel.recv(_LINE_BYTES):
            continue


def _order(argv: Sequence[str], cwd: Path, variables: Mapping[str, str]) -> bytes:
    """Return what the supervisor is told, with what a child of this thread would inherit."""
    cores = ",".join(map(str, os.sched_getaffinity(0)))
    added = {os.fsencode(name): os.fsencode(value) for name, value in variables.items()}
    environment = {**os.environb, **added}  # inherited by the program, not read here
    words = map(os.fsencode, (str(cwd.absolute()), cores, str(len(argv)), *argv))
    return b"\0".join((*words, *map(b"=".join, environment.items()), b""))
