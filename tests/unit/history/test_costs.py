from pathlib import Path
from typing import Any

from harness.core.history import Cost
from harness.core.statuses import Status
from harness.history import costs
from harness.history.history import History
from tests.unit.history import samples


def test_what_cases_took_with_the_newest_release_that_tells(tmp_path: Path) -> None:
    history = History(tmp_path / "history.sqlite", "/home/ana/models")
    assert costs.costs(history, ["tiny/clip[cpu]"]) == {}
    numbers: dict[str, Any] = {
        "compile_seconds": 3.0,
        "compile_memory_bytes": 200,
        "run_seconds": 0.5,
        "peak_memory_bytes": 50,
    }
    history.add(samples.run(1), [samples.case(**numbers | {"compile_memory_bytes": 100})])
    history.add(samples.run(2, release="3.12.0"), [samples.case(release="3.12.0", **numbers)])
    failed: dict[str, Any] = {
        "compile_seconds": 4.0,
        "compile_memory_bytes": None,
        "run_seconds": None,
        "peak_memory_bytes": None,
    }
    history.add(samples.run(3), [samples.case(Status.FAILED, **failed)])
    history.add(samples.run(4, project="/elsewhere"), [samples.case(**numbers | {"compile_memory_bytes": 999})])
    found = costs.costs(history, ["tiny/clip[cpu]", "tiny/vae[cpu]"])
    expected = Cost(compile_seconds=4.0, compile_memory_bytes=200, run_seconds=0.5, peak_memory_bytes=50)
    assert found == {"tiny/clip[cpu]": expected}
