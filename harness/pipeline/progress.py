"""Shows the progress of a run: what goes on now on a terminal, and a calm line now and then elsewhere."""

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Self

from rich.console import Console
from rich.live import Live as Display
from rich.text import Text

from harness.core.blobs import Blob, FetchEstimate
from harness.core.outcomes import Outcome
from harness.core.statuses import Kind
from harness.core.text import filled, inline, megabytes
from harness.pipeline.board import Board
from harness.pipeline.calm import Calm
from harness.pipeline.environment import Environment
from harness.pipeline.steps import Plan, Step
from harness.report import console as lines
from harness.report.causes import cause, retry

_REFRESHED_PER_S = 4
_LOOK_S = 1.0
_RETRIES_S = 60.0
_SPARE_LINES, _SPARE_COLUMNS = 1, 4  # for the cursor, and for the `^C` that a terminal prints


def columns(console: Console) -> int | None:
    """Return the columns of the terminal; None without one, even if colours are forced, as in many CI jobs."""
    return console.width if console.is_terminal and console.file.isatty() else None


class Live:
    """Shows steps, downloads and other work while they go on, and prints the line of each case when it has ended.

    Any thread may call its methods.
    """

    names_release = False  # whether the steps of several releases are shown

    def __init__(self, console: Console, *, id_width: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Prepare; nothing is shown yet.

        Args:
            console: where to print.
            id_width: the length of the longest case id.
            clock: returns the time, in seconds.
        """
        self._console, self._id_width, self._clock = console, id_width, clock
        self._has_columns = columns(console) is not None
        self._lock = threading.Lock()
        self._told: set[str] = set()  # causes of errors
        self._retried_s: dict[str, float] = {}
        self._board = Board(clock(), names_release=self.names_release)
        self._calm = Calm(clock())
        self._closed = threading.Event()
        self._display = Display(
            get_renderable=self._shown, console=console, transient=True, refresh_per_second=_REFRESHED_PER_S
        )

    def __enter__(self) -> Self:
        """Start to show what goes on."""
        if self._draws:
            self._display.start()
        elif not self._console.quiet:
            threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what goes on; the lines of the cases stay."""
        self._closed.set()
        self._display.stop()

    @property
    def _draws(self) -> bool:
        """Whether lines can be drawn again."""
        return self._width is not None and not self._console.is_dumb_terminal and not self._console.quiet

    @property
    def _width(self) -> int | None:
        return self._console.width if self._has_columns else None

    def _shown(self) -> Text:
        width, height = self._console.size
        with self._lock:
            width, height = width - _SPARE_COLUMNS, height - _SPARE_LINES
            shown = self._board.lines(self._clock(), width=width, height=height)
        return Text("\n".join(map(inline, shown)), no_wrap=True, overflow="crop")

    def _watch(self) -> None:
        while not self._closed.wait(_LOOK_S):
            self.look()

    def look(self) -> None:
        """Print what goes on, if nothing was printed for long."""
        with self._lock:
            text = self._board.line(self._clock()) if self._calm.is_due(self._clock()) else ""
        if text:
            self._console.print(Text(text, style="dim"), soft_wrap=True)

    def expect_cases(self, number: int) -> None:
        """Set how many cases there are."""
        with self._lock:
            self._board.cases = number

    def expect_plans(self, number: int) -> None:
        """Expect the plans of so many cases later."""
        with self._lock:
            self._board.unplanned = number

    def planned(self, plans: Sequence[Plan]) -> None:
        """Expect the steps of plans, from which the time that is left is estimated."""
        with self._lock:
            self._board.planned(plans)

    def step_started(self, step: Step, case_ids: Sequence[str]) -> None:
        """Remember whose a step is; it may still wait for its resource."""
        with self._lock:
            self._board.queued(step, case_ids)

    def step_running(self, step: Step) -> None:
        """Show a step that runs now."""
        with self._lock:
            self._board.started(step, self._clock())

    def step_again(self, step: Step, note: str) -> None:
        """Print that a step is done again, and why."""
        with self._lock:
            name = self._board.named(step)
        self.notice(f"{name}: {note}")

    def step_ended(self, step: Step) -> None:
        """Remove the line of a step."""
        with self._lock:
            self._board.ended(step, self._clock())

    def case_ended(self, outcome: Outcome) -> None:
        """Count a case and print its line; the summary tells how many did not run."""
        self.count(outcome)
        if outcome.kind is Kind.NOT_RUN:
            return
        is_told = cause(outcome) in self._told
        self._told |= {cause(outcome)} - {""}
        self.say(lines.case_line(outcome, id_width=self._id_width, width=self._width, is_told=is_told))

    def count(self, outcome: Outcome) -> None:
        """Count a case."""
        with self._lock:
            self._board.case_ended(outcome.id)

    def opened(self, environment: Environment) -> None:
        """Print the release and the environment of the cases."""
        tools = environment.toolchain
        commit = (tools.compiler_commit or "unknown commit")[:10]
        self.notice(f"IREE {tools.release.name} ({commit}), {environment.name}")

    def worked(self, activity: str, amount: str | None) -> None:
        """Show how much of a long work is done, such as `installing IREE 3.13.0`; empty begins it, and None ends it."""
        with self._lock:
            self._board.worked(activity, amount, self._clock())
        if amount == "":
            self.work_began(activity)

    def work_began(self, activity: str) -> None:
        """Print that a long work begins."""
        self.notice(activity)

    def expect(self, estimate: FetchEstimate) -> None:
        """Set how much will be fetched."""
        with self._lock:
            self._board.throughput.expect(estimate.blobs, estimate.bytes)

    def bytes_fetched(self, blob: Blob, present_bytes: int, total_bytes: int | None) -> None:
        """Show how much of a blob is here."""
        with self._lock:
            self._board.bytes_fetched(blob, present_bytes, total_bytes, self._clock())

    def fetched(self, blob: Blob) -> None:
        """Remove the line of a blob."""
        with self._lock:
            self._board.fetched(blob)

    def bytes_read(self, so_far: int, in_all: int) -> None:
        """Show how much of the cache was verified."""
        self.worked("verifying the cache", f"{megabytes(so_far)}/{megabytes(in_all)} MB")

    def notice(self, text: str) -> None:
        """Print a remark; that attempts fail, once a minute for all files of a host."""
        now_s, key = self._clock(), retry(text)
        with self._lock:
            if key and now_s - self._retried_s.get(key, -math.inf) < _RETRIES_S:
                return
            self._retried_s[key] = now_s
        self._print(Text(filled([text], width=self._width), style="dim"))

    def say(self, line: Text) -> None:
        """Print a line of the results."""
        self._print(line)

    def _print(self, line: Text) -> None:
        with self._lock:
            self._calm.spoke(self._clock())
        has_colours = self._console.color_system is not None
        if self._width is None and not has_colours and not self._console.quiet:
            # Rich would take longer for the same text.
            self._console.file.write(f"{line.plain}\n")
            self._console.file.flush()
        else:
            self._console.print(line, soft_wrap=True)
