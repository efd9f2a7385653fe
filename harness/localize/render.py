"""Renders what was localized: for a terminal, as Markdown, and as localize.json (schema in docs/localize.md)."""

import json
import math
from collections.abc import Iterator, Sequence

from harness.core.records import as_json
from harness.core.text import counted, filled, one_line, shortened
from harness.localize import plot
from harness.localize.onnx_laboratory import FLOAT64
from harness.localize.result import SCHEMA, UNUSED, Grown, Localized, NamedOperation, Verdict
from harness.report import table
from harness.report.markdown import code, escaped

NAME, PLOT = "localize", "error_growth.svg"
_HEAD = ("line", "operation", "type", "error", "ulp", "alone")
_RIGHT = (0, 3, 4, 5)
_KERNEL_HEAD = ("kernel", "is", "bad side")
_SHOWN_AROUND, _TYPE_WIDTH, _MOST_KERNELS = 4, 26, 20


def to_json(found: Localized) -> str:
    """Return localize.json."""
    document = {
        "schema": SCHEMA,
        "case": found.case,
        "bad": as_json(found.bad),
        "good": as_json(found.good),
        "by": found.by,
        "kind": found.kind,
        "phase": found.phase,
        "culprits": [as_json(each) for each in found.culprits],
        "confirmed": found.confirmed,
        "text": headline(found),
        "error_growth": [as_json(each) for each in found.error_growth],
        "oracle": as_json(found.oracle),
        "kernels": [as_json(each) for each in found.kernels],
        "pass": found.failed_pass or None,
        "compilations": found.compilations,
        "defaults": list(found.defaults),
        "default_is_cause": found.default_is_cause,
        "seconds": found.seconds,
        "stopped": found.stopped,
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def headline(found: Localized) -> str:
    """Return the answer in one sentence."""
    if not found.culprits:
        return f"No {'culprit' if found.kernels else 'operation'} was found: {found.why}"
    groups = sorted({each.together for each in found.culprits})
    name = _kernel if found.by == "kernel" else _named
    named = (" with ".join(name(each) for each in found.culprits if each.together == group) for group in groups)
    return f"{found.bad.label} differs from {found.good.label} at {'; and at '.join(named)}."


def _named(each: NamedOperation) -> str:
    if each.operation == UNUSED:
        return f"argument {each.index} of @{each.function}, which nothing uses"
    if each.operation == each.dispatch:
        return one_line(f"the dispatch {each.operation} (number {each.index} of those that ran)")
    where = f"line {each.line}" if each.line else each.location or "no known line"
    return one_line(f"{each.operation} ({where}, operation {each.index} of @{each.function})")


def _kernel(each: NamedOperation) -> str:
    return one_line(f"the kernel {each.operation}")


def text(found: Localized, width: int | None) -> str:
    """Return what a terminal shows."""
    lines = [one_line(found.case), filled([f"  {headline(found)}"], width=width, indent="  ")]
    if found.culprits:
        lines.append(filled([f"  {found.why}"], width=width, indent="  "))
    lines += (filled([f"  {each}"], width=width, indent="  ") for each in remarks(found))
    if rows := near(found):
        lines += ["", *(f"  {line}" for line in table.lines(_HEAD, [_row(each) for each in rows], right=_RIGHT))]
    if found.kernels:
        lines += ["", *_kernels(found, _MOST_KERNELS)]
    lines += ["", f"  {counted(found.compilations, 'program')} compiled in {found.seconds:.1f} s"]
    return "\n".join(lines)


def remarks(found: Localized) -> Iterator[str]:
    """Yield what has to be known before an operation is blamed."""
    if found.oracle:
        yield _verdict(found, found.oracle)
    if found.failed_pass:
        yield f"The compiler goes wrong in its pass {found.failed_pass}."
    if dispatches := dict.fromkeys(
        each.dispatch for each in found.culprits if each.dispatch and each.dispatch != each.operation
    ):
        yield f"It became the dispatch {', '.join(dispatches)}."
    flags, release = " ".join(found.defaults), found.bad.release
    if found.default_is_cause:
        yield f"A changed default is the cause: with {flags}, {release} computes what {found.good.label} does."
    elif found.default_is_cause is False:
        yield f"The default of {flags} differs between the releases, but is not the cause."
    if found.good.status == "failed" and found.culprits:
        yield f"The case fails on {found.good.label} as well: {found.good.reason}"


def _verdict(found: Localized, oracle: Verdict) -> str:
    """Return which side is wrong."""
    if oracle.errors is None:
        return f"Neither side can be shown to be right: {oracle.why}"
    errors = (oracle.errors.bad, found.bad.label), (oracle.errors.good, found.good.label)
    (larger, worse), (smaller, other) = sorted(errors, key=lambda each: -each[0])
    told = {"both": "both sides are wrong", "neither": "both sides are right, except for rounding"}
    who = told.get(oracle.wrong or "", f"{worse} is wrong")
    by = " by ONNX itself" if oracle.backend == FLOAT64 else ""
    shown = f"the error of {worse} is {_number(larger)}, that of {other} {_number(smaller)}"
    return f"Computed in float64{by}, {who}: {shown}."


def _kernels(found: Localized, most: int) -> Iterator[str]:
    """Yield a table of kernels: those to blame, then those that cannot be transplanted, then the others."""
    rows = _kernel_rows(found)
    yield from (f"  {line}" for line in table.lines(_KERNEL_HEAD, rows[:most]))
    if len(rows) > most:
        yield f"  ... and {counted(len(rows) - most, 'kernel')} more in {NAME}.md"


def _kernel_rows(found: Localized) -> Sequence[tuple[str, ...]]:
    order = sorted(found.kernels, key=lambda each: (not each.blamed, each.guard == "transplantable"))
    return [
        (one_line(each.kernel), "to blame" if each.blamed else each.guard, one_line("; ".join(each.differences)))
        for each in order
    ]


def near(found: Localized) -> Sequence[Grown]:
    """Return the values around the first operation to blame; without one, the first values."""
    growth = found.error_growth
    place = next((place for place, each in enumerate(growth) if each.blamed), 0)
    return growth[max(0, place - _SHOWN_AROUND) : place + _SHOWN_AROUND + 1]


def _row(each: Grown) -> tuple[str, ...]:
    return (
        str(each.line or ""),
        one_line(each.operation),
        shortened(one_line(each.type), _TYPE_WIDTH),
        _number(each.relative),
        _number(each.ulp),
        "" if each.alone is None else _number(each.alone),
    )


def _number(value: float) -> str:
    return "0" if value == 0 else "inf" if math.isinf(value) else f"{value:.1e}"


def section(found: Localized, folder: str) -> str:
    """Return the part of bisect.md on what was localized; the folder has all of it."""
    return "\n".join(["## The operation", "", *_answer(found), f"All of it: `{folder}/{NAME}.md`.", ""])


def _answer(found: Localized) -> Iterator[str]:
    yield from (escaped(headline(found)), "")
    if found.culprits:
        yield from (escaped(found.why), "")
    if said := [f"- {escaped(each)}" for each in remarks(found)]:
        yield from (*said, "")


def markdown(found: Localized) -> str:
    """Return localize.md."""
    lines = [
        f"# {escaped(found.case)}",
        "",
        *_answer(found),
        "| side | what | release | target | status |",
        "|---|---|---|---|---|",
        *(
            f"| {name} | {escaped(each.label)} | {escaped(each.release)} | {escaped(each.target)} | {each.status} |"
            for name, each in (("bad", found.bad), ("good", found.good))
        ),
        "",
        f"{counted(found.compilations, 'program')} compiled in {found.seconds:.1f} s.",
    ]
    if found.error_growth:
        lines += ["", "## How the error grows", "", f"![relative error of each value]({PLOT})", ""]
        lines += [f"| {' | '.join(_HEAD)} |", "|--:|---|---|--:|--:|--:|"]
        lines += (f"| {' | '.join(_cells(each))} |" for each in found.error_growth)
    if found.kernels:
        lines += ["", "## The kernels", "", f"| {' | '.join(_KERNEL_HEAD)} |", "|---|---|---|"]
        lines += (f"| {code(name)} | {what} | {escaped(why)} |" for name, what, why in _kernel_rows(found))
    return "\n".join(lines) + "\n"


def _cells(each: Grown) -> Iterator[str]:
    line, operation, type_, *numbers = _row(each)
    yield from (line, code(operation), code(type_), *numbers)


def files(found: Localized) -> dict[str, str]:
    """Return the files of the results by name."""
    texts = {f"{NAME}.json": to_json(found), f"{NAME}.md": markdown(found)}
    return texts | ({PLOT: plot.svg(found)} if found.error_growth else {})
