"""Reads the output of an engine while it pulls, pushes or builds an image. No I/O of its own."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from harness.core.callbacks import Notice, ignore
from harness.core.errors import EngineError
from harness.core.text import megabytes

_CHARACTERS = 400
_STEP = re.compile(r"step (\d+/\d+)", re.IGNORECASE)
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def follow(stream: Iterable[Mapping[str, Any]], progress: Notice, *, status: Notice = ignore) -> None:
    """Read the output of a request to its end, and report its steps, or the bytes of all layers together.

    Errors are part of the output. The SDK's `images.pull` and `images.build` swallow or rename them.
    """
    output, layers = "", dict[str, tuple[int, int]]()
    for each in stream:
        if not isinstance(each, dict):
            raise EngineError(f"expected an object in the engine's answer, got {each!r}.")
        if error := each.get("error"):
            end = f" Output: {_end(output)}" if output else ""
            raise EngineError(f"{_end(str(error)).rstrip('.')}.{end}")
        status(str(each.get("status") or ""))
        text = str(each.get("stream") or "")
        output += text
        if step := _STEP.match(text):
            progress(f"step {step[1]}")
        detail = each.get("progressDetail") or {}
        if isinstance(detail.get("current"), int) and isinstance(detail.get("total"), int):
            layers[f"{each.get('id')} {each.get('status')}"] = (detail["current"], detail["total"])
            progress(_of_all(layers.values()))


def _of_all(layers: Iterable[tuple[int, int]]) -> str:
    """Return how much of all layers there is, as `45.2/312.0 MB`."""
    current, total = (sum(sizes) for sizes in zip(*layers, strict=True))
    return f"{megabytes(current)}/{megabytes(total)} MB"


def _end(text: str) -> str:
    """Return the last words of the output of a terminal, on one line: the cause of a failure is at its end."""
    plain = _plain(text)
    return plain if len(plain) <= _CHARACTERS else f"... {plain[-_CHARACTERS:].partition(' ')[2]}"


def _plain(text: str) -> str:
    """Return the output of a terminal on one line, without colours."""
    return " ".join(_COLOURS.sub("", text).split())
