"""Starts processes, with a log file, a timeout and a measurement of peak memory, and kills all that they leave behind.

Each process runs below a supervisor, which kills it if this process dies: `harness.host.supervised`.
"""

import contextlib
import os
import resource
import select
import signal
import subprocess  # noqa: TID251 - other modules start processes with this one
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from harness.core.callbacks import ignore
from harness.core.errors import DiskError, ToolError
from harness.core.floats import Number
from harness.core.values import frozen
from harness.host import supervised, supervisor
from harness.host.cancel import Cancelled, CancelToken
from harness.host.waiting import SLICE_S

# Text of the C library for ENOSPC, which programs print.
NO_SPACE = "No space left on device"


@frozen
class ProcessResult:
    """How a process ended.

    Attributes:
        exit_code: None if a signal ended the process.
        signal: number of the signal that ended it.
        timed_out: whether it was killed after its timeout.
        seconds: duration.
        cpu_seconds: CPU time.
        peak_memory_bytes: peak resident memory.
    """

    exit_code: int | None
    signal: int | None
    timed_out: bool
    seconds: Number
    cpu_seconds: Number
    peak_memory_bytes: int

    @property
    def signal_name(self) -> str:
        """`SIGSEGV`, or `signal 40` for a signal without a name; empty if no signal ended the process."""
        names = {each.value: each.name for each in signal.Signals}
        return names.get(self.signal, f"signal {self.signal}") if self.signal else ""


def has_memory_limit() -> bool:
    """Whether this process and those that it starts may use less memory than the machine has."""
    limits = (resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA))
    return any(limit != resource.RLIM_INFINITY for limit in limits)


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    log_path: Path,
    timeout_s: float,
    cancel: CancelToken | None = None,
    variables: Mapping[str, str] | None = None,
    on_written: Callable[[int], None] | None = None,
    inherited: Sequence[int] = (),
    become: Callable[[], None] | None = None,
    on_wait: Callable[[], None] = ignore,
) -> ProcessResult:
    """Run a program and wait for its end. Its stdout and stderr are appended to a log file.

    Args:
        argv: absolute path of the program, and its arguments; no shell is involved.
        cwd: working directory.
        log_path: file to append to.
        timeout_s: seconds after which its process group is killed.
        cancel: kills it when it is set.
        variables: environment variables to add to the inherited ones.
        on_written: called now and then with how many bytes the program has written so far, into files or elsewhere.
        inherited: descriptors that the program gets under the same numbers.
        become: called before the program starts, in its process, to give up rights; only in a process with one thread.
        on_wait: called ten times a second; an exception from it ends the program.

    Raises:
        ToolError: the program cannot be started.
        DiskError: the log file cannot be written.
        Cancelled: `cancel` was set.
    """
    started_s = time.monotonic()
    with (
        _append(log_path) as log,
        supervised.started(
            argv, cwd=cwd, log=log, variables=variables or {}, inherited=inherited, become=become
        ) as started,
    ):
        pid = _pid(started.said, argv[0])

        def meanwhile() -> None:
            _tell_written(pid, on_written)
            on_wait()

        in_time = _wait_for_line(started.channel.fileno(), timeout_s, cancel, meanwhile)
        if not in_time:
            started.kill()
        line = started.told()
        if not line:
            supervisor.kill_group(pid)
    if not in_time and cancel is not None and cancel.is_set():
        raise Cancelled
    return _result(line, timed_out=not in_time, seconds=time.monotonic() - started_s)


def inherited(name: str) -> str:
    """Return a variable of the environment that programs get from this process; empty if it has none."""
    return os.environ.get(name, "")  # noqa: TID251 - as `run` passes it on


def environment() -> Mapping[str, str]:
    """Return the environment that programs get from this process."""
    return dict(os.environ)  # noqa: TID251 - as `run` passes it on


@contextlib.contextmanager
def outlived_by(program: Path, *arguments: str) -> Iterator[None]:
    """Run a small Python program until the end of the context. It keeps running if this process is killed.

    Its stdin gets a byte at the end of the context, and ends without a byte if this process dies.
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


@contextlib.contextmanager
def _append(path: Path) -> Iterator[int]:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as error:
        raise DiskError(f"Cannot write the log {path}: {error.strerror}. Choose another folder with --out.") from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _pid(line: str, program: str) -> int:
    match line.split():
        case ["started", pid]:
            return int(pid)
        case ["error", number]:
            raise ToolError(f"Cannot start {program}: {os.strerror(int(number))}. Check the toolchain.")
        case _:
            raise ToolError(f"Cannot start {program}: its supervisor died. See the log.")


def _tell_written(pid: int, on_written: Callable[[int], None] | None) -> None:
    """Report what a process and its children that ended have written (proc(5): `wchar` in /proc/PID/io), if known."""
    if on_written is not None:
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            counts = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines())
            on_written(int(counts["wchar"]))


def _wait_for_line(report: int, timeout_s: float, cancel: CancelToken | None, meanwhile: Callable[[], None]) -> bool:
    """Wait for the next line of the report. Return False after the timeout, or when `cancel` is set."""
    poll = select.poll()
    poll.register(report, select.POLLIN)
    if cancel is not None:
        poll.register(cancel, select.POLLIN)
    deadline = time.monotonic() + timeout_s
    while (left_s := deadline - time.monotonic()) > 0:
        meanwhile()
        if ready := {descriptor for descriptor, _ in poll.poll(1000 * min(left_s, SLICE_S))}:
            return report in ready
    return False


def _result(line: str, *, timed_out: bool, seconds: float) -> ProcessResult:
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
