"""A small program that `harness.host.supervised` starts once: for each tool it forks a supervisor, the tool's parent.

A supervisor does three things that the harness itself cannot do:

- When the harness dies, even by SIGKILL, the control pipe closes and the supervisor kills the tool.
- Linux counts the parent's memory at fork into a child's `ru_maxrss`. This parent uses 12 MB, so the tool's peak memory
  is that of the tool.
- When the tool ends, the supervisor kills every process that the tool left behind, also one that left its process group
  or session: a process without a parent becomes a child of this one, which is a "subreaper" (prctl(2)).

    argv: SOCKET_FD    a packet for each tool hands over four descriptors; the end of the socket ends this program
    descriptors: the order, the control pipe, the report, the log
    order: CWD, CORES (`0,2`), the number of arguments, PROGRAM ARGUMENT..., NAME=VALUE...; each with a zero byte behind
    control pipe: its end means "kill"
    report: `started PID`, then `ended WAIT_STATUS CPU_SECONDS PEAK_BYTES`; or `error ERRNO`

A fork takes a millisecond, where the start of Python takes fifteen. This process stays as small as it is, and runs one
thread, so a fork of it is safe.
"""

import contextlib
import ctypes
import os
import resource
import select
import signal
import socket  # noqa: TID251 - between processes of this machine
import sys
import time

_PR_SET_CHILD_SUBREAPER = 36
_KILLED_WITHIN_S = 5.0
_libc = ctypes.CDLL(None)


def main() -> None:
    """Fork a supervisor for each tool, until the harness closes the socket or dies."""
    orders = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGCHLD, _reap)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while descriptors := socket.recv_fds(orders, 1, 4)[1]:
        report = descriptors[2]
        try:
            is_supervisor = os.fork() == 0
        except OSError as error:
            _tell(report, f"error {error.errno}")
            is_supervisor = False
        if is_supervisor:
            orders.close()
            _supervise(*descriptors)
            os._exit(0)  # at once: what the interpreter would do now takes longer than all before
        for each in descriptors:
            os.close(each)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def _reap(*_: object) -> None:
    """Wait for supervisors that have ended, so that what tools took counts as taken by the harness."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            continue


def _supervise(order: int, control: int, report: int, log: int) -> None:
    """Start the tool, wait for its end or for that of the control pipe, and report."""
    os.setsid()
    for each in (order, control, report, log):
        os.set_inheritable(each, False)  # noqa: FBT003 - recv_fds of Python 3.11 has no flag for it
    os.dup2(log, 1)
    os.dup2(log, 2)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        pid = _started(order, log)
    except OSError as error:
        _tell(report, f"error {error.errno}")
        return
    _tell(report, f"started {pid}")
    _wait(pid, control)
    _, status, usage = os.wait4(pid, 0)
    kill_group(pid)
    _kill_children()
    _tell(report, f"ended {status} {usage.ru_utime + usage.ru_stime:.6f} {usage.ru_maxrss * 1024}")


def _started(order: int, log: int) -> int:
    """Start the tool of an order, and return the number of its process."""
    with open(order, "rb") as file:
        cwd, cores, count, *rest = file.read().split(b"\0")[:-1]
    argv, variables = rest[: int(count)], rest[int(count) :]
    os.chdir(cwd)
    os.sched_setaffinity(0, map(int, cores.split(b",")))
    null = os.open(os.devnull, os.O_RDONLY)
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
    environment = dict(each.split(b"=", 1) for each in variables)
    return os.posix_spawn(argv[0], argv, environment, file_actions=actions, setpgroup=0)


def _tell(report: int, line: str) -> None:
    """Write a line to the harness. If the harness is dead, go on: the tool must still be killed."""
    try:
        os.write(report, f"{line}\n".encode())
    except BrokenPipeError:
        return


def _wait(pid: int, control: int) -> None:
    """Wait for the end of the process; kill its group when the control pipe closes."""
    ended = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.register(control, select.POLLIN | select.POLLHUP)
    while True:
        ready = [descriptor for descriptor, _ in poll.poll()]
        if ended in ready:
            return
        kill_group(pid)
        poll.unregister(control)


def kill_group(group: int) -> None:
    """Kill all processes of a group, if there are any that are this user's."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _kill_children() -> None:
    """Kill the children of this process until none is left. The orphans of one that dies are children as well.

    A program that forks faster than this is left alone in the end.
    """
    deadline = time.monotonic() + _KILLED_WITHIN_S
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG) != (0, 0):
                continue
        except ChildProcessError:
            return
        try:
            for child in _children():
                os.kill(child, signal.SIGKILL)  # not reaped yet, so the number is not another's
        except PermissionError:  # it became another user
            return
        os.waitpid(-1, 0)


def _children() -> "list[int]":
    """Return the ids of the children of this process (proc_pid_stat(5): the parent follows the name and the state)."""
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib takes long to load
        try:
            with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                parent = int(file.read().rpartition(b")")[2].split()[1])
        except (OSError, IndexError):  # no process, or it has ended
            continue
        if parent == os.getpid():
            found.append(int(name))
    return found


if __name__ == "__main__":
    main()
