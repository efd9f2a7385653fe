"""Renders what was localized: for a terminal, as Markdown, and as localize.json, whose schema is in docs/localize.md."""

import json

from harness.core.records import as_json
from harness.localize.result import SCHEMA, Localized


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
        "text": found.why,
        "error_growth": [as_json(each) for each in found.error_growth],
        "compilations": found.compilations,
        "defaults": list(found.defaults),
        "seconds": found.seconds,
        "stopped": found.stopped,
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def text(found: Localized) -> str:
    return "\n".join([f"{found.case}: {found.bad.label} against {found.good.label}", *(f"  {each.operation} (operation {each.index}, line {each.line})" for each in found.culprits), f"  {found.why}; {found.compilations} compilations, {found.seconds:.1f} s"])
