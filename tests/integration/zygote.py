"""A warm process that forks another for each fetch, which can be killed: it takes no time to start."""

import contextlib
import gc
import importlib
import itertools
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn, Self

from harness.core.blobs import Blob
from harness.core.errors import HarnessError
from harness.fetch.download import DownloadOptions
from harness.fetch.fetcher import Fetcher
from harness.fetch.retry import Retry
from harness.store.store import Store

# What a process of another machine is like, as far as its name goes.
_APART = (["unshare", "--uts"], ["unshare", "--user", "--map-root-user", "--uts"])
# None is needed, and to read those of this machine takes long.
_NO_CERTIFICATES = {"SSL_CERT_FILE": "", "SSL_CERT_DIR": str(Path(__file__).parent)}


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to fetch into which store; `lingers` if the process is to do nothing once it has it."""

    root: str
    url: str
    sha256: str | None
    connections: int
    chunk_bytes: int
    lingers: bool = False


class Fetching:
    """A process that fetches; what it says is read as it comes."""

    def __init__(self, pid: int, lines: Iterator[dict[str, Any]]) -> None:
        self.pid = pid
        self.said: list[dict[str, Any]] = []
        self._lines = lines

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)  # until the next is started it is at most a zombie

    def wait_for(self, *names: str) -> Any:
        """Return what it says first of one of these; fail if it comes to an end before."""
        for line in self._lines:
            self.said.append(line)
            for name in names:
                if name in line:
                    return line[name]
            assert not line.keys() & {"path", "error", "status"}, self.said
        raise AssertionError(self.said)

    def ended(self) -> int:
        """Wait for its end, and return its exit code, or the signal that killed it, below 0."""
        for line in self._lines:
            self.said.append(line)
            if "status" in line:
                return int(line["status"])
        raise AssertionError(self.said)


class Zygote:
    """Starts one fetching process at a time; those of a host of another name are in a namespace of their own."""

    def __init__(self, host: str | None = None) -> None:
        prefix = _apart() if host else []
        # Not measured: what it forks is killed, or ends without a word to what measures.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        environment |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **_NO_CERTIFICATES}
        argv = [*prefix, sys.executable, __file__, *([host] if prefix and host else [])]
        self._process = subprocess.Popen(
            argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._lines = self._read()
        self.host = str(next(self._lines)["host"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.close()
            self._process.stdout.read()

    def start(self, job: Job) -> Fetching:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(job)) + "\n")
        early = []  # what it says before its parent has said that it is there
        while "pid" not in (line := next(self._lines)):
            early.append(line)
        return Fetching(int(line["pid"]), itertools.chain(early, self._lines))

    def _read(self) -> Iterator[dict[str, Any]]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            yield json.loads(line)


def _apart() -> list[str]:
    """Return what starts a program on a host of another name; nothing where that is not permitted."""
    for prefix in _APART:
        with contextlib.suppress(OSError):
            if subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode == 0:
                return prefix
    return []


def _say(**what: Any) -> None:
    os.write(1, (json.dumps(what) + "\n").encode())


def _fetch(job: Job) -> NoReturn:
    """Be the process that fetches."""
    retry = Retry(attempts=3, first_wait_s=0.01, stall_s=60)
    options = DownloadOptions(
        notice=lambda text: _say(notice=text), retry=retry, connections=job.connections, chunk_bytes=job.chunk_bytes
    )
    store = Store(Path(job.root), on_wait=lambda holder, _: _say(waits_for=holder))
    try:
        with Fetcher(store, options) as fetcher:
            fetched = fetcher.fetch(Blob(url=job.url, sha256=job.sha256))
        _say(path=str(fetched.path), sha256=fetched.blob.sha256)
        if job.lingers:
            signal.pause()
    except HarnessError as error:
        _say(error=str(error))
        os._exit(1)
    os._exit(0)


def _serve() -> None:
    """Fork a process for each line; should the lines end, kill the last."""
    importlib.import_module("harness.fetch.http")  # which a fetch loads late
    gc.freeze()  # what is shared stays so
    _say(host=os.uname().nodename)
    for line in sys.stdin:
        job = Job(**json.loads(line))
        if (pid := os.fork()) == 0:
            try:
                _fetch(job)
            finally:
                os._exit(2)
        _say(pid=pid)
        _look_after(pid)


def _look_after(pid: int) -> None:
    child = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(child, select.POLLIN)
    poll.register(0, select.POLLHUP)
    if dict(poll.poll()).get(child) is None:
        os.kill(pid, signal.SIGKILL)
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    os.close(child)
    assert ended is not None
    _say(status=ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status)
    # The number belongs to nobody else before somebody asks for the next process.
    poll.unregister(child)
    poll.modify(0, select.POLLIN | select.POLLHUP)
    poll.poll()
    os.waitpid(pid, 0)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        socket.sethostname(sys.argv[1])
    _serve()
