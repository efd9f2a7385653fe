"""Draws how the error grows along a program, as SVG."""

import html
import math
from collections.abc import Iterator

from harness.localize.result import Grown, Localized

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 800, 300, 60, 40, 20
_LOWEST, _HIGHEST = -16, 2  # powers of ten
_STEP = 3
_COLORS = {"whole": "#2563eb", "alone": "#9ca3af", "culprit": "#dc2626"}


def svg(found: Localized) -> str:
    """Return a drawing: the relative error of each value in the program, and of each operation alone."""
    growth = found.error_growth
    parts = [*_axes(found), *_line(growth)]
    for place, each in enumerate(growth):
        x = _x(place, len(growth))
        if each.alone is not None:
            parts.append(_dot(x, _y(each.alone), "alone", each))
        parts.append(_dot(x, _y(each.relative), "culprit" if each.blamed else "whole", each))
    body = "\n".join(parts)
    size = f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    font = 'font-family="sans-serif" font-size="11" fill="#374151"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>\n{body}\n</svg>\n'


def _x(place: int, count: int) -> float:
    return _LEFT + (place + 0.5) * (_WIDTH - _LEFT - 10) / max(1, count)


def _y(error: float) -> float:
    power = _LOWEST if error == 0 else min(_HIGHEST, max(_LOWEST, math.log10(min(error, 10.0**_HIGHEST))))
    return _TOP + (_HIGHEST - power) / (_HIGHEST - _LOWEST) * (_HEIGHT - _TOP - _BOTTOM)


def _axes(found: Localized) -> Iterator[str]:
    title = f"{found.case}: {found.bad.label} against {found.good.label}"
    yield f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>'
    yield f'<text x="{_LEFT}" y="14">{html.escape(title)}</text>'
    for power in range(_HIGHEST, _LOWEST - 1, -_STEP):
        y = _y(10.0**power)
        yield f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - 10}" y2="{y:.1f}" stroke="#e5e7eb"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">1e{power}</text>'
    legend = "operations in order; blue: relative error of its value, gray: of the operation alone, red: to blame"
    yield f'<text x="{_LEFT}" y="{_HEIGHT - 12}">{legend}</text>'


def _line(growth: tuple[Grown, ...]) -> Iterator[str]:
    points = " ".join(f"{_x(place, len(growth)):.1f},{_y(each.relative):.1f}" for place, each in enumerate(growth))
    yield f'<polyline points="{points}" fill="none" stroke="{_COLORS["whole"]}" stroke-opacity="0.4"/>'


def _dot(x: float, y: float, what: str, each: Grown) -> str:
    title = html.escape(f"{each.operation}, line {each.line}: {each.relative:.2g}")
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{_COLORS[what]}"><title>{title}</title></circle>'
