"""The program in a container: runs the tools that the harness asks for, each as a user of its own.

    argv: FOLDER    the harness listens at FOLDER/socket; this program logs to FOLDER/log

It is the only program that runs as root, with the rights to become another user and no others. A tool gets a folder
that no other user can enter, no capability, and the descriptors of the files that it may read. When it has ended, all
processes of its user are killed before anything that they wrote is opened. No user is used twice.

The harness hands over a connection for each tool on the first one; a child of this process serves it. The end of that
connection stops the tool, and the end of the first one stops all.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import socket  # noqa: TID251 - on this machine, not a network
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from harness.containers import manifest, protocol
from harness.containers.protocol import Hello, LostError, Order, Reply
from harness.core.errors import EngineError, ToolError
from harness.host import cores, emulators, process
from harness.host.beneath import Folder
from harness.host.disk import free_bytes
from harness.host.process import ProcessResult
from harness.pipeline import tools

SOCKET, LOG = "socket", "log"
WRAPPER = "wrapper"  # the plain name of a program of the user that starts the tool
WORK = Path("/work")  # a volume of the container
CAPABILITIES = ("SETGID", "SETPCAP", "SETUID")
_NUMBERS = (6, 7, 8)  # of these capabilities: capability.h; SETPCAP, which drops others, is dropped last
_PR_CAPBSET_DROP = 24
# Users that no machine has: https://systemd.io/UIDS-GIDS. A container whose users are mapped has 65536 of them.
_FIRST_USER, _FIRST_MAPPED_USER, _USERS = 1_879_048_192, 10_000, 50_000
_KILLED_WITHIN_S = 20.0
_BEAT_S, _POLL_S = 1.0, 0.002
_LEAST_FREE_BYTES = 64 << 20
_CHUNK_BYTES = 1 << 20
_DEAD = {b"Z", b"X"}  # proc_pid_status(5)
_libc = ctypes.CDLL(None)


def main() -> None:
    """Serve until the harness ends the first connection."""
    (folder,) = map(Path, sys.argv[1:])
    os.dup2(os.open(folder / LOG, os.O_WRONLY | os.O_APPEND), sys.stderr.fileno())
    os.umask(0o022)
    WORK.chmod(0o711)
    with socket.socket(socket.AF_UNIX) as first:
        first.connect(str(folder / SOCKET))
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        image = manifest.of_this_image()
        hello = Hello(
            manifest=image,
            python=sys.executable,
            python_version=version,
            emulators=emulators.all_in(Path(image.emulator or emulators.ROOT)),
        )
        protocol.send(first, hello)
        users = _users()
        while (descriptor := protocol.handed_over(first)) is not None:
            _in_child(_serve, socket.socket(fileno=os.dup(descriptor)), next(users))
            os.close(descriptor)
            _forget_children()


def _users() -> Iterator[int]:
    """Yield a user for each tool."""
    lines = Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()
    mapped = max(int(start) + int(length) for start, _, length in map(str.split, lines))
    first = _FIRST_USER if mapped > _FIRST_USER + _USERS else _FIRST_MAPPED_USER
    while True:
        yield from range(first, first + _USERS)


def _forget_children() -> None:
    """Let go of the children that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _in_child(work: Callable[..., object], *arguments: object) -> int:
    """Do something in a child of this process, and return its id."""
    if child := os.fork():
        return child
    code = 1
    try:
        work(*arguments)
        code = 0
    except BaseException:  # noqa: BLE001 - the child must not go on as its parent
        sys.excepthook(*sys.exc_info())
    os._exit(code)


def _serve(connection: socket.socket, user: int) -> None:
    with (
        connection,
        contextlib.suppress(_HangUp, LostError, ConnectionError),
        protocol.received(connection, Order) as (order, descriptors),
    ):
        tool = _Tool(order=order, descriptors=descriptors, user=user, connection=connection)
        try:
            tool.run()
        finally:
            tool.end()


class _HangUp(Exception):  # noqa: N818 - an event
    """The harness wants no answer any more."""


class _NoSpace(Exception):  # noqa: N818 - an event
    """The disk is almost full."""


