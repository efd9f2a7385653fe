"""The command line: every command, option and default, and the environment variables behind the defaults."""

import argparse
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

import platformdirs

from harness import __version__
from harness.devices import SKUS
from harness.errors import UsageError
from harness.model import Backend, Target

DEFAULT_SELECTOR = "tiny"
DEFAULT_TIMEOUT_S = 1200.0
_CHIP = re.compile(r"gfx[0-9a-f]{3,5}|(?!gfx)[a-z]+[0-9]+[a-z]*")
_APP = "iree-quality-harness"


def parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    """Return the parser of `harness`; its defaults come from the environment where the original suite's did."""
    top = argparse.ArgumentParser(prog="harness", description="Judge models with an IREE release.", allow_abbrev=False)
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    specs, cases, runs = _specs_options(environment), _case_options(environment), _run_options(environment)
    selectors = _selectors()
    for name, help_text, parents in (
        ("quality", "provide an IREE release, run the models, judge and report", (selectors, specs, cases, runs)),
        ("run", "the same with the IREE tools of --toolchain or PATH", (selectors, specs, cases, runs)),
        ("plan", "print the exact commands and run none", (selectors, specs, cases)),
        ("list", "list the cases", (selectors, specs, cases)),
        ("fetch", "fetch the blobs only", (selectors, specs, cases)),
        ("lock", "fetch the blobs and pin their content in blobs.lock.json", (selectors, specs)),
        ("validate", "check the specs", (selectors, specs)),
        ("doctor", "say what this machine can and cannot do, and how to mend it", (selectors, specs)),
    ):
        command = commands.add_parser(name, help=help_text, description=help_text, parents=parents, allow_abbrev=False)
        _own_options(name, command)
    return top


def _own_options(name: str, command: argparse.ArgumentParser) -> None:
    if name == "run":
        command.add_argument("--toolchain", type=Path, metavar="DIR", help="folder whose bin has the IREE tools")
    if name in {"quality", "plan"}:
        command.add_argument("--iree", metavar="RELEASE", help="IREE release (default: the newest in the lock)")
    if name == "quality":
        command.add_argument("--engine", choices=("auto", "local"), default="auto", help="where the harness runs")
    if name == "list":
        command.add_argument("--json", action="store_true", help="print an array of cases")


def _group() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(add_help=False, allow_abbrev=False)


def _selectors() -> argparse.ArgumentParser:
    group = _group()
    help_text = "sd3, sd3/clip, or a glob of these (default: tiny, or all of --specs)"
    group.add_argument("selectors", nargs="*", default=None, metavar="SELECTOR", help=help_text)
    return group


def _specs_options(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    group = _group()
    store = environment.get("IREE_TEST_FILES") or platformdirs.user_cache_dir(_APP, appauthor=False)
    add = group.add_argument
    add("--specs", type=Path, metavar="DIR", help="folder of specs (default: quality_tests)")
    add("--external-files", type=Path, metavar="DIR", help="folder of files that specs name without saying where")
    add("--store", type=Path, default=Path(store), metavar="DIR", help="folder of the cache (default: %(default)s)")
    add("--offline", action="store_true", help="use what the cache has, open no connection")
    return group


def _case_options(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    group = _group()
    add = group.add_argument
    add("--backend", choices=list(Backend), default=environment.get("BACKEND"), help="cpu or rocm (default: cpu)")
    add("--chip", action="append", default=[], metavar="CHIP", help="compile for this chip and run; may be repeated")
    add("--compile-chip", action="append", default=[], metavar="CHIP", help="compile for this chip; may be repeated")
    add("--compile-only", action="store_true", help="compile, run nothing")
    add("--sku", default=environment.get("SKU"), metavar="SKU", help="which tuning specs to use, e.g. mi300")
    add("-k", dest="filter", metavar="TEXT", help="only cases whose id contains this")
    add("--verdict", choices=("harness", "iree-run-module"), default="harness", help="who judges the outputs")
    add("--run-wrapper", type=shlex.split, default=[], metavar="'CMD ...'", help="put before iree-run-module")
    group.set_defaults(environment_chip=environment.get("ROCM_CHIP"))
    return group


def _run_options(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    group = _group()
    add = group.add_argument
    out = environment.get("TEST_OUTPUT_ARTIFACTS")
    add("--out", type=Path, default=Path(out) if out else None, metavar="DIR", help="default: results/<UTC time>")
    add("--junit-xml", type=Path, metavar="FILE", help="write junit.xml here as well")
    add("--jobs", type=_positive, metavar="N", help="compilations at once (default: by cores and memory)")
    add("--timeout", type=_seconds, default=DEFAULT_TIMEOUT_S, metavar="S", help="for each compilation and each run")
    add("--only-failed", action="store_true", help="only the cases that were not as expected in results/latest")
    return group


def default_selectors(arguments: argparse.Namespace) -> list[str]:
    """Return what is selected where nothing is named: all there is to check, and little of what takes time."""
    everything = arguments.specs or arguments.command in {"validate", "list", "lock"}
    return ["*"] if everything else [DEFAULT_SELECTOR]


def targets(arguments: argparse.Namespace, found_chips: tuple[str, ...]) -> tuple[Target, ...]:
    """Return what the command line asks to compile for and to run on.

    Args:
        arguments: of a command that takes cases.
        found_chips: the chips of this machine, used where none is named.

    Raises:
        UsageError: chips without ROCm, or a backend, a chip or a SKU that nobody knows.
    """
    named = bool(arguments.chip or arguments.compile_chip)
    backend = _backend(arguments.backend or (Backend.ROCM if named else Backend.CPU))
    if arguments.sku and arguments.sku not in SKUS:
        raise UsageError(f"--sku {arguments.sku}: no such SKU; expected one of {', '.join(SKUS)}.")
    if backend is Backend.CPU:
        if named:
            raise UsageError("--chip and --compile-chip are for --backend rocm; the CPU has no chip to choose.")
        return (Target(backend=backend, sku=arguments.sku, compile_only=arguments.compile_only),)
    run_chips = arguments.chip or (() if arguments.compile_chip else _default_chips(arguments, found_chips))
    wanted = dict.fromkeys(run_chips, arguments.compile_only)
    wanted |= {chip: True for chip in arguments.compile_chip if chip not in wanted}
    if wrong := [chip for chip in wanted if chip is not None and not _CHIP.fullmatch(chip)]:
        raise UsageError(f"{', '.join(map(repr, wrong))}: no name of a chip; expected one such as gfx942 or mi300x.")
    return tuple(
        Target(backend=backend, chip=chip, sku=arguments.sku, compile_only=compile_only)
        for chip, compile_only in wanted.items()
    )


def _backend(name: str) -> Backend:
    if name not in list(Backend):  # argparse checks the choices of an option, not of its default
        raise UsageError(f"BACKEND={name}: no such backend; expected one of {', '.join(Backend)}.")
    return Backend(name)


def _default_chips(arguments: argparse.Namespace, found_chips: tuple[str, ...]) -> tuple[str | None, ...]:
    return (arguments.environment_chip,) if arguments.environment_chip else found_chips or (None,)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return number
