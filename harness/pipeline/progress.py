"""Shows the progress of a run: bars and elapsed times on a terminal, plain lines elsewhere."""

import threading
import time
from collections.abc import Sequence
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from harness.core.blobs import Blob, FetchEstimate
from harness.core.outcomes import Outcome
from harness.fetch.throughput import Throughput
from harness.pipeline.environment import Environment
from harness.pipeline.steps import Compare, Compile, Fetch, Step
from harness.report import console as lines
from harness.report.causes import cause

_LINE_S = 15.0  # between two lines about fetching, where no bar can be drawn
_TOTAL, _READ = "total", "read"


class Live:
    """Draws bars for steps and bytes, and prints the line of each case when its outcome is known."""

    def __init__(self, console: Console, *, id_width: int) -> None:
        """Prepare; nothing is shown yet.

        Args:
            console: where to print.
            id_width: the length of the longest case id.
        """
        self._console, self._id_width = console, id_width
        self._lock = threading.Lock()
        self._causes: dict[str, str] = {}
        self._tasks: dict[Step | Blob | str, TaskID] = {}
        self._throughput, self._told_s = Throughput(), time.monotonic()
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            _OfFetches(BarColumn(bar_width=24)),
            _OfFetches(DownloadColumn()),
            _OfFetches(TransferSpeedColumn()),
            _OfFetches(TimeRemainingColumn()),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        """Start drawing."""
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the bars; the lines of the cases stay."""
        self._progress.stop()

    def step_started(self, step: Step, case_ids: Sequence[str]) -> None:
        """Show a compilation or a run; other steps are short."""
        if isinstance(step, Fetch | Compare):
            return
        subject = case_ids[0] + (f" and {len(case_ids) - 1} more" if len(case_ids) > 1 else "")
        compiled = step if isinstance(step, Compile) else step.compiles[-1]
        verb = "compile" if step is compiled else "run"
        name = f" {compiled.module}" if step is compiled and compiled.module != "model.vmfb" else ""
        task = self._progress.add_task(f"{verb} {subject}{name} with {compiled.release}", total=None)
        with self._lock:
            self._tasks[step] = task

    def step_ended(self, step: Step) -> None:
        """Remove the line of a step."""
        if isinstance(step, Fetch):
            self.fetched(step.blob)
            return
        with self._lock:
            task = self._tasks.pop(step, None)
        if task is not None:
            self._progress.remove_task(task)

    def case_ended(self, outcome: Outcome) -> None:
        """Print the line of a case."""
        first = self._causes.setdefault(cause(outcome), outcome.id)
        like = first if cause(outcome) and first != outcome.id else ""
        width = self._console.width if self._console.is_terminal else None
        self.say(lines.case_line(outcome, id_width=self._id_width, width=width, like=like))

    def opened(self, environment: Environment) -> None:
        """Print the release and the environment of the cases."""
        tools = environment.toolchain
        commit = (tools.compiler_commit or "unknown commit")[:10]
        self.notice(f"IREE {tools.release.name} ({commit}), {environment.name}")

    def expect(self, estimate: FetchEstimate) -> None:
        """Set how much will be fetched."""
        self._throughput.expect(estimate.blobs, estimate.bytes)

    def bytes_fetched(self, blob: Blob, present_bytes: int, total_bytes: int | None) -> None:
        """Update the bar of a blob and the total. Any thread may call this."""
        with self._lock:
            self._throughput.update(blob, present_bytes, total_bytes, now_s := time.monotonic())
            if self._throughput.blobs > 1:
                self._draw(_TOTAL, "fetch all", self._throughput.present_bytes, self._throughput.total_bytes)
            self._draw(blob, f"fetch {blob.name}", present_bytes, total_bytes)
            is_due = not self._console.is_terminal and now_s - self._told_s >= _LINE_S
            self._told_s = now_s if is_due else self._told_s
        if is_due:
            self.notice(self._throughput.line())

    def fetched(self, blob: Blob) -> None:
        """Remove the bar of a blob, and with the last one the total."""
        with self._lock:
            self._throughput.ended(blob)
            task = self._tasks.pop(blob, None)
            keys = {key for key in self._tasks if isinstance(key, Blob)}
            rest = self._tasks.pop(_TOTAL, None) if task is not None and not keys else None
        for each in (task, rest):
            if each is not None:
                self._progress.remove_task(each)

    def bytes_read(self, so_far: int, in_all: int) -> None:
        """Show how much of the cache was verified."""
        with self._lock:
            self._draw(_READ, "read", so_far, in_all)

    def _draw(self, key: Blob | str, text: str, so_far: int, in_all: int | None) -> None:
        if key not in self._tasks:
            self._tasks[key] = self._progress.add_task(text, total=in_all)
        self._progress.update(self._tasks[key], completed=so_far, total=in_all)

    def notice(self, text: str) -> None:
        """Print a remark. Any thread may call this."""
        self._console.print(Text(text), style="dim", soft_wrap=True)

    def say(self, line: Text) -> None:
        """Print a line of the results."""
        self._console.print(line, soft_wrap=True)


class _OfFetches(ProgressColumn):
    """A column that is empty for tasks without a total."""

    def __init__(self, column: ProgressColumn) -> None:
        super().__init__()
        self._column = column

    def render(self, task: Task) -> object:  # type: ignore[override]
        return self._column.render(task) if task.total is not None else Text()
