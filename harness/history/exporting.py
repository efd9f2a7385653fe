"""Renders what the history keeps of a run as lines of JSON, for other databases (no I/O)."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from harness.core.history import CaseRecord, RunRecord
from harness.core.records import as_json

SCHEMA = 1
# Folders of this machine, and digests by which the history tells which results may differ.
_LEFT_OUT = ("project", "folder", "inputs", "limits")


def json_lines(run: RunRecord, cases: Iterable[CaseRecord]) -> str:
    """Return a line for each case, with its run as `run`. Infinity is a string, and what is not known is left out."""
    of_run = _known(run)
    lines = (json.dumps({"schema": SCHEMA, "run": of_run, **_known(case)}, allow_nan=False) for case in cases)
    return "".join(f"{line}\n" for line in lines)


def _known(record: RunRecord | CaseRecord) -> Mapping[str, Any]:
    values = as_json(record).items()
    return {name: _written(value) for name, value in values if value not in (None, "") and name not in _LEFT_OUT}


def _written(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
