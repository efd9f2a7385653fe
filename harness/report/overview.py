"""What a report says of all its cases together, worded once for all renderers. It looks at each case once."""

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from harness.core.devices import shown
from harness.core.exit_codes import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_NO_VERDICT, EXIT_OK, EXIT_TERMINATED
from harness.core.outcomes import Outcome
from harness.core.statuses import Kind, Status
from harness.core.text import listed, one_line, ratio
from harness.report import facts
from harness.report.facts import count_of_cases
from harness.report.outcome_log import OutcomeLog

_UNFINISHED = "cases that had not finished are errors."
_SLOWEST = 3


@dataclass(slots=True, kw_only=True)
class Overview:
    """What is gathered from cases.

    Attributes:
        bad: the cases that are not as expected.
    """

    bad: list[Outcome] = field(default_factory=list)
    _statuses: Counter[Status] = field(default_factory=Counter)
    _counting: Counter[Status] = field(default_factory=Counter)  # without those in quarantine
    _excused: list[str] = field(default_factory=list)
    _good_in_quarantine: list[str] = field(default_factory=list)
    _not_run: Counter[str] = field(default_factory=Counter)  # by the reason
    _reused: int = 0
    _by_oracle: dict[str, list[str]] = field(default_factory=dict)
    _devices: Counter[str] = field(default_factory=Counter)
    _not_compared: list[str] = field(default_factory=list)
    _near: list[str] = field(default_factory=list)
    _slowest: list[tuple[float, int, str]] = field(default_factory=list)

    @classmethod
    def of(cls, cases: Sequence[Outcome]) -> Self:
        """Return the overview of cases; a log keeps it, for the next renderer."""
        memory = cases.memory if isinstance(cases, OutcomeLog) else {}
        if isinstance(known := memory.get(cls), cls):
            return known
        memory[cls] = found = cls()
        for number, each in enumerate(cases):
            found._add(number, each)
        return found

    def _add(self, number: int, each: Outcome) -> None:
        name = one_line(each.id)
        self._count(each)
        if not facts.is_green(each):
            self.bad.append(each)
        if each.quarantined and not each.quarantined.has_ended:
            self._add_quarantined(name, each)
        if each.oracle and each.outputs:
            self._by_oracle.setdefault(each.oracle.description, []).append(name)
        if each.status is Status.RAN:
            self._not_compared.append(name)
        if each.status is Status.PASSED and (output := facts.worst(each)) and output.is_close:
            self._near.append(f"{name} ({ratio(output.share or 0)})")
        if taken_s := facts.case_seconds(each):
            heapq.heappush(self._slowest, (taken_s, -number, name))
            if len(self._slowest) > _SLOWEST:
                heapq.heappop(self._slowest)

    def _count(self, each: Outcome) -> None:
        self._statuses[each.status] += 1
        self._counting[each.status] += not each.is_excused
        self._reused += each.reused is not None
        if each.kind is Kind.NOT_RUN:
            self._not_run[one_line(each.reason)] += 1
        if each.devices:
            self._devices[shown(each.devices)] += 1

    def _add_quarantined(self, name: str, each: Outcome) -> None:
        if each.is_excused and (known := each.quarantined):
            self._excused.append(f"{name} (until {known.until}, {one_line(known.owner)}: {one_line(known.reason)})")
        elif each.status in {Status.PASSED, Status.RAN, Status.COMPILED}:
            self._good_in_quarantine.append(name)

    @property
    def counts(self) -> str:
        """`3 passed, 1 failed, 2 errors`, in the order of `Status`."""
        return _counted(self._statuses)

    def verdict(self, exit_code: int) -> str:
        """Return one line: what the exit code means for this run."""
        total = count_of_cases(self._statuses.total() - self._not_run.total())
        failed = self._counting[Status.FAILED]
        match exit_code:
            case code if code == EXIT_OK:
                some = self._statuses.total()
                return f"As expected: {total}." if some else "No case was selected, so nothing was run."
            case code if code == EXIT_FAILED:
                failed += self._counting[Status.XPASSED]
                return f"Failed: {failed} of {total}{_errors_beside(self._counting[Status.ERROR])}."
            case code if code == EXIT_NO_VERDICT:
                return _without_verdict(self._counting)
            case code if code == EXIT_INTERRUPTED:
                return f"Interrupted: {_UNFINISHED}"
            case code if code == EXIT_TERMINATED:
                return f"Terminated (SIGTERM): {_UNFINISHED}"
            case _:
                return f"Internal error of the harness (exit code {exit_code}): {_UNFINISHED}"

    @property
    def remarks(self) -> Iterator[str]:
        """Lines about cases in quarantine, cases that did not run, oracles and devices."""
        if self._excused:
            yield f"in quarantine, so they count for nothing: {', '.join(self._excused)}"
        if self._good_in_quarantine:
            yield f"in quarantine, but as expected: {listed(self._good_in_quarantine)}; remove what is fixed"
        for reason, number in self._not_run.items():
            yield f"{count_of_cases(number)} not run: {reason}"
        if self._reused:
            what = "the same module, inputs and device"
            yield f"{count_of_cases(self._reused)} passed before with {what}, and did not run again"
        for what, ids in self._by_oracle.items():
            yield f"{count_of_cases(len(ids))} without expected outputs compared with {what}: {listed(ids)}"
        for device, number in self._devices.items():
            yield f"{count_of_cases(number)} on {device}"

    @property
    def close(self) -> str:
        """A line that names the cases that passed close to a threshold; empty if there are none."""
        if not self._near:
            return ""
        verb = "is close to its threshold" if len(self._near) == 1 else "are close to their thresholds"
        return f"{count_of_cases(len(self._near))} {verb}: {listed(self._near)}"

    @property
    def compared_nothing(self) -> str:
        """A line that names the cases that compared nothing; empty if there are none."""
        ids = self._not_compared
        return f"{count_of_cases(len(ids))} compared nothing (no expected output): {', '.join(ids)}" if ids else ""

    @property
    def slowest(self) -> str:
        """A line that names the slowest cases; empty if none took any time."""
        timed = [f"{name} {taken_s:.1f} s" for taken_s, _, name in sorted(self._slowest, reverse=True)]
        return f"slowest: {', '.join(timed)}" if timed else ""


def _counted(statuses: Mapping[Status, int]) -> str:
    return ", ".join(_count(statuses[status], status) for status in Status if statuses.get(status))


def _count(number: int, status: Status) -> str:
    return f"{number} errors" if status is Status.ERROR and number != 1 else f"{number} {status}"


def _without_verdict(statuses: Counter[Status]) -> str:
    """Return why the run does not show whether the models are right."""
    total = count_of_cases(statuses.total())
    if statuses[Status.ERROR]:
        return f"{_count(statuses[Status.ERROR], Status.ERROR)}, 0 failed ({total})"
    return f"Nothing was tested: {_counted(statuses)} ({total})"


def _errors_beside(number: int) -> str:
    return f"; {number} more ended in an error" if number else ""
