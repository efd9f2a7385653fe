"""Reads the budget of a spec, which has followed the schema."""

import re
from collections.abc import Mapping
from typing import Any

from harness.core.budgets import EVERY, Budget, Limit, Quantity, Statistic
from harness.core.cases import Backend
from harness.core.timings import Timing
from harness.host.devices import SKUS
from harness.iree import flags
from harness.specs import json_lines
from harness.specs.violations import Violations

_NVIDIA = re.compile(r"sm_[0-9]{2,3}[af]?")


def read(value: Mapping[str, Any], violations: Violations) -> Budget:
    """Return the budget, and add a violation for each name that no target has."""
    found = {Quantity(name): _limits(entry) for name, entry in value.items()}
    for quantity, limits in found.items():
        for name in limits:
            if name and not _is_target(name):
                json_path = json_lines.member(f"$.budget.{quantity}", name)
                violations.add(json_path, f"{name!r} is no SKU, chip or backend; expected e.g. mi300, gfx942 or cpu")
    return found


def _limits(entry: Any) -> dict[str, Limit]:
    """Return the limits of a quantity: one for all targets, or several by their names."""
    by_target = {EVERY: entry} if not isinstance(entry, dict) or "golden" in entry else entry
    return {name: _limit(each if isinstance(each, dict) else {"golden": each}) for name, each in by_target.items()}


def _limit(entry: Mapping[str, Any]) -> Limit:
    timing = {name: entry[name] for name in ("repetitions", "seconds", "warmup_seconds") if name in entry}
    return Limit(
        golden=entry["golden"],
        tolerance=entry.get("tolerance", 1.0),
        statistic=Statistic(entry.get("statistic", Statistic.MEDIAN)),
        timing=Timing(**timing),
    )


def _is_target(name: str) -> bool:
    return name in list(Backend) or name in SKUS or flags.is_known_chip(name) or bool(_NVIDIA.fullmatch(name))
