"""The only place that starts a process: log file, timeout, whole group killed, peak memory.

A process is started under `harness.supervisor`, which outlives this one just long enough to kill it.
"""

import contextlib
import os
import select
import signal
import subprocess  # noqa: TID251 - this is the place
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from harness.core.errors import DiskError, ToolError
from harness.host import supervisor
from harness.host.waiting import SLICE_S

# What a program says of it, by way of the C library's text for ENOSPC.
NO_SPACE = "No space left on device"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessResult:
    """How a process ended: with an exit code, or by a signal; `timed_out` if by ours."""

    exit_code: int | None
    signal: int | None
    timed_out: bool
    seconds: float
    cpu_seconds: float
    peak_memory_bytes: int

    @property
    def signal_name(self) -> str:
        """`SIGSEGV`, or `signal 40` where it has no name, or empty if no signal ended it."""
        names = {each.value: each.name for each in signal.Signals}
        return names.get(self.signal, f"signal {self.signal}") if self.signal else ""


class Cancelled(Exception):  # noqa: N818 - it is an order carried out, not an error
    """The process was killed, or not started, because the run was cancelled."""


class CancelToken:
    """An order to stop that reaches threads waiting for a process as well as those that ask."""

    def __init__(self) -> None:
        """Start out not set."""
        self._event = threading.Event()
        self._calls: list[Callable[[], None]] = []
        self._read_fd, self._write_fd = os.pipe()
        weakref.finalize(self, _close, self._read_fd, self._write_fd)

    def set(self) -> None:
        """Give the order; it cannot be taken back."""
        self._event.set()
        os.write(self._write_fd, b".")
        for call in list(self._calls):
            call()

    @contextlib.contextmanager
    def calling(self, call: Callable[[], None]) -> Iterator[None]:
        """Have something called, by whoever gives the order, as long as the context lasts."""
        self._calls.append(call)
        try:
            if self.is_set():
                call()
            yield
        finally:
            self._calls.remove(call)

    def is_set(self) -> bool:
        """Whether the order was given."""
        return self._event.is_set()

    def fileno(self) -> int:
        """Return a descriptor that is readable once the order was given."""
        return self._read_fd


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    log_path: Path,
    timeout_s: float,
    cancel: CancelToken | None = None,
    variables: Mapping[str, str] | None = None,
) -> ProcessResult:
    """Run a program to its end; its stdout and stderr are appended to the log file as they come.

    Args:
        argv: the program's absolute path, then its arguments; never seen by a shell.
        cwd: folder in which it runs.
        log_path: file to append to.
        timeout_s: seconds after which its whole process group is killed.
        cancel: an order to kill it sooner.
        variables: added to the inherited environment.

    Raises:
        ToolError: the program cannot be started.
        DiskError: the log file cannot be written.
        Cancelled: it was killed because of `cancel`.
    """
    started = time.monotonic()
    with _append(log_path) as log, _supervised(argv, cwd, log, variables or {}) as (child, report):
        pid = _pid(report.readline(), argv[0])
        in_time = _comes(report, timeout_s, cancel)
        _hang_up(child)
        line = report.readline()
        if not line:
            supervisor.kill_group(pid)
    if not in_time and cancel is not None and cancel.is_set():
        raise Cancelled
    return _ended(line, timed_out=not in_time, seconds=time.monotonic() - started)


@contextlib.contextmanager
def outlived_by(program: Path, *arguments: str) -> Iterator[None]:
    """Have a small Python program beside this process as long as the context lasts, and longer if this one is killed.

    Its stdin has a byte at the end of the context, and comes to its end without one if this process died before.
    """
    child = subprocess.Popen(
        [sys.executable, "-IS", str(program), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        child.communicate(b".")


def _close(*descriptors: int) -> None:
    for each in descriptors:
        os.close(each)


@contextlib.contextmanager
def _append(path: Path) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as error:
        raise DiskError(f"{path}: the log cannot be written ({error.strerror}); choose another --out.") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _supervised(
    argv: Sequence[str], cwd: Path, log: int, variables: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], IO[str]]]:
    """Start the supervisor; whatever happens inside, the tool is dead and all is closed after."""
    read_fd, write_fd = os.pipe()
    with os.fdopen(read_fd, encoding="ascii") as report:
        try:
            child = subprocess.Popen(
                [sys.executable, "-IS", supervisor.__file__, str(write_fd), str(log), *argv],
                cwd=cwd,
                env={**os.environ, **variables},  # noqa: TID251 - a program inherits it, nothing here reads it
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=(write_fd, log),
                start_new_session=True,
            )
        finally:
            os.close(write_fd)
        try:
            yield child, report
        finally:
            _hang_up(child)
            child.wait()


def _hang_up(child: subprocess.Popen[bytes]) -> None:
    """Close the control pipe, upon which the supervisor kills what still runs."""
    if child.stdin is not None:
        child.stdin.close()


def _pid(line: str, program: str) -> int:
    match line.split():
        case ["started", pid]:
            return int(pid)
        case ["error", number]:
            raise ToolError(f"{program} cannot be started: {os.strerror(int(number))}; check the toolchain.")
        case _:
            raise ToolError(f"{program} was not started: its supervisor died; see the log.")


def _comes(report: IO[str], timeout_s: float, cancel: CancelToken | None) -> bool:
    """Wait for the next line of the report; False when time is up or the run is cancelled."""
    poll = select.poll()
    poll.register(report, select.POLLIN)
    if cancel is not None:
        poll.register(cancel, select.POLLIN)
    deadline = time.monotonic() + timeout_s
    while (left_s := deadline - time.monotonic()) > 0:
        if ready := {descriptor for descriptor, _ in poll.poll(1000 * min(left_s, SLICE_S))}:
            return report.fileno() in ready
    return False


def _ended(line: str, *, timed_out: bool, seconds: float) -> ProcessResult:
    _, status, cpu_seconds, peak_bytes = line.split() if line else ("", str(int(signal.SIGKILL)), "0", "0")
    code = os.waitstatus_to_exitcode(int(status))
    return ProcessResult(
        exit_code=code if code >= 0 else None,
        signal=-code if code < 0 else None,
        timed_out=timed_out,
        seconds=seconds,
        cpu_seconds=float(cpu_seconds),
        peak_memory_bytes=int(peak_bytes),
    )
