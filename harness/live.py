"""Shows a run while it goes on: bars and elapsed times on a terminal, plain lines elsewhere."""

import threading
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
    TransferSpeedColumn,
)
from rich.text import Text

from harness.model import Blob, Compare, Compile, Fetch, Outcome, Step
from harness.report import console as lines
from harness.steps import Done

_WAIT_NOTICE_S = 2.0


class Live:
    """Hears of steps and bytes, and prints the line of each case once it is decided."""

    def __init__(self, console: Console, *, id_width: int) -> None:
        """Show nothing yet.

        Args:
            console: where to.
            id_width: characters that the longest case id takes.
        """
        self._console, self._id_width = console, id_width
        self._lock = threading.Lock()
        self._tasks: dict[Step | Blob, TaskID] = {}
        self._waits: set[str] = set()
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            _OfFetches(BarColumn(bar_width=24)),
            _OfFetches(DownloadColumn()),
            _OfFetches(TransferSpeedColumn()),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        """Start to draw."""
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Wipe what was drawn; the lines of the cases stay."""
        self._progress.stop()

    def step_started(self, step: Step, case_ids: Sequence[str]) -> None:
        """Draw a line for what takes time."""
        if isinstance(step, Fetch | Compare):
            return
        subject = case_ids[0] + (f" and {len(case_ids) - 1} more" if len(case_ids) > 1 else "")
        verb = "compile" if isinstance(step, Compile) else "run"
        name = f" {step.module}" if isinstance(step, Compile) and step.module != "model.vmfb" else ""
        self._tasks[step] = self._progress.add_task(f"{verb} {subject}{name}", total=None)

    def step_ended(self, done: Done) -> None:
        """Wipe its line."""
        key = done.step.blob if isinstance(done.step, Fetch) else done.step
        with self._lock:
            task = self._tasks.pop(key, None)
        if task is not None:
            self._progress.remove_task(task)

    def case_ended(self, outcome: Outcome) -> None:
        """Print the line that says what became of the case."""
        self._console.print(lines.case_line(outcome, id_width=self._id_width), soft_wrap=True)

    def bytes_came(self, blob: Blob, so_far: int, in_all: int | None) -> None:
        """Draw the bar of a blob; called from any thread."""
        with self._lock:
            if blob not in self._tasks:
                self._tasks[blob] = self._progress.add_task(f"fetch {blob.name}", total=in_all)
            task = self._tasks[blob]
        self._progress.update(task, completed=so_far, total=in_all)

    def notice(self, text: str) -> None:
        """Print a line; called from any thread."""
        self._console.print(Text(text), style="dim", soft_wrap=True)

    def waiting(self, holder: str, waited_s: float) -> None:
        """Say once whose lock it is that everything waits for."""
        if waited_s > _WAIT_NOTICE_S and holder not in self._waits:
            self._waits.add(holder)
            self.notice(f"waiting for {holder}, which makes the same thing")


class _OfFetches(ProgressColumn):
    """A column that is empty for tasks without a total."""

    def __init__(self, column: ProgressColumn) -> None:
        super().__init__()
        self._column = column

    def render(self, task: Task) -> object:  # type: ignore[override]
        return self._column.render(task) if task.total is not None else Text()