@dataclass(slots=True, kw_only=True)
class _Tool:
    """A tool that runs for an order."""

    order: Order
    descriptors: Sequence[int]
    user: int
    connection: socket.socket
    started_s: float = field(default_factory=time.monotonic)
    beaten_s: float = 0.0
    timed_out: bool = False

    @property
    def folder(self) -> Path:
        """Its folder, which belongs to root; the user is its group."""
        return WORK / str(self.user)

    @property
    def log(self) -> Path:
        """What it prints. No tool can open it."""
        return WORK / f"{self.user}.log"

    def run(self) -> None:
        """Run it, and send how it ended."""
        with contextlib.ExitStack() as after:
            reply = self._ended()
            self._kill_all()
            found = ((name, self._opened(name)) for name in self.order.writes)
            opened = {name: after.enter_context(file) for name, file in found if file}
            log = after.enter_context(self.log.open("ab+"))
            reply = replace(reply, free_bytes=free_bytes(WORK), files=tuple(opened))
            protocol.send(self.connection, reply, [each.fileno() for each in (log, *opened.values())])

    def _ended(self) -> Reply:
        try:
            return Reply(process=self._run())
        except ToolError as error:
            return Reply(error=str(error))
        except _NoSpace:
            return Reply(no_space=True)

    def _run(self) -> ProcessResult:
        self._make_folder()
        variables = tools.prepared(Folder(self.folder), self.order.argv)
        for path in self.folder.iterdir():
            if path.is_dir():  # for the tool's own files
                path.chmod(0o770)
        self._give_files()
        with cores.pinned(self.order.cores):
            ended = process.run(
                self._argv(),
                cwd=self.folder,
                log_path=self.log,
                timeout_s=self.order.timeout_s + _KILLED_WITHIN_S,
                variables={**self.order.variables, **variables, "HOME": variables["PWD"]},
                inherited=self.descriptors,
                become=self._become,
                on_wait=self._look,
            )
        return replace(ended, timed_out=self.timed_out)

    def _argv(self) -> list[str]:
        """Return the command line; a wrapper of the user that the image lacks has come along."""
        argv = tools.located(self.order.argv)
        has_come = not shutil.which(argv[0]) and os.path.lexists(self.folder / WRAPPER)
        return [str(self.folder / WRAPPER), *argv[1:]] if has_come else argv

    def _make_folder(self) -> None:
        os.setegid(self.user)  # the group of all that this process makes from now on
        self.folder.mkdir()
        self.folder.chmod(0o770)
        os.close(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))

    def _give_files(self) -> None:
        """Put the files where the tool finds them: links to descriptors that it inherits, or copies."""
        for (name, may_open), descriptor in zip(self.order.reads, self.descriptors, strict=True):
            if may_open:
                (self.folder / name).symlink_to(f"/proc/self/fd/{descriptor}")
                continue
            with open(descriptor, "rb", closefd=False) as source, (self.folder / name).open("wb") as target:
                while chunk := source.read(_CHUNK_BYTES):
                    target.write(chunk)
                    self._look()
            (self.folder / name).chmod(0o750)  # it may be a program

    def _look(self) -> None:
        """Tell the harness that this process works; stop the tool after its time, on order, or before the disk is full.

        The process that waits for the tool is its user's as well, so the tool can stop it: here all are killed.
        """
        now_s = time.monotonic()
        if now_s - self.started_s > self.order.timeout_s:
            self.timed_out = True
            self._kill_all()
        if now_s - self.beaten_s > _BEAT_S:
            self.beaten_s = now_s
            protocol.beat(self.connection)
            if free_bytes(WORK) < _LEAST_FREE_BYTES:
                self._kill_all()
                raise _NoSpace
        with contextlib.suppress(BlockingIOError):
            if not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                self._kill_all()
                raise _HangUp

    def _opened(self, name: str) -> IO[bytes] | None:
        """Open a file that the tool wrote, if it is a regular one."""
        try:
            return Folder(self.folder).reader(self.folder / name)
        except OSError:
            return None

    def end(self) -> None:
        """End all that it started, and remove what it left."""
        self._kill_all()
        self._as_user(lambda: shutil.rmtree(self.folder, ignore_errors=True))  # its own folders in there
        shutil.rmtree(self.folder, ignore_errors=True)
        self.log.unlink(missing_ok=True)

    def _kill_all(self) -> None:
        """Kill all processes of the user, also those that left their group, session and parent.

        Raises:
            EngineError: one of them does not end.
        """
        self._as_user(lambda: os.kill(-1, signal.SIGKILL))  # at once all that this user may kill, so none can fork
        deadline = time.monotonic() + _KILLED_WITHIN_S
        while self._is_alive():
            if time.monotonic() > deadline:
                raise EngineError("a process of a tool does not end after SIGKILL")
            time.sleep(_POLL_S)

    def _is_alive(self) -> bool:
        """Whether a process of the user has not ended."""
        return any(map(self._is_of_user, Path("/proc").glob("[0-9]*/status")))

    def _is_of_user(self, status: Path) -> bool:
        try:
            lines = status.read_bytes().split(b"\n")  # a name may have any character but this
        except OSError:  # it has ended
            return False
        about = {name: value.split() for name, _, value in (line.partition(b":") for line in lines)}
        return str(self.user).encode() in about[b"Uid"] and about[b"State"][0] not in _DEAD

    def _as_user(self, work: Callable[[], object]) -> None:
        """Do something in a process of the user."""

        def as_user() -> None:
            self._become()
            work()

        os.waitpid(_in_child(as_user), 0)

    def _become(self) -> None:
        """Give up all rights of this process, for good."""
        for number in _NUMBERS:
            _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)
        os.setgroups([each for each in os.getgroups() if each])
        os.setresgid(self.user, self.user, self.user)
        os.setresuid(self.user, self.user, self.user)


if __name__ == "__main__":
    main()
