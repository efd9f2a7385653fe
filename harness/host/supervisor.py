"""A small program that `harness.host.process` starts as the parent of each tool.

It does three things that the harness itself cannot do:

- When the harness dies, even by SIGKILL, the control pipe closes and the supervisor kills the tool.
- Linux counts the parent's memory at fork into a child's `ru_maxrss`. This parent uses 9 MB, so the tool's peak memory
  is that of the tool.
- When the tool ends, the supervisor kills every process that the tool left behind, also one that left its process group
  or session: a process without a parent becomes a child of this one, which is a "subreaper" (prctl(2)).

    argv: REPORT_FD LOG_FD PROGRAM ARGUMENT...    stdin: the control pipe; its end means "kill"
    report: `started PID`, then `ended WAIT_STATUS CPU_SECONDS PEAK_BYTES`; or `error ERRNO`

It runs once per tool, so it imports only modules that load fast.
"""

import ctypes
import os
import resource
import select
import sys
import time

SIGKILL = 9
_PR_SET_CHILD_SUBREAPER = 36
_KILLED_WITHIN_S = 5.0


def main() -> None:
    """Start the tool, wait for its end or for that of the control pipe, and report."""
    report, log = int(sys.argv[1]), int(sys.argv[2])
    argv = sys.argv[3:]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    null = os.open(os.devnull, os.O_RDONLY)
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
    closed = [(os.POSIX_SPAWN_CLOSE, report), (os.POSIX_SPAWN_CLOSE, log)]
    try:
        pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=actions + closed, setpgroup=0)  # noqa: TID251
    except OSError as error:
        _tell(report, f"error {error.errno}")
        return
    _tell(report, f"started {pid}")
    _wait(pid)
    _, status, usage = os.wait4(pid, 0)
    kill_group(pid)
    _kill_children()
    _tell(report, f"ended {status} {usage.ru_utime + usage.ru_stime:.6f} {usage.ru_maxrss * 1024}")


def _tell(report: int, line: str) -> None:
    """Write a line to the harness. If the harness is dead, go on: the tool must still be killed."""
    try:
        os.write(report, f"{line}\n".encode())
    except BrokenPipeError:
        return


def _wait(pid: int) -> None:
    """Wait for the end of the process; kill its group when the control pipe closes."""
    ended = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.register(0, select.POLLIN | select.POLLHUP)
    while True:
        ready = [descriptor for descriptor, _ in poll.poll()]
        if ended in ready:
            return
        kill_group(pid)
        poll.unregister(0)


def kill_group(group: int) -> None:
    """Kill all processes of a group, if there are any that are this user's."""
    try:
        os.killpg(group, SIGKILL)
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
                os.kill(child, SIGKILL)  # not reaped yet, so the number is not another's
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
