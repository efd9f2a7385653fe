"""Prints what a benchmark ran on: the machine, its load, the date, versions and the command line."""

import argparse
import os
import platform
import shlex
import sys
import timeit
from datetime import UTC, datetime
from pathlib import Path

from harness import __version__
from harness.host import devices

# Other programs take CPU time from the benchmark above this load.
QUIET_LOAD = 1.5


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser whose help shows a module's docstring as it is written."""
    return argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)


def loop_s() -> float:
    """Return how long ten million rounds of an empty loop take: the least of three times, in seconds."""
    return min(timeit.repeat(number=10_000_000, repeat=3))


def print_heading(*facts: str) -> None:
    """Print four lines of Markdown, and a warning if the machine is busy.

    Args:
        facts: versions and settings, beside those of the harness and Python.
    """
    load = os.getloadavg()[0]
    cores = len(os.sched_getaffinity(0))
    print(f"- {devices.cpu_name()}, {cores} cores, Linux {platform.release()}, load {load:.1f} at the start")
    print(f"- {loop_s():.2f} s for ten million rounds of an empty loop of Python, by which to compare machines")
    versions = (f"harness {__version__}", f"Python {platform.python_version()}", *facts)
    print(f"- {datetime.now(UTC):%Y-%m-%d}, {', '.join(versions)}")
    print(f"- `{shlex.join(['python', f'benchmarks/{Path(sys.argv[0]).name}', *sys.argv[1:]])}`\n")
    if load > QUIET_LOAD:
        print(f"**The machine was busy (load above {QUIET_LOAD}): compare the ratios only, and with care.**\n")
    sys.stdout.flush()
