"""A small program that `harness.host.supervised` starts once: it forks supervisors, the parents of tools.

A supervisor does three things that the harness itself cannot do:

- When the harness dies, even by SIGKILL, its channel closes and the supervisor kills the tool.
- Linux counts the parent's memory at fork into a child's `ru_maxrss`. This parent uses 12 MB, so the tool's peak memory
  is that of the tool.
- When the tool ends, the supervisor kills every process that the tool left behind, also one that left its process group
  or session: a process without a parent becomes a child of this one, which is a "subreaper" (prctl(2)).

    argv: SOCKET_FD    a packet hands over the channel of a new supervisor; the end of the socket ends this program
    channel: a packet for each tool hands over two descriptors, the order and the log; its end means "kill", and "end"
    order: CWD, CORES (`0,2`), the number of arguments, PROGRAM ARGUMENT..., NAME=VALUE...; each with a zero byte behind
    report: packets back: `started PID`, then `ended WAIT_STATUS CPU_SECONDS PEAK_BYTES`; or `error ERRNO`

A fork takes a millisecond and the pages that the supervisor then writes take another, where the start of Python takes
fifteen; so a supervisor runs one tool after the other, unless one left something that it could not kill. This process
stays as small as it is, and runs one thread, so a fork of it is safe.
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
    """Fork supervisors, until the harness closes the socket or dies."""
    requests = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGCHLD, _reap)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    while descriptors := socket.recv_fds(requests, 1, 1)[1]:
        with socket.socket(fileno=descriptors[0]) as channel:
            channel.set_inheritable(False)  # recv_fds of Python 3.11 has no flag for it
            try:
                is_supervisor = os.fork() == 0
            except OSError as error:
                _tell(channel, f"error {error.errno}")
                continue
            if is_supervisor:
                requests.close()
                _supervise(channel)
                os._exit(0)  # at once: what the interpreter would do now takes longer than all before
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def _reap(*_: object) -> None:
    """Wait for supervisors that have ended, so that what tools took counts as taken by the harness."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            continue


def _supervise(channel: socket.socket) -> None:
    """Run tools until the channel ends, or one of them leaves something that cannot be killed."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    null = os.open(os.devnull, os.O_RDWR)
    is_clean = True
    while is_clean and (descriptors := socket.recv_fds(channel, 1, 2)[1]):
        is_clean = _run(channel, null, *descriptors)


def _run(channel: socket.socket, null: int, order: int, log: int) -> bool:
    """Start a tool, wait for its end or for that of the channel, and report. Return whether nothing is left of it."""
    os.set_inheritable(log, False)  # noqa: FBT003
    _write_to(log)
    try:
        pid = _started(order, null, log)
    except OSError as error:
        report, is_clean = f"error {error.errno}", True
    else:
        _tell(channel, f"started {pid}")
        _wait(pid, channel)
        _, status, usage = os.wait4(pid, 0)
        kill_group(pid)
        is_clean = _kill_children()
        report = f"ended {status} {usage.ru_utime + usage.ru_stime:.6f} {usage.ru_maxrss * 1024}"
    _write_to(null)
    os.close(log)
    os.chdir("/")
    _tell(channel, report)
    return is_clean


def _write_to(descriptor: int) -> None:
    """Let what this process writes go to a file."""
    for each in (1, 2):
        os.dup2(descriptor, each)


def _started(order: int, null: int, log: int) -> int:
    """Start the tool of an order, and return the number of its process."""
    with open(order, "rb") as file:
        cwd, cores, count, *rest = file.read().split(b"\0")[:-1]
    argv, variables = rest[: int(count)], rest[int(count) :]
    os.chdir(cwd)
    os.sched_setaffinity(0, map(int, cores.split(b",")))
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
    environment = dict(each.split(b"=", 1) for each in variables)
    return os.posix_spawn(argv[0], argv, environment, file_actions=actions, setpgroup=0)


def _tell(channel: socket.socket, line: str) -> None:
    """Tell the harness a line. If the harness is dead, go on: the tool must still be killed."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        channel.send(line.encode())


def _wait(pid: int, channel: socket.socket) -> None:
    """Wait for the end of the process; kill its group when the channel ends."""
    ended = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.register(channel, select.POLLIN | select.POLLHUP)
    while ended not in {descriptor for descriptor, _ in poll.poll()}:
        kill_group(pid)
        poll.unregister(channel)
    os.close(ended)


def kill_group(group: int) -> None:
    """Kill all processes of a group, if there are any that are this user's."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _kill_children() -> bool:
    """Kill the children of this process until none is left. The orphans of one that dies are children as well.

    A program that forks faster than this is left alone in the end, and then this returns False.
    """
    deadline = time.monotonic() + _KILLED_WITHIN_S
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG) != (0, 0):
                continue
        except ChildProcessError:
            return True
        try:
            for child in _children():
                os.kill(child, signal.SIGKILL)  # not reaped yet, so the number is not another's
        except PermissionError:  # it became another user
            return False
        os.waitpid(-1, 0)
    return False


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
