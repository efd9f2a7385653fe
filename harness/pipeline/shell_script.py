"""Renders plans as a shell script: the exact commands, shell-quoted, for an empty folder.

Comments at the end list what will be fetched, and whether there is space for it. URLs are shown without credentials and
queries.
"""

import base64
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from harness.core.blobs import BlobForecast
from harness.core.cases import ONNX
from harness.core.formulas import Formula
from harness.core.text import command, counted, one_line, size
from harness.core.urls import redacted
from harness.pipeline.steps import (
    ORACLE,
    Benchmark,
    Compare,
    Compile,
    ExpectedFile,
    ExpectedValue,
    Link,
    Plan,
    Run,
    Step,
)


def render(plan: Plan) -> str:
    """Return a plan as a shell script for an empty folder; the comparison is only a comment."""
    lines = [_comment(plan.case.id), *map(_comment, (*plan.case.spec.comment, *plan.notes))]
    if plan.blocked:
        return "\n".join([*lines, _comment(f"{plan.blocked.status}: {plan.blocked.reason}")])
    start = plan.steps.index(plan.of_oracle[0]) if plan.oracle else len(plan.steps)
    lines += _step_lines(plan.steps[:start])
    if plan.oracle:
        lines += [_comment(f"{plan.oracle.oracle.description}:"), f"mkdir -p {ORACLE} && cd {ORACLE}"]
        lines += [*_step_lines(plan.oracle.steps), "cd .."]
    lines += _step_lines(plan.steps[start + len(plan.of_oracle) :])
    return "\n".join(lines)


def _step_lines(steps: Iterable[Step]) -> Iterator[str]:
    """Yield the commands of steps, for a folder of their own, and what puts their files there."""
    linked: set[Link] = set()
    for step in steps:
        if isinstance(step, Compile | Run):
            yield from (line for link in step.links if link not in linked for line in _link_lines(link))
            linked.update(step.links)
            yield from _written_lines(step)
            yield from _drawn_lines(step)
            yield command(step.argv)
        if isinstance(step, Run) and step.keeps_all:
            yield _comment("a run adds --output=@N.npy for each output that the module declares, from 0 on")
        if isinstance(step, Compare):
            yield from _comparisons(step)
        if isinstance(step, Benchmark):
            yield command(step.argv)


def forecast(forecasts: Sequence[BlobForecast], *, store: Path, free_bytes: int | None) -> str:
    """Return comments that list blobs, what is missing of them, and the disk space for that; empty without blobs.

    Args:
        forecasts: what is known of each blob.
        store: the folder of the cache.
        free_bytes: the free space there; None if unknown.
    """
    if not forecasts:
        return ""
    missing = [each for each in forecasts if not each.is_present and not each.is_local]
    lines = ["", *map(_forecast_line, forecasts), _totals(forecasts, missing)]
    needed = _at_least(missing, sum(each.missing_bytes for each in missing))
    lines.append(_comment(f"disk space needed in {store}: {needed}; free: {_size(free_bytes)}"))
    return "\n".join(lines) + "\n"


def _forecast_line(each: BlobForecast) -> str:
    return f"# {_size(each.size_bytes):>8}  {_state(each):<8}  {' '.join(redacted(each.blob.url).split())}"


def _size(size_bytes: int | None) -> str:
    return "?" if size_bytes is None else size(size_bytes)


def _state(each: BlobForecast) -> str:
    if each.is_local:
        return "local" if each.is_present else "missing"
    if each.is_present:
        return "cached"
    return "partial" if each.partial_bytes else "to fetch"


def _totals(forecasts: Sequence[BlobForecast], missing: Sequence[BlobForecast]) -> str:
    """Return the line with the number of blobs, and of bytes to fetch, cached and local."""
    local = [each.is_present for each in forecasts if each.is_local]
    cached = [each for each in forecasts if each.is_present and not each.is_local]
    parts = (
        f"{len(missing)} to fetch ({_at_least(missing, sum(each.missing_bytes for each in missing))})",
        f"{len(cached)} cached ({size(sum(each.size_bytes or 0 for each in cached))})",
        f"{len(local)} local" + (f" ({local.count(False)} missing)" if not all(local) else ""),
    )
    return _comment(f"{counted(len(forecasts), 'blob')}: {', '.join(parts)}")


def _at_least(missing: Sequence[BlobForecast], total_bytes: int) -> str:
    """Return a sum of sizes, some of which may be unknown."""
    unknown = sum(each.size_bytes is None for each in missing)
    return f"{size(total_bytes)} and {unknown} of unknown size" if unknown else size(total_bytes)


def _comment(text: str) -> str:
    """Return a comment of one line, because what follows a line end would be a command."""
    return f"# {' '.join(text.split())}"


def _link_lines(link: Link) -> Iterator[str]:
    """Yield what puts a file there; an ONNX file is imported."""
    if not link.blob.name.endswith(ONNX):
        yield _link_line(link)
        return
    model = PurePosixPath(link.name).with_suffix(ONNX).name
    yield _link_line(replace(link, name=model))
    yield _comment(
        "a run raises old operators, keeps large weights apart, and makes inputs that the spec does not have"
    )
    yield command(["iree-import-onnx", model, "-o", link.name])


def _link_line(link: Link) -> str:
    if link.blob.url.startswith("file:"):
        return command(["ln", "-sf", str(link.blob.local_path), link.name])
    return command(["curl", "--fail", "--location", "--output", link.name, redacted(link.blob.url)])


def _written_lines(step: Compile | Run) -> Iterator[str]:
    """Yield what writes the tensors that the spec writes out, in base64, and what draws the others, in Python."""
    if isinstance(step, Run) and step.written:
        from harness.pipeline import contents, drawing  # noqa: PLC0415 - loads NumPy, which takes as long as all else

        drawn = {each.name: each.content for each in step.written if isinstance(each.content, Formula)}
        if drawn:
            yield f"python3 << '.'\n{drawing.script(drawn)}\n."
        for each in step.written:
            if not isinstance(each.content, Formula):
                text = base64.encodebytes(contents.raw(each.content)).decode()
                yield f"base64 --decode > {each.name} << '.'\n{text}."


def _drawn_lines(step: Compile | Run) -> Iterator[str]:
    """Yield a comment on each archive of random weights."""
    for name, draw in step.drawn if isinstance(step, Run) else ():
        yield _comment(f"{name}: random weights with the seed {draw.seed}, which a run makes and keeps in the cache")


def _comparisons(step: Compare) -> Iterator[str]:
    if step.reference:
        yield _comment(f"compare each output with that in {step.reference.role}")
    for name, expected in zip(step.run.outputs, step.expected, strict=True):
        match expected:
            case ExpectedFile():
                shown = f"{expected.link.name} ({expected.type or 'the type in its header'})"
                yield _comment(f"compare {name} with {shown}: {redacted(expected.link.blob.url)}")
            case ExpectedValue():
                yield _comment(f"compare {name} with {one_line(expected.text)}")
    for index, judge in enumerate(step.judges):
        if judge:
            what = f"output {index}" if len(step.judges) > 1 else "every output"
            more = ", and every element by its threshold" if judge.elementwise else ""
            yield _comment(f"judge {what} by {', '.join(map(str, judge.conditions))}{more}")
