"""Renders a page from a template: data, one script and one style sheet in one file.

The page's Content-Security-Policy names the digest of each script and style sheet in it and allows nothing else: no
connection, no other script, no attribute with code or style. Data are no markup: the script reads them as JSON, and
makes elements of them with `textContent` alone.
"""

import base64
import functools
import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.core.records import as_json
from harness.report import again
from harness.report.page import answer, cases, compared, environment, timeline
from harness.report.page.answer import Answer
from harness.report.page.cases import Shown
from harness.report.page.content import Content, Trend

_CHUNK = 32  # cases whose details are compressed together: a few kilobytes, which open in a millisecond
_SCRIPTS = (
    "dom",
    "format",
    "data",
    "charts",
    "outputs",
    "detail",
    "list",
    "grid",
    "timeline",
    "search",
    "bench",
    "compare",
)
_CHARTS = "vendor/chart.umd.min.js"


def render(content: Content, shown: Sequence[Shown] | None = None) -> str:
    """Return the page.

    Args:
        content: what it shows.
        shown: the cases that it shows, if they are known.
    """
    shown = cases.shown(content.runs) if shown is None else shown
    told = _told(content, shown)
    script, style = _script(), _asset("style.css")
    text: str = _template().render(
        title=told.title,
        answer=told,
        places=answer.places(content),
        policy=_policy(scripts=(_asset(_CHARTS), script), styles=(style,)),
        charts=_asset(_CHARTS),
        script=script,
        style=style,
        index=_embedded(_index(content, shown, told)),
        chunks=list(_chunks(content, shown)),
        timeline=_packed(timeline.entries(shown)),
    )
    return text


def _told(content: Content, shown: Sequence[Shown]) -> Answer:
    """Return the answer of the page, which also says of how many cases it has nothing else."""
    told, number = answer.answer(content), sum(len(run.report.cases) for run in content.runs)
    left_out = (
        f" This page shows {len(shown):,} of {number:,} cases; results.json has all." if number > len(shown) else ""
    )
    return replace(told, text=told.text + left_out)


def _index(content: Content, shown: Sequence[Shown], told: Answer) -> dict[str, Any]:
    """Return what the page shows at once."""
    return {
        "answer": as_json(told),
        "chunk": _CHUNK,
        "runs": [environment.described(run) for run in content.runs],
        "releases": answer.releases(content, [each.outcome for each in shown]),
        "cases": [cases.row(each) for each in shown],
        "bisect": as_json(content.bisect),
        "matrix": as_json(content.matrix),
        "bench": as_json(content.bench),
        "compare": compared.described(content.comparison) if content.comparison else None,
    }


def _chunks(content: Content, shown: Sequence[Shown]) -> Iterator[str]:
    """Yield the details of some cases at a time, compressed: most pages are opened for one or two of them."""
    limit = cases.log_bytes(len(shown))
    commands = [again.CaseCommands(run.report) for run in content.runs]
    trends: dict[str, list[Trend]] = {}
    for trend in content.trends:
        trends.setdefault(trend.case, []).append(trend)
    for start in range(0, len(shown), _CHUNK):
        some = [
            cases.details(each, content.runs[each.run], commands[each.run], trends.get(each.outcome.id, ()), limit)
            for each in shown[start : start + _CHUNK]
        ]
        yield _packed(some)


def _packed(data: object) -> str:
    """Return data as compressed JSON in base 64."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(zlib.compress(text.encode(), 6)).decode()


def _embedded(data: object) -> str:
    """Return JSON that no parser of HTML takes for anything but text."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)  # what is not ASCII is escaped
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(*, scripts: Sequence[str], styles: Sequence[str]) -> str:
    allowed = {"script-src": " ".join(map(_digest, scripts)), "style-src": " ".join(map(_digest, styles))}
    rules = {"default-src": "'none'", **allowed, "img-src": "data:", "base-uri": "'none'", "form-action": "'none'"}
    rules |= {"require-trusted-types-for": "'script'", "trusted-types": "'none'"}
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@functools.cache
def _asset(name: str) -> str:
    return Path(__file__).with_name("assets").joinpath(name).read_text(encoding="utf-8")


@functools.cache
def _script() -> str:
    """Return the scripts as one, whose names nothing outside sees."""
    parts = "\n".join(_asset(f"scripts/{name}.js") for name in (*_SCRIPTS, "main"))
    return f'(() => {{\n"use strict";\n{parts}\n}})();\n'


@functools.cache
def _template() -> Any:
    import jinja2  # noqa: PLC0415 - takes 20 ms, and only pages need it

    environment_ = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment_.from_string(_asset("page.html"))
