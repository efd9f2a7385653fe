"""Fuzzes for long, and keeps what fails in `fuzz-findings`: nox -s fuzz -- --examples 20000 --seed 1 --only spec."""

import argparse
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.core.settings import default_store
from tests.fuzz import commands, readers

_DEADLINE_S = 60
_KEPT = Path("fuzz-findings")
_SHOWN = 2_000
_COMMANDS = {
    "validate": ["validate"],
    "list": ["list", "--json"],
    "plan": ["plan", "--iree=3.13.0", "--store={root}/store", "--offline"],
    "verdict": ["plan", "--iree=3.0.0", "--store={root}/store", "--offline", "--verdict=iree-run-module"],
}
_QUALITY = [
    "quality",
    "--iree=3.13.0",
    f"--store={default_store()}",
    "--engine=local",
    "--timeout=60",
    "--out={root}/out",
]


@dataclass(frozen=True)
class Task:
    """What makes an example from a seed, and what checks it."""

    name: str
    make: Callable[[int], bytes]
    check: Callable[[bytes], object]


TASKS = (
    *(Task(name, partial(readers.example, name), partial(readers.check, name)) for name in readers.READERS),
    *(Task(name, commands.example, partial(commands.check, argv=argv)) for name, argv in _COMMANDS.items()),
    Task(
        "quality",
        partial(commands.example, runnable=True),
        partial(commands.check, argv=[*_QUALITY, "--out={root}/out"]),
    ),
)


class _TooLongError(Exception):
    """One example took longer than any should."""


def _stop(_number: int, _frame: object) -> None:
    raise _TooLongError


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _failure(task: Task, content: bytes) -> str:
    """Return the traceback of the exception that nobody expected; nothing if all is well."""
    signal.alarm(_DEADLINE_S)
    try:
        task.check(content)
    except Exception:  # noqa: BLE001 - it is what is looked for
        return traceback.format_exc()
    finally:
        signal.alarm(0)
    return ""


def _run(task: Task, first: int, examples: int) -> bool:
    """Check examples, keep those that fail, print the figures, and return whether all is well."""
    before, started, found, slowest_s = _peak_bytes(), time.monotonic(), dict[str, int](), 0.0
    for seed in range(first, first + examples):
        content, began = task.make(seed), time.monotonic()
        if failure := _failure(task, content):
            place = "\n".join(line for line in failure.splitlines() if line.startswith("  File"))
            if place not in found:
                _KEPT.mkdir(exist_ok=True)
                (_KEPT / f"{task.name}-{seed}").write_bytes(content)
                _say(f"FOUND {task.name}, seed {seed}: {content[:_SHOWN]!r}\n{failure[-_SHOWN:]}")
            found[place] = found.get(place, 0) + 1
        slowest_s = max(slowest_s, time.monotonic() - began)
    failed, grown = sum(found.values()), (_peak_bytes() - before) >> 20
    _say(
        f"{task.name:<9} seeds {first} to {first + examples - 1}: {failed} failed in {len(found)} ways; "
        f"{time.monotonic() - started:.0f} s, slowest {slowest_s:.2f} s, memory +{grown} MiB"
    )
    return not found


def main() -> None:
    """Fuzz; the exit code is 1 if something was found."""
    parser = argparse.ArgumentParser(prog="nox -s fuzz --")
    parser.add_argument("--examples", type=int, default=2_000, help="how many for each reader and command")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--only", nargs="+", choices=[each.name for each in TASKS], help="by default all but quality")
    asked = parser.parse_args()
    signal.signal(signal.SIGALRM, _stop)
    names = asked.only or [each.name for each in TASKS if each.name != "quality"]
    results = [_run(each, asked.seed, asked.examples) for each in TASKS if each.name in names]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
