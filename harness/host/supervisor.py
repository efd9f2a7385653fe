"""The parent of one tool: a small program of its own, started by `harness.process` and by nothing else.

It exists because three things cannot be had from inside the harness: when the harness dies, even by
SIGKILL, its end of the control pipe closes and the tool is killed; the tool's peak memory is its own
(Linux counts the memory of the parent at fork into a child's `ru_maxrss`, and this parent's is 9 MB);
and what the tool leaves running in its process group is killed when it ends.

    argv: REPORT_FD LOG_FD PROGRAM ARGUMENT...    stdin: the control pipe, whose end means "kill"
    report: `started PID`, then `ended WAIT_STATUS CPU_SECONDS PEAK_BYTES`; or `error ERRNO`

Only modules that start fast are imported: this runs once for each tool.
"""

import os
import resource
import select
import sys

SIGKILL = 9


def main() -> None:
    """Start the tool, wait for its end or for the end of the control pipe, report."""
    report, log = int(sys.argv[1]), int(sys.argv[2])
    argv = sys.argv[3:]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
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
    _tell(report, f"ended {status} {usage.ru_utime + usage.ru_stime:.6f} {usage.ru_maxrss * 1024}")


def _tell(report: int, line: str) -> None:
    """Write a line to the harness, which may be dead by now: there is still a tool to kill then."""
    try:
        os.write(report, f"{line}\n".encode())
    except BrokenPipeError:
        return


def _wait(pid: int) -> None:
    """Return when the process has ended, which it is made to when the control pipe closes."""
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
    """Kill every process of a group that may be empty by now."""
    try:
        os.killpg(group, SIGKILL)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    main()
