"""Refuses command lines in which an option would do nothing, or names a file that does not exist."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.cli.settings import Invocation
from harness.core.errors import UsageError
from harness.core.settings import Settings
from harness.specs import inline

_CHOOSES_RELEASE = {"quality", "plan", "fetch", "new", "image"}
_RUNS = ("out", "junit_xml", "timeout", "run_wrapper", "verdict", "pin_defaults", "iree", "find_links", "wheels")
_CONTAINERS = ("image", "cap", "memory", "registry", "containers", "debian_mirror")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Options that do nothing in some command lines.

    Attributes:
        options: as the parsed command line names them.
        why: the end of the sentence `--OPTION ...`.
        holds: whether a command line is one of them.
    """

    options: tuple[str, ...]
    why: str
    holds: Callable[[Invocation], bool]


def _is_local(invocation: Invocation) -> bool:
    return invocation.command != "image" and invocation.settings.container.engine == "local"


def _runs_nothing(invocation: Invocation) -> bool:
    return runs_nothing(invocation.settings)


def runs_nothing(settings: Settings) -> bool:
    """Whether models are compiled only, whatever their specs say."""
    target, program, selectors = settings.target, settings.cases.program, settings.cases.selectors
    is_compiled = target.compile_only or bool(target.compile_chips and not target.chips)
    return is_compiled or (all(map(inline.is_bare, selectors)) and not program.function and not program.inputs)


RULES = (
    Rule(options=_CONTAINERS, why="cannot be combined with --engine local; remove one of them.", holds=_is_local),
    Rule(
        options=("run_wrapper", "verdict", "weights"),
        why="has no effect, because nothing is run; remove it, or what makes the run compile only.",
        holds=_runs_nothing,
    ),
    Rule(
        options=("threshold",),
        why="has no effect without --expected-output; add it, or remove --threshold.",
        holds=lambda invocation: not invocation.settings.cases.program.expected_outputs,
    ),
    Rule(
        options=("find_links", "wheels"),
        why="has no effect without --iree; name a release that `harness releases` lists with the same option.",
        holds=lambda each: each.command in _CHOOSES_RELEASE and not each.settings.release.name,
    ),
    Rule(
        options=("any_failure",),
        why="has no effect with --metric; remove one of them.",
        holds=lambda invocation: invocation.search.metric is not None,
    ),
    Rule(
        options=("locked",),
        why="cannot be combined with `harness lock`, which fetches what is not locked; remove it.",
        holds=lambda invocation: invocation.command == "lock",
    ),
    Rule(
        options=(*_RUNS, *_CONTAINERS),
        why="has no effect with --no-run; remove one of them.",
        holds=lambda invocation: invocation.options.no_run,
    ),
)


def check(invocation: Invocation, argv: Sequence[str]) -> None:
    """Check a command line before its command is run.

    Raises:
        UsageError: a value is empty, an option would do nothing, or a file does not exist.
    """
    for option in _empty(argv):
        raise UsageError(f"{option}: the value is empty; is a variable not set?")
    for rule in RULES:
        given = [option for option in rule.options if option in invocation.given]
        if given and rule.holds(invocation):
            raise UsageError(f"--{given[0].replace('_', '-')} {rule.why}")
    if invocation.command != "new":  # it names files relative to the specs, and URLs
        for option, path in _files(invocation.settings):
            if not path.is_file():
                raise UsageError(f"{option} {path}: no such file; check the path.")


def _empty(argv: Sequence[str]) -> Iterator[str]:
    """Yield the options, or the word SELECTOR, whose value is empty."""
    for before, word in itertools.pairwise(("", *argv)):
        option, equals, value = word.partition("=") if word.startswith("--") else (before, "=", word)
        if equals and not value.strip():
            yield option if option.startswith("-") else "SELECTOR"


def _files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Yield the files that options for a bare `.mlir` file name."""
    program = settings.cases.program
    if program.weights:
        yield "--weights", Path(program.weights)
    for option, texts in (("--input", program.inputs), ("--expected-output", program.expected_outputs)):
        yield from ((option, Path(name)) for text in texts if (name := inline.file_named(text)))
