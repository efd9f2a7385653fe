"""Samples of what a history keeps."""

from typing import Any

from harness.core.history import CaseRecord, RunRecord
from harness.core.statuses import Kind, Status


def run(number: int = 1, **changes: Any) -> RunRecord:
    """Return a run that started in a minute of its own."""
    filled: dict[str, Any] = {
        "id": f"{number:016x}",
        "started": f"2026-11-{1 + number // 1440:02}T{number // 60 % 24:02}:{number % 60:02}:00Z",
        "seconds": 1.5,
        "release": "3.13.0",
        "machine": "EPYC 9454",
        "project": "/home/ana/models",
        "folder": f"/home/ana/models/results/{number}",
    }
    return RunRecord(**filled | changes)


def case(status: Status = Status.PASSED, name: str = "tiny/clip", **changes: Any) -> CaseRecord:
    """Return a result on the CPU in which every number is known."""
    filled: dict[str, Any] = {
        "id": f"{name}[cpu]",
        "name": name,
        "backend": "cpu",
        "release": "3.13.0",
        "status": status,
        "kind": Kind.NUMERIC if status is Status.FAILED else None,
        "is_green": status in {Status.PASSED, Status.XFAILED},
        "device": "EPYC 9454",
        "module": "a" * 64,
        "inputs": "b" * 64,
        "limits": "c" * 64,
        "max_abs_error": 1e-6,
        "error_ratio": 0.1,
        "compile_seconds": 2.5,
        "module_bytes": 84_213,
        "dispatches": 31,
        "latency_ms": 1.25,
        "peak_memory_bytes": 215_000_000,
    }
    return CaseRecord(**filled | changes)
