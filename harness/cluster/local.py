"""A cluster on this machine alone: a scheduler and workers that live as long as a command."""

import contextlib
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.core.errors import EngineError
from harness.host import process
from harness.host.cancel import Cancelled, CancelToken

_START_S = 60.0
_FOREVER_S = 10 * 365 * 86400.0
_POLL_S = 0.05
_SAYS = "scheduler at "


@contextlib.contextmanager
def started(workers: int, options: Sequence[str]) -> Iterator[str]:
    """Start a scheduler and workers, and yield the address; all end afterwards, or when this process dies.

    Args:
        workers: their number. The first has the GPUs.
        options: of `harness cluster worker`, for all of them.

    Raises:
        EngineError: the scheduler does not start.
    """
    cancel, threads = CancelToken(), []

    def start(words: Sequence[str], log: Path) -> None:
        def run() -> None:
            with contextlib.suppress(Cancelled):
                process.run(
                    [sys.executable, "-m", "harness", "cluster", *words],
                    cwd=folder,
                    log_path=log,
                    timeout_s=_FOREVER_S,
                    cancel=cancel,
                )

        threads.append(threading.Thread(target=run, daemon=True))
        threads[-1].start()

    with tempfile.TemporaryDirectory(prefix="harness-cluster-") as name:
        folder = Path(name)
        try:
            start(["scheduler", "--listen", "tcp://127.0.0.1:0"], folder / "scheduler.log")
            address = _address(folder / "scheduler.log")
            for number in range(1, workers + 1):
                own = ["--name", f"local-{number}", *(["--no-gpu"] if number > 1 else [])]
                start(["worker", "--scheduler", address, *own, *options], folder / f"worker-{number}.log")
            yield address
        finally:
            cancel.set()
            for each in threads:
                each.join()


def _address(log: Path) -> str:
    """Wait until the scheduler says its address."""
    deadline_s = time.monotonic() + _START_S
    text = ""
    while time.monotonic() < deadline_s:
        with contextlib.suppress(FileNotFoundError):
            text = log.read_text(encoding="utf-8", errors="replace")
        if found := [line for line in text.splitlines() if line.startswith(_SAYS)]:
            return found[0].removeprefix(_SAYS)
        time.sleep(_POLL_S)
    raise EngineError(f"The scheduler did not start: {text.strip() or 'it printed nothing'}.")
