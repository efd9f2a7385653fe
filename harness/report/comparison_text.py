"""Renders a comparison for a terminal and as Markdown. `Text.plain` is the text without colours."""

from collections.abc import Mapping, Sequence

from rich.text import Text

from harness.core.comparisons import CaseComparison, Change, Comparison, Drift, Side
from harness.core.history import Recorded
from harness.core.text import counted, filled, listed, number, one_line, ratio, size
from harness.report import comparison
from harness.report.markdown import code, escaped

_STYLES: Mapping[Change, str] = {
    Change.REGRESSION: "bold red",
    Change.LOST: "bold magenta",
    Change.FIXED: "green",
    Change.CHANGED: "yellow",
    Change.DRIFT: "yellow",
    Change.ADDED: "",
    Change.REMOVED: "",
    Change.SAME: "",
}
_WIDTH = max(map(len, Change)) + 2
_INDENT = " " * _WIDTH
_FLAKY = "the inputs are the same: flaky"
_ROWS = 1_000
_LONGEST_ID = 40
_HEADER = "| change | case | status | numbers |\n|---|---|---|---|"


def console(found: Comparison, *, width: int | None = None, shows_all: bool = False) -> Text:
    """Return both sides, the cases that differ, and how many there are of each kind.

    Args:
        found: the comparison.
        width: columns of the terminal, between whose words text is continued; None for lines as long as they are.
        shows_all: whether to list the cases that did not change, too.
    """
    pad = max(len(one_line(side.name)) for side in (found.before, found.after))
    sides = zip("AB", (found.before, found.after), strict=True)
    lines = [Text(filled([f"{letter}  {described(side, pad)}"], width=width, indent="   ")) for letter, side in sides]
    cases = [each for each in found.cases if shows_all or each.change is not Change.SAME]
    longest = min(_LONGEST_ID, max((len(one_line(each.name)) for each in cases), default=0))
    lines += [Text(), *(_case(each, width, longest) for each in cases)]
    closing = [*(f"note: {each}" for each in found.notes), counts(found)]
    lines += [Text(), *(Text(filled([each], width=width, indent="      ")) for each in closing)]
    return Text("\n").join(line for index, line in enumerate(lines) if line or lines[index - 1])


def described(side: Side, pad: int = 0) -> str:
    """Return a side in words: its name, its releases, devices and runs."""
    releases = dict.fromkeys(one_line(each.case.release) for each in side.cases if each.case.release)
    devices = dict.fromkeys(one_line(each.case.device) for each in side.cases if each.case.device)
    runs = dict.fromkeys(each.run.id[:8] for each in side.cases)
    which = [*(f"IREE {each}" for each in releases), *devices, f"run {next(iter(runs))}" if len(runs) == 1 else ""]
    known = listed([each for each in which if each], most=6)
    cases = counted(len(side.cases), "case")
    return f"{one_line(side.name):<{pad}}  {cases}{', ' if known else ''}{known}"


def _case(case: CaseComparison, width: int | None, pad: int) -> Text:
    head = f"{case.change.upper():<{_WIDTH}}"
    parts = [f"{head}{one_line(case.name):<{pad}}", *filter(None, (statuses(case), _drifts(case)))]
    lines = [filled(parts, width=width, indent=_INDENT)]
    lines += [filled([f"{_INDENT}{each}"], width=width, indent=_INDENT) for each in remarks(case)]
    return Text.assemble((head, _STYLES[case.change]), "\n".join(lines).removeprefix(head))


def remarks(case: CaseComparison) -> list[str]:
    """Return why a case has become worse, and if it is flaky."""
    reason = one_line(case.after.case.reason) if case.after and not case.after.case.is_green else ""
    is_new = case.change in {Change.REGRESSION, Change.LOST, Change.CHANGED, Change.ADDED}
    return [each for each in (reason if is_new else "", _FLAKY if case.is_flaky else "") if each]


def statuses(case: CaseComparison) -> str:
    """Return `passed -> failed numeric`, or one status if it stayed the same or only one side has the case."""
    words = [_status(each) for each in (case.before, case.after) if each]
    return " -> ".join(dict.fromkeys(words))


def _status(recorded: Recorded) -> str:
    return f"{recorded.case.status} {recorded.case.kind or ''}".strip()


def drifts(case: CaseComparison) -> list[str]:
    """Return the numbers of a case that differ, in words."""
    return [drift(each) for each in case.numbers if each.is_over or comparison.is_drift(each)]


def _drifts(case: CaseComparison) -> str:
    return ", ".join(drifts(case))


def drift(each: Drift) -> str:
    """Return a number on both sides, such as `dispatches 31 -> 40 (+29%)`."""
    change = "" if each.growth in {0.0, float("inf")} else f" ({each.growth:+.0%})"
    over = ", too much" if each.is_over else ""
    return f"{each.name} {_value(each.name, each.before)} -> {_value(each.name, each.after)}{change}{over}"


def _value(name: str, value: float) -> str:
    match name:
        case "error":
            return ratio(value)
        case "compile":
            return f"{value:.2f} s"
        case "latency":
            return f"{value:.3g} ms"
        case "size" | "memory":
            return size(value)
        case _:
            return number(value)


def counts(found: Comparison) -> str:
    """Return `1 regression, 2 fixed, 6 the same`."""
    names = {Change.SAME: "the same", Change.DRIFT: "with drift"}
    parts = [
        counted(count, "regression") if change is Change.REGRESSION else f"{count} {names.get(change, change)}"
        for change, count in found.counts.items()
    ]
    return ", ".join(parts) or "no cases"


def markdown(found: Comparison, *, shows_all: bool = False) -> str:
    """Return the comparison as Markdown, for a comment or the summary of a job."""
    rows = [each for each in found.cases if shows_all or each.change is not Change.SAME]
    table = "\n".join([_HEADER, *(f"| {' | '.join(_cells(each))} |" for each in rows[:_ROWS])]) if rows else ""
    more = f"{len(rows) - _ROWS} more cases differ." if len(rows) > _ROWS else ""
    sides = "\n".join(f"- {escaped(described(side))}" for side in (found.before, found.after))
    parts = [f"## {escaped(counts(found))}", sides, table, more, *map(escaped, found.notes)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _cells(case: CaseComparison) -> Sequence[str]:
    change = f"**{case.change}**" if case.change in {Change.REGRESSION, Change.LOST} else str(case.change)
    told = "<br>".join(map(escaped, remarks(case)))
    status = escaped(statuses(case)) + (f"<br>{told}" if told else "")
    return change, code(case.name), status, escaped(_drifts(case))
