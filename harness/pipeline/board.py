"""What a run is doing right now, in lines for a terminal or a log. No I/O; the caller passes the time, in seconds."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.core.blobs import Blob
from harness.core.text import clock, megabytes, shortened
from harness.core.values import frozen
from harness.fetch.throughput import Throughput
from harness.pipeline.steps import Benchmark, Compare, Compile, Draw, Fetch, Plan, Run, Step

Key = Step | Blob | str
_VERBS: Mapping[type[Step], str] = {
    Fetch: "fetching",
    Compile: "compiling",
    Draw: "drawing weights for",
    Run: "running",
    Compare: "comparing",
    Benchmark: "timing",
}
_TIMED = (Compile, Run, Benchmark)
_NAMED = 3
_MINUTE_S, _HOUR_S, _STEP_S = 60, 3600, 10


@frozen
class Activity:
    """Something that goes on.

    Attributes:
        verb: what is done, such as `compiling`.
        name: to what; its middle is left out where it does not fit.
        more: what follows the name.
        amount: how much of it is done, such as `12.5/850.0 MB`.
        since_s: when it began.
    """

    verb: str
    name: str
    more: str = ""
    amount: str = ""
    since_s: float

    def row(self, width: int, time: str, amount: str) -> str:
        """Return one line of at most `width` characters: what, and to the right how much and for how long."""
        numbers = f"  {amount}  {time}" if amount else f"  {time}"
        room = width - len(self.verb) - len(self.more) - len(numbers) - 3
        what = f"  {self.verb} {shortened(self.name, room)}{self.more}"
        return f"{what:<{max(0, width - len(numbers))}}{numbers}"

    def text(self, now_s: float) -> str:
        """Return the same in words: `compiling tiny/clip[cpu] (0:31)`."""
        amount = f"{self.amount.strip()}, " if self.amount else ""
        return f"{self.verb} {self.name}{self.more} ({amount}{clock(now_s - self.since_s)})"


@dataclass(slots=True, frozen=True)
class _Begun:
    """A step that goes on, and since when; what is said of it is made when somebody looks."""

    step: Step
    since_s: float


@dataclass(slots=True)
class Board:
    """Gathers what goes on. It is not thread-safe.

    Attributes:
        began_s: when the run began.
        cases: how many cases there are; 0 if that is not known.
        done: how many of them have ended.
        names_release: whether steps name their release.
        unplanned: how many cases will be planned later.
    """

    began_s: float
    cases: int = 0
    done: int = 0
    names_release: bool = False
    unplanned: int = 0
    throughput: Throughput = field(default_factory=Throughput)
    _labels: dict[Step, Sequence[str]] = field(default_factory=dict)
    _going_on: dict[Key, Activity | _Begun] = field(default_factory=dict)
    _left: dict[str, set[Step]] = field(default_factory=dict)
    _users: defaultdict[Step, list[str]] = field(default_factory=lambda: defaultdict(list))
    _seconds: defaultdict[type[Step], list[float]] = field(default_factory=lambda: defaultdict(list))
    _running: Counter[type[Step]] = field(default_factory=Counter)
    _at_once: Counter[type[Step]] = field(default_factory=Counter)

    def planned(self, plans: Sequence[Plan]) -> None:
        """Expect the steps of plans: what is left to do is estimated from them."""
        self.unplanned = max(0, self.unplanned - len(plans))
        for plan in plans:
            name = plan.case.id
            self._left[name] = {step for step in plan.steps if isinstance(step, _TIMED)}
            for step in self._left[name]:
                self._users[step].append(name)

    def queued(self, step: Step, case_ids: Sequence[str]) -> None:
        """Remember whose step it is."""
        self._labels[step] = case_ids

    def started(self, step: Step, now_s: float) -> None:
        """Show a step that runs now."""
        key, kind = step.blob if isinstance(step, Fetch) else step, type(step)
        if key in self._going_on:
            return
        self._going_on[key] = _Begun(step, now_s)
        if kind in _TIMED:
            self._running[kind] += 1
            self._at_once[kind] = max(self._at_once[kind], self._running[kind])

    def ended(self, step: Step, now_s: float) -> None:
        """Remove a step, and learn from its duration."""
        if isinstance(step, Fetch):
            self.fetched(step.blob)
        self._labels.pop(step, None)
        begun = self._going_on.pop(step, None)
        for case_id in self._users.pop(step, ()):
            if left := self._left.get(case_id):
                left.discard(step)
        if begun and isinstance(step, _TIMED):
            self._running[type(step)] -= 1
            self._seconds[type(step)].append(now_s - begun.since_s)

    def case_ended(self, case_id: str) -> None:
        """Count a case."""
        self.done += 1
        self._left.pop(case_id, None)

    def worked(self, activity: str, amount: str | None, now_s: float) -> None:
        """Show how much of other work is done, or with None remove it."""
        verb, _, name = activity.partition(" ")
        self._set(activity, Activity(verb=verb, name=name, since_s=now_s), amount)

    def bytes_fetched(self, blob: Blob, present_bytes: int, total_bytes: int | None, now_s: float) -> None:
        """Show how much of a blob is here."""
        self.throughput.update(blob, present_bytes, total_bytes, now_s)
        if present_bytes == total_bytes and blob not in self._going_on:
            return  # it came at once, before anything could be shown
        of = f"{megabytes(present_bytes)}/{megabytes(total_bytes)}" if total_bytes else megabytes(present_bytes)
        self._set(blob, Activity(verb="fetching", name=blob.name, since_s=now_s), f"{of} MB")

    def fetched(self, blob: Blob) -> None:
        """Remove a blob."""
        self.throughput.ended(blob)
        self._going_on.pop(blob, None)

    def _set(self, key: Key, activity: Activity, amount: str | None) -> None:
        if amount is None:
            self._going_on.pop(key, None)
        else:
            self._going_on[key] = replace(self._activity(self._going_on.get(key, activity)), amount=amount)

    def _activity(self, known: Activity | _Begun) -> Activity:
        """Return what is said of something that goes on."""
        if isinstance(known, Activity):
            return known
        name, more = self._described(known.step)
        return Activity(verb=_VERBS[type(known.step)], name=name, more=more, since_s=known.since_s)

    @property
    def _activities(self) -> list[Activity]:
        """All that goes on, what began first before the others."""
        return sorted(map(self._activity, self._going_on.values()), key=lambda each: each.since_s)

    def _described(self, step: Step) -> tuple[str, str]:
        """Return the name of a step: that of its blob or of its first case, and what follows it."""
        if isinstance(step, Fetch):
            return step.blob.name, ""
        ids = self._labels.get(step, ("",))
        release = f" with {_release(step)}" if self.names_release else ""
        module = f" ({step.module})" if isinstance(step, Compile) and step.label != "compile" else ""
        return ids[0], f"{module}{f' and {len(ids) - 1} more' if len(ids) > 1 else ''}{release}"

    def named(self, step: Step) -> str:
        """Return the name of a step, such as `tiny/clip[cpu] and 2 more`."""
        return "".join(self._described(step))

    def lines(self, now_s: float, *, width: int, height: int) -> list[str]:
        """Return what a terminal shows, in at most `height` lines: the total, the downloads together, what goes on."""
        fetching = [self.throughput.line()] if self._fetches and self.throughput.blobs > 1 else []
        head = [self.total(now_s, width), *fetching]
        going_on = self._activities
        room = max(0, height - len(head))
        shown = going_on if len(going_on) <= room else going_on[: max(0, room - 1)]
        rows = _rows(shown, now_s, width)
        left_out = [f"  and {len(going_on) - len(shown)} more"] if len(shown) < len(going_on) else []
        return [*head, *rows, *left_out][:height]

    def total(self, now_s: float, width: int | None = None) -> str:
        """Return `12/40 done, 2 compiling, about 3 min left, 4:05 elapsed`; what has no room is what rows say too."""
        verbs = Counter(each.verb for each in map(self._activity, self._going_on.values()))
        left_s = self.left_s(now_s)
        counts = [f"{number} {verb}" for verb, number in verbs.items()]
        done = [f"{self.done}/{self.cases} done"] if self.cases else []
        times = [f"{about(left_s)} left"] if left_s is not None else []
        times.append(f"{clock(now_s - self.began_s)} elapsed")
        while counts and width is not None and len(", ".join([*done, *counts, *times])) > width:
            counts.pop()
        return ", ".join([*done, *counts, *times])

    def line(self, now_s: float) -> str:
        """Return one line for a log: the total, and what has been going on for longest."""
        going_on = self._activities
        named = [each.text(now_s) for each in going_on[:_NAMED]]
        more = [f"{len(going_on) - _NAMED} more"] if len(going_on) > _NAMED else []
        fetching = [self.throughput.line()] if self._fetches else []
        return "; ".join([self.total(now_s), *fetching, ", ".join([*named, *more])]).removesuffix("; ")

    @property
    def _fetches(self) -> bool:
        return self.throughput.blobs > 0 and any(isinstance(key, Blob) for key in self._going_on)

    def left_s(self, now_s: float) -> float | None:
        """Return how long the rest takes if it goes on as before; None as long as there is nothing to go by.

        It follows from the durations of steps, or from those of whole cases if their steps are not known.
        """
        if not self._left:
            return (now_s - self.began_s) / self.done * (self.cases - self.done) if 0 < self.done < self.cases else None
        steps = set[Step]().union(*self._left.values())
        left = [self._left_s([step for step in steps if type(step) is kind], now_s) for kind in _TIMED]
        if self._fetches:
            left.append(self.throughput.left_s())
        known = [each for each in left if each is not None]
        every = 1 + self.unplanned / len(self._left)
        return sum(known) * every if steps and len(known) == len(left) else None

    def _left_s(self, steps: Sequence[Step], now_s: float) -> float | None:
        """Return how long steps of one kind take, as many at once as there were."""
        if not steps:
            return 0.0
        kind = type(steps[0])
        if not (known := self._seconds[kind]):
            return None
        mean_s = sum(known) / len(known)
        begun = (self._going_on.get(step) for step in steps)
        gone_s = sum(min(mean_s, now_s - each.since_s) for each in begun if each)
        return max(0.0, mean_s * len(steps) - gone_s) / max(1, min(len(steps), self._at_once[kind]))


def _rows(activities: Sequence[Activity], now_s: float, width: int) -> list[str]:
    """Return a line for each activity, with the numbers in columns."""
    times = [clock(now_s - each.since_s) for each in activities]
    columns = [max(map(len, texts), default=0) for texts in (times, [each.amount for each in activities])]
    return [
        each.row(width, f"{time:>{columns[0]}}", f"{each.amount:>{columns[1]}}")
        for each, time in zip(activities, times, strict=True)
    ]


def _release(step: Compile | Draw | Run | Compare | Benchmark) -> str:
    match step:
        case Compile():
            return step.release
        case Draw() | Run():
            return step.compiles[-1].release
        case Compare() | Benchmark():
            return _release(step.run)


def about(seconds: float) -> str:
    """Return a duration as an estimate is worded: `about 20 s`, `about 3 min`, `about 2 h 10 min`."""
    if seconds < _MINUTE_S - _STEP_S / 2:
        return f"about {max(1, math.ceil(seconds / _STEP_S)) * _STEP_S} s"
    hours, minutes = divmod(round(seconds / _MINUTE_S), _MINUTE_S)
    if not hours:
        return f"about {minutes} min"
    tens = minutes // _STEP_S * _STEP_S
    return f"about {hours} h" + (f" {tens} min" if tens else "")
