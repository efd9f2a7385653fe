"""What a run takes from this machine: how much it compiles at once, and what results say of the machine."""

import os
import platform
from typing import Any

import harness
from harness.core.records import as_json
from harness.host import devices
from harness.pipeline.environment import Environment

_COMPILE_MEMORY_BYTES = 4 << 30


def default_jobs() -> int:
    """Return how many compilations fit into cores and memory; each uses several cores at times."""
    available, _ = devices.memory_bytes()
    return max(1, min(len(os.sched_getaffinity(0)), available // _COMPILE_MEMORY_BYTES))


def environment_facts(engine: str, environment: Environment | None) -> dict[str, Any]:
    """Return what a result depends on besides its case; without an environment, what was wanted."""
    available, in_all = devices.memory_bytes()
    tools = environment.toolchain if environment else None
    return {
        "engine": engine,
        "image": None,
        **(environment.facts if environment else {}),
        "iree": {
            "release": tools.release.name if tools else None,
            "compiler_commit": tools.compiler_commit if tools else None,
            "runtime_commit": tools.runtime_commit if tools else None,
        },
        "builds": {"compiler": tools.build, "runtime": tools.runtime_build} if tools else None,
        "host": {
            "cpu": devices.cpu_name(),
            "kernel": platform.release(),
            "memory_bytes": in_all,
            "memory_available_bytes": available,
            "gpus": as_json(devices.gpus()),
        },
        "harness": {"version": harness.__version__, "python": platform.python_version()},
    }
