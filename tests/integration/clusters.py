"""A cluster of real processes: a scheduler and workers, which tests kill and freeze."""

import re
import signal
import subprocess
from pathlib import Path
from typing import Self

from tests.integration.laboratory import clean_environment
from tests.integration.warm import HARNESS
from tests.patience import PATIENCE_S, comes_true

FROZEN_S = 5  # the shortest time that Dask takes seriously
_SCHEDULER = re.compile("^scheduler at (.*)$", re.MULTILINE)
_THERE = re.compile("^t(?:cp|ls)://.*: .* at once", re.MULTILINE)


class Process:
    """A process of a cluster, and what it prints."""

    def __init__(self, log: Path, *words: str, cwd: Path) -> None:
        self._log = log
        with log.open("w") as file:
            argv = [*HARNESS, "cluster", *words]
            self.child = subprocess.Popen(argv, stdout=file, stderr=file, cwd=cwd, env=clean_environment())

    @property
    def text(self) -> str:
        """What it has printed."""
        return self._log.read_text()

    def says(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """Wait until it says something."""
        assert comes_true(lambda: pattern.search(self.text) or self.child.poll() is not None, PATIENCE_S), self.text
        found = pattern.search(self.text)
        assert found, self.text
        return found

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it is there."""
        if self.child.poll() is None:
            self.child.send_signal(number)

    def end(self) -> int:
        """End it, and return its exit code."""
        self.send(signal.SIGTERM)
        try:
            return self.child.wait(PATIENCE_S)
        finally:
            self.child.kill()


class Cluster:
    """A scheduler, and workers with an IREE that is installed already, and with a cache of their own each."""

    def __init__(
        self, root: Path, tools: Path, *, port: int = 0, scheme: str = "tcp", certificates: Path | None = None
    ) -> None:
        self._tools = tools
        self._secured = ("--certificates", str(certificates)) if certificates else ()
        self.root, self.workers, self.lost = root, list[Process](), list[Process]()
        self._number = 0
        address = f"{scheme}://127.0.0.1:{port}"
        words = ("scheduler", "--listen", address, "--frozen-after", str(FROZEN_S), *self._secured)
        self.scheduler = Process(root / "scheduler.log", *words, cwd=root)
        self.address = self.scheduler.says(_SCHEDULER)[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self.lost:
            each.send(signal.SIGKILL)
        for each in (*self.workers, self.scheduler):
            each.send(signal.SIGTERM)
        for each in (*self.lost, *self.workers, self.scheduler):
            each.end()

    def start(self, *options: str, store: str = "") -> Process:
        """Start a worker, which may not be there yet."""
        self._number += 1
        name = f"w{self._number}"
        places = ("--store", str(self.root / (store or name)), "--toolchain", str(self._tools))
        own = ("--name", name, "--jobs", "1", *places, *self._secured)
        words = ("worker", "--scheduler", self.address, *own, *options)
        self.workers.append(Process(self.root / f"{name}.log", *words, cwd=self.root))
        return self.workers[-1]

    def add(self, *options: str, store: str = "") -> Process:
        """Start a worker, and wait until it is there."""
        started = self.start(*options, store=store)
        started.says(_THERE)
        return started
