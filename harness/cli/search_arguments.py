"""The commands that go through releases: `bisect` and `matrix`, with their own options."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.cli.argument_types import positive


def add(commands: Any, parents: Sequence[argparse.ArgumentParser]) -> None:
    """Add both commands to those of the harness."""
    help_text = "find the release since which a case fails, or passes, or a number is another"
    bisect = commands.add_parser(
        "bisect", help=help_text, description=help_text, parents=[*parents, _jobs(1)], allow_abbrev=False
    )
    bisect.add_argument("selectors", nargs=1, metavar="CASE", help="a selector of one case")
    _add_question(bisect)
    _add_log(bisect)
    help_text = "judge cases with many releases, and say where one release differs from the one before"
    matrix = commands.add_parser(
        "matrix", help=help_text, description=help_text, parents=[*parents, _jobs(2)], allow_abbrev=False
    )
    help_text = "sd3, sd3/clip, or a glob of these (default: tiny, or all of --specs)"
    matrix.add_argument("selectors", nargs="*", metavar="SELECTOR", help=help_text)
    help_text = "a release, or a range such as 3.0.0..3.13.0; may be repeated (default: all)"
    matrix.add_argument("--iree", action="append", default=[], metavar="RELEASE", help=help_text)
    help_text = "show this number of each case, such as dispatches, in the place of its status"
    matrix.add_argument("--show", metavar="NAME", help=help_text)


def _add_question(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("--good", metavar="RELEASE", help="a release that is good (default: looked for)")
    add("--bad", metavar="RELEASE", help="a release that is bad (default: the newest)")
    help_text = "what to find: the first bad release, or with `fix` the first good one after --bad"
    add("--find", choices=("break", "fix"), default="break", help=help_text)
    help_text = "what is bad, in the place of failing: a condition such as 'dispatches > 40'"
    add("--metric", metavar="EXPR", help=help_text)
    help_text = "take any failure for the one at the bad end, and not only one of the same phase and kind"
    add("--any-failure", action="store_true", help=help_text)
    add("--all", action="store_true", help="look at every release, and find every change")
    add("--repeat", type=positive, default=1, metavar="N", help="run with each release N times (default: 1)")
    help_text = "so many of N runs have to agree, or the release counts as flaky (default: all)"
    add("--at-least", type=positive, metavar="K", help=help_text)
    help_text = "run the compiler of one side of the change with the runtime of the other, to say which carries it"
    add("--attribute", action="store_true", help=help_text)


def _add_log(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add(
        "--log", type=Path, metavar="FILE", help="write what was seen of each release to this file, a line of JSON each"
    )
    help_text = "take from such a file what was seen, with the verdicts that it has, and look only at the rest"
    add("--replay", type=Path, metavar="FILE", help=help_text)


def _jobs(default: int) -> argparse.ArgumentParser:
    group = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    help_text = "releases at once (default: %(default)s)"
    group.add_argument("--jobs", type=positive, default=default, metavar="K", help=help_text)
    return group
