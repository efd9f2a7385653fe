"""The commands that go through releases: `bisect` and `matrix`, with their own options."""

import argparse
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.cli.argument_types import DEFAULT_TIMEOUT_S, positive
from harness.core.urls import redacted
from harness.specs import inline

# What has a say in what becomes of a case, with its default: nothing else is needed to see the same again.
_NONE = ("specs", "external_files", "backend", "chip", "compile_chip", "compile_only", "sku", "gpu", "run_wrapper")
_NONE_EITHER = ("pin_defaults", "image", "cap", "memory", "find_links", "wheels", "toolchain")
_JUDGING: Mapping[str, Any] = {
    **dict.fromkeys((*_NONE, *_NONE_EITHER)),
    "verdict": "harness",
    "timeout": DEFAULT_TIMEOUT_S,
    "engine": "auto",
}
# What results say without the command line: the target with each case, the place once it was had.
_TARGET, _PLACE = ("backend", "chip", "compile_chip"), ("engine", "image")
_QUESTION = ("command", "good", "bad", "find", "metric", "any_failure", "all", "repeat", "at_least", "iree")


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


def again(parsed: argparse.Namespace) -> str:
    """Return the command that judges the same cases once more, but for the release."""
    return shlex.join(
        ["nox", "-s", "quality", "--", *parsed.selectors, *inline.words(parsed), *_given(parsed, _JUDGING)]
    )


def facts(parsed: argparse.Namespace) -> dict[str, Any]:
    """Return what results quote of the command line, so that a case can be repeated that says its own target only."""
    compiled = [chip for chip in parsed.compile_chip if chip not in parsed.chip]
    of_all = [name for name in _JUDGING if name not in {*_TARGET, *_PLACE}]
    found = {
        "command": "run" if parsed.command == "run" else None,  # whose tools are here, and no release to be had
        "options": _given(parsed, of_all),
        "place": _given(parsed, _PLACE),
        "compile_chips": compiled,
    }
    return {name: value for name, value in found.items() if value}


def identity(parsed: argparse.Namespace) -> dict[str, str]:
    """Return all options that have a say in what a search finds, to tell one search from another."""
    named = {name: getattr(parsed, name, None) for name in (*_JUDGING, *_QUESTION, *inline.OPTIONS)}
    return {name: str(value) for name, value in named.items()}


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


def _given(parsed: argparse.Namespace, names: Iterable[str]) -> list[str]:
    """Return those of some options that were given, and not as they are by default."""
    given = {name: getattr(parsed, name, None) for name in names}
    return [word for name, value in given.items() if value != _JUDGING[name] for word in _words(name, value)]


def _words(name: str, value: Any) -> Iterator[str]:
    """Yield an option as it was given; what was not given has no words."""
    option = f"--{name.replace('_', '-')}"
    match value:
        case None | False | []:
            return
        case True:
            yield option
        case [int(), *_]:
            yield from (option, ",".join(map(str, value)))
        case list() if name == "run_wrapper":
            yield from (option, shlex.join(value))
        case list() if name == "find_links":
            yield from (word for each in value for word in (option, redacted(each) if "://" in each else each))
        case list():
            yield from (word for each in value for word in (option, str(each)))
        case _:
            yield from (option, str(value))
