"""What results say of this machine."""

import platform
from typing import Any

import harness
from harness.core.records import as_json
from harness.core.settings import Settings
from harness.host import devices
from harness.pipeline.environment import Environment
from harness.report import again


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


def run_facts(settings: Settings, engine: str, environment: Environment | None, command: str) -> dict[str, Any]:
    """Return the same, and what repeats the cases of a run; `command` is empty for `quality`."""
    return {
        **environment_facts(engine, environment),
        **({"by_hand": environment.by_hand} if environment else {}),
        **again.facts(settings),
        **({"command": command} if command else {}),
    }
