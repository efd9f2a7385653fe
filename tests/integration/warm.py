"""The command in a process that is forked from a warm one, which has loaded its modules: starting it takes no time.

It is a process as any other: with its own arguments, environment, folder and streams, and measured as the others are.
"""

import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import coverage

import harness
from harness.__main__ import main
from harness.host.beneath import Folder
from harness.iree import toolchain, wheel_contents
from harness.store import entry

HARNESS = [sys.executable, "-m", "harness"]
MEASURED = "COVERAGE_PROCESS_START"  # of processes in which coverage is measured
# Variables that count when Python starts.
_OF_PYTHON = ("PYTHON", "LANG", "LC_", "LD_", "TZ")
_JOB_BYTES = 1 << 17


def ran(
    argv: Sequence[str], *, cwd: str | Path, env: Mapping[str, str], timeout: float = 900
) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end. The harness runs in a forked process, unless its Python is to start otherwise."""
    if [*argv[: len(HARNESS)]] != HARNESS or _of_python(env) != _of_python(os.environ):
        return subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=timeout)
    job = {"argv": ["harness", *argv[len(HARNESS) :]], "cwd": str(cwd), "env": dict(env)}
    ours, theirs = socket.socketpair()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err, ours, theirs:
        socket.send_fds(_warm()[0], [json.dumps(job).encode()], [out.fileno(), err.fileno(), theirs.fileno()])
        ours.settimeout(timeout)
        code = int(ours.recv(16))
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(argv, code, out.read(), err.read())


def _of_python(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(_OF_PYTHON)}


@functools.cache
def _warm() -> "tuple[socket.socket, subprocess.Popen[bytes]]":
    """Start the warm process, and return it with its socket. It ends with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        argv = [sys.executable, "-P", __file__, str(theirs.fileno())]
        env = {name: value for name, value in os.environ.items() if name != MEASURED}
        child = subprocess.Popen(
            argv, env=env, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], start_new_session=True
        )
    return ours, child


def _load() -> None:
    """Load all modules that the harness loads, some of them late."""
    for each in pkgutil.walk_packages(harness.__path__, "harness."):
        if not each.name.startswith("harness.importers.workers."):  # they run in the environments of importers
            importlib.import_module(each.name)
    for name in ("docker", "jsonschema"):
        importlib.import_module(name)
    gc.freeze()  # what is shared stays so


def _forked(channel: socket.socket) -> bool:
    """Fork a process for each job. Return True in such a process, and False at the end of the jobs."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # those that look after the others are left to the system
    while True:
        text, descriptors, *_ = socket.recv_fds(channel, _JOB_BYTES, 3)
        if not text:
            return False
        job = json.loads(text)
        _read_toolchains(job)
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            if (pid := os.fork()) == 0:
                _become(job, *descriptors)
                return True
            _look_after(pid, descriptors[-1])
        for each in descriptors:
            os.close(each)


def _read_toolchains(job: Any) -> None:
    """Read the toolchains in the store of a job: what a process has read it does not read again, unless it changed."""
    words = job["argv"]
    if "--store" not in words[:-1]:
        return
    root = Folder(Path(job["cwd"], words[words.index("--store") + 1]).absolute())
    with contextlib.suppress(OSError):
        for folder in (root.path / toolchain.KIND).glob("*/[0-9]*"):
            if found := entry.found(root, str(folder.relative_to(root.path))):
                wheel_contents.is_intact(root, found.entry, toolchain.PROGRAMS)


def _look_after(pid: int, reply: int) -> None:
    """Reply with the exit code of a child, which is killed if the one who asked is gone."""
    child = os.pidfd_open(pid)
    if child not in select.select([child, reply], [], [])[0]:
        os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.write(reply, str(code).encode())
    os._exit(0)


def _become(job: Any, out: int, err: int, reply: int) -> None:
    """Be the process that was asked for."""
    os.close(reply)
    for descriptor, number in ((out, 1), (err, 2)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["env"])
    sys.argv = job["argv"]
    coverage.process_startup()


if __name__ == "__main__":
    _load()
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        is_asked = _forked(requests)
    if is_asked:
        main()
