import json
from pathlib import Path
from typing import Any

import pytest

from harness.core.budgets import EVERY, Limit, Quantity, Statistic
from harness.core.cases import ModelSpec
from harness.core.errors import SpecError
from harness.core.timings import Timing
from harness.specs import reader
from harness.specs.catalogue import Folders


def load(root: Path, budget: Any) -> ModelSpec:
    path = root / "toy" / "clip_cpu.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"mlir": "a.mlir", "budget": budget}, indent=2))
    (loaded,) = reader.load_all([path], Folders(root))
    return loaded


def test_a_budget_is_for_all_targets_or_by_target(tmp_path: Path) -> None:
    spec = load(
        tmp_path,
        {
            "dispatches": 40,
            "module_bytes": {"golden": 1000, "tolerance": 1.5},
            "compile_seconds": {"mi300": 20, "gfx90a": {"golden": 30}, "cpu": {"golden": 9.5, "tolerance": 2}},
            "peak_bytes": {"sm_80": 1, "mi308x": 2, "rocm": 3},
            "latency_ms": {
                "mi300": {"golden": 34.2, "tolerance": 1.1},
                "cpu": {"golden": 3, "statistic": "min", "repetitions": 5, "seconds": 2, "warmup_seconds": 1.5},
            },
        },
    )
    timing = Timing(repetitions=5, seconds=2, warmup_seconds=1.5)
    assert Limit(golden=1).timing == Timing(repetitions=10, seconds=0.1, warmup_seconds=0.5)
    assert spec.budget == {
        Quantity.DISPATCHES: {EVERY: Limit(golden=40)},
        Quantity.MODULE_BYTES: {EVERY: Limit(golden=1000, tolerance=1.5)},
        Quantity.COMPILE_SECONDS: {
            "mi300": Limit(golden=20),
            "gfx90a": Limit(golden=30),
            "cpu": Limit(golden=9.5, tolerance=2),
        },
        Quantity.PEAK_BYTES: {"sm_80": Limit(golden=1), "mi308x": Limit(golden=2), "rocm": Limit(golden=3)},
        Quantity.LATENCY_MS: {
            "mi300": Limit(golden=34.2, tolerance=1.1),
            "cpu": Limit(golden=3, statistic=Statistic.MIN, timing=timing),
        },
    }


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        (5, "3: $.budget: expected an object, got 5"),
        ({"flops": 1}, "4: $.budget.flops: unknown field 'flops'; expected one of dispatches, module_bytes, "),
        ({"dispatches": -1}, "4: $.budget.dispatches: -1 is less than the minimum of 0"),
        ({"dispatches": True}, "4: $.budget.dispatches: expected a number or an object, got true"),
        ({"dispatches": {}}, "4: $.budget.dispatches: must not be empty"),
        ({"dispatches": {"mi3000": 1}}, "5: $.budget.dispatches.mi3000: 'mi3000' is no SKU, chip or backend; expected"),
        ({"dispatches": {"golden": 1, "statistic": "min"}}, "6: $.budget.dispatches.statistic: unknown field"),
        ({"dispatches": {"cpu": {"tolerance": 2}}}, "5: $.budget.dispatches.cpu: missing field 'golden'"),
        ({"dispatches": {"cpu": {"golden": 1, "tolerance": 0}}}, "7: $.budget.dispatches.cpu.tolerance: 0 is less"),
        ({"latency_ms": {"golden": 1, "statistic": "p99"}}, "6: $.budget.latency_ms.statistic: 'p99' is not one of"),
        ({"latency_ms": {"golden": 1, "repetitions": 0}}, "6: $.budget.latency_ms.repetitions: 0 is less than the"),
    ],
)
def test_violations_have_lines(tmp_path: Path, budget: Any, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        load(tmp_path, budget)
    assert str(caught.value).removeprefix(f"{tmp_path}/toy/clip_cpu.json:").startswith(message)
