"""Renders a benchmark as text, as Markdown and as bench.json, whose schema is in docs/benchmarks.md."""

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from harness.bench.intervals import CONFIDENCE
from harness.bench.result import BenchResult, CaseResult
from harness.bench.rounds import Comparison, Conclusion, Spread
from harness.core.outcomes import Report
from harness.core.records import as_json
from harness.core.settings import BenchSettings
from harness.core.text import counted, filled, one_line
from harness.report import facts
from harness.report.markdown import escaped

SCHEMA = 1
_FEW = "too few rounds for an interval"
_LEAST_SHOWN = 0.1


def text(found: BenchResult, width: int | None) -> str:
    """Return what a terminal shows, continued below where it is wider than that."""
    blocks = (_block(found, each, width) for each in found.cases)
    return "\n\n".join("\n".join(lines) for lines in blocks)


def _block(found: BenchResult, case: CaseResult, width: int | None) -> Iterator[str]:
    yield one_line(case.name)
    pad = max(map(len, map(one_line, found.labels)))
    for label, words in zip(found.labels, _sides(case, found.bench), strict=True):
        yield filled([f"  {one_line(label):<{pad}}  {words}"], width=width, indent="      ")
    for sentence in _sentences(found, case):
        yield filled([f"  {sentence}"], width=width, indent="  ")


def _sides(case: CaseResult, bench: BenchSettings) -> list[str]:
    """Return the times of each side in words, or what became of it."""
    if case.spreads:
        kind = "CPU time: " if bench.measure == "cpu" else ""
        return [f"{kind}{_times(each)}" for each in case.spreads]
    return [f"{each.status} {facts.headline(each)}".strip() for each in case.outcomes]


def _times(spread: Spread) -> str:
    interval = f"{_ms(spread.low_ms)} to {_ms(spread.high_ms)}" if spread.high_ms < math.inf else _FEW
    return f"minimum {_ms(spread.minimum_ms)}, median {_ms(spread.median_ms)} ({interval})"


def _sentences(found: BenchResult, case: CaseResult) -> Iterator[str]:
    """Yield how both sides compare, and how many rounds that rests on."""
    yield from _answer(found, case)
    if case.rounds:
        left_out = f", {case.discarded} of them not counted: other programs used the cores" if case.discarded else ""
        yield f"{counted(len(case.rounds), 'round')}{left_out}"


def _answer(found: BenchResult, case: CaseResult) -> Iterator[str]:
    """Yield how both sides compare."""
    if not case.rounds:
        yield "not timed"
    if len(case.devices) > 1:
        yield f"The rounds were on different devices, so the times say little: {'; '.join(case.devices)}."
    if case.comparison:
        yield _compared(case.comparison, [one_line(each) for each in found.labels], found.bench)
        if case in found.too_slow:
            yield f"That is more than --fail-slower {100 * (found.bench.fail_slower or 0):.3g}% allows."


def _compared(found: Comparison, labels: Sequence[str], bench: BenchSettings) -> str:
    """Return a sentence on the first side."""
    first, second = labels
    unit = "as long as" if bench.measure == "real" else "the CPU time of"
    ends = _FEW if found.high == math.inf else f"{CONFIDENCE:.0%} interval: {found.low:.3f} to {found.high:.3f}"
    match found.conclusion:
        case Conclusion.SLOWER | Conclusion.FASTER:
            return f"{first} takes {found.ratio:.3f} times {unit} {second} ({ends})."
        case Conclusion.EQUAL:
            equal = f"No difference above {100 * bench.precision:.3g}%"
            return f"{equal}: {first} takes {found.ratio:.3f} times {unit} {second} ({ends})."
        case _:
            unclear = f"Not clear yet: {first} takes {found.ratio:.3f} times {unit} {second} ({ends})."
            return f"{unclear} Give it more --time, or an idle machine."


def _ms(milliseconds: float) -> str:
    """Return a time with three digits that count: `12.3 us`, `0.716 ms` or `1.23 s`."""
    units = ((1e-3, "s"), (1.0, "ms"), (1e3, "us"))
    factor, unit = next((each for each in units if milliseconds * each[0] >= _LEAST_SHOWN), units[-1])
    number = milliseconds * factor
    digits = max(0, 2 - math.floor(math.log10(number))) if number > 0 else 0
    return f"{number:.{digits}f} {unit}"


def markdown(found: BenchResult) -> str:
    """Return bench.md."""
    head = ["| case | side | minimum | median | 95 % interval |", "|---|---|--:|--:|--:|"]
    lines = ["# Benchmark", "", f"{'CPU' if found.bench.measure == 'cpu' else 'Real'} time.", "", *head]
    for case in found.cases:
        for label, spread in zip(found.labels, case.spreads, strict=False):
            interval = f"{_ms(spread.low_ms)} to {_ms(spread.high_ms)}" if spread.high_ms < math.inf else _FEW
            cells = (escaped(case.name), escaped(label), _ms(spread.minimum_ms), _ms(spread.median_ms), interval)
            lines.append(f"| {' | '.join(cells)} |")
    for case in found.cases:
        said = " ".join(_sentences(found, case))
        others = [f"{label}: {words}" for label, words in zip(found.labels, _sides(case, found.bench), strict=True)]
        lines += ["", f"**{escaped(case.name)}**: {escaped('; '.join([said, *([] if case.spreads else others)]))}"]
    return "\n".join(lines) + "\n"


def to_json(found: BenchResult, reports: Sequence[Report]) -> str:
    """Return bench.json.

    Args:
        found: the benchmark.
        reports: of each side.
    """
    sides = zip(found.labels, reports, strict=True)
    document = {
        "schema": SCHEMA,
        "started": reports[0].started,
        "exit_code": found.exit_code,
        "confidence": CONFIDENCE,
        "asked": as_json(found.bench),
        "sides": [{"label": label, "environment": as_json(report.environment)} for label, report in sides],
        "cases": [_case(found, each) for each in found.cases],
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _case(found: BenchResult, case: CaseResult) -> dict[str, Any]:
    spreads = case.spreads or [None] * len(case.outcomes)
    return {
        "case": case.name,
        "text": " ".join(_answer(found, case)),
        "sides": [
            {"id": outcome.id, "release": outcome.release, "status": outcome.status, "times": as_json(spread)}
            for outcome, spread in zip(case.outcomes, spreads, strict=True)
        ],
        "rounds": as_json(case.rounds),
        "discarded": case.discarded,
        "comparison": as_json(case.comparison),
    }
