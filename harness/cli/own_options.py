"""Options that one command alone has."""

import functools
import shlex
from pathlib import Path

from harness.cli.argument_types import (
    age,
    host_name,
    model_function,
    onnx_file,
    percent,
    port,
    positive,
    reference,
    seconds,
)
from harness.cli.options import Environment, Group
from harness.cli.parser import Parser
from harness.core.search_settings import OVER
from harness.core.settings import LOOKS, BenchSettings, ReduceSettings
from harness.importers.frameworks import Framework

_MEASURE = "real time, or the CPU time of all threads, which is steadier on a busy machine (default: real)"
DEFAULT_PORT = 8765
SHELLS = ("bash", "zsh", "tcsh")


def listing(parser: Parser, _environment: Environment) -> None:
    """Add the option of commands that list: the form."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run_wrapper(parser: Parser, _environment: Environment) -> None:
    """Add --run-wrapper."""
    help_text = "command that was put before iree-run-module, if it may be written into the script"
    parser.group("Run")("--run-wrapper", type=shlex.split, default=[], metavar="'CMD ...'", help=help_text)


def merged(parser: Parser, _environment: Environment) -> None:
    """Add the option of `validate`."""
    help_text = "print each selected spec as JSON, merged with the files that it extends"
    parser.group("Models")("--merged", action="store_true", help=help_text)


def toolchain(parser: Parser, _environment: Environment) -> None:
    """Add the option of `run`: where the tools are."""
    help_text = "folder whose bin has the IREE tools (default: those on PATH)"
    parser.group("IREE release")("--toolchain", type=Path, metavar="DIR", help=help_text)


def blobs_only(parser: Parser, _environment: Environment) -> None:
    """Add the option of `fetch`."""
    help_text = "leave out the IREE release and the image"
    parser.group("Downloads and cache")("--blobs-only", action="store_true", help=help_text)


def update(parser: Parser, _environment: Environment) -> None:
    """Add the option of `lock`."""
    help_text = "re-download locked blobs and update the lock file"
    parser.group("Downloads and cache")("--update", action="store_true", help=help_text)


def new_model(parser: Parser, _environment: Environment) -> None:
    """Add the options of `new`."""
    add = parser.group("Models")
    add("name", nargs="?", metavar="MODEL/SUBMODEL", help="name of the new model, e.g. sd3/clip")
    help_text = "import the model of a spec again, say what changed, and write it if that is wanted"
    add("--again", type=Path, metavar="SPEC.json", help=help_text)
    add("--yes", action="store_true", help="with --again: write the changes without asking")
    help_text = "program: a URL, or a path relative to --specs, as all files named here"
    add("--mlir", metavar="SOURCE", help=help_text)
    add("--no-run", action="store_true", help="write the spec and lock its blobs, but run nothing")
    add = parser.group("Import")
    help_text = "import an ONNX file; expected outputs are those of ONNX Runtime"
    add("--onnx", type=onnx_file, metavar="FILE", help=help_text)
    help_text = "import what a function of a Python file returns: a JAX function and its arguments"
    add("--jax", type=functools.partial(model_function, Framework.JAX), metavar="FILE.py:FUNCTION", help=help_text)
    help_text = "import what a function of a Python file returns, a PyTorch module and its arguments; or FILE.pt2"
    add("--torch", type=functools.partial(model_function, Framework.TORCH), metavar="FILE.py:FUNCTION", help=help_text)


def one_case(parser: Parser, _environment: Environment) -> None:
    """Add the selector of commands that take one case."""
    parser.group("Models")("selectors", nargs=1, metavar="CASE", help="selector of one case, or a .mlir or .onnx file")


def question(parser: Parser, _environment: Environment) -> None:
    """Add what `bisect` looks for."""
    add = parser.group("Search")
    add("--good", metavar="RELEASE", help="a good release, image or HIP runtime (default: look for a release)")
    add("--bad", metavar="RELEASE", help="a bad one (default: the newest)")
    help_text = "what to search: releases, or the images of --image or the HIP runtimes of --hip, oldest first"
    parser.group("ROCm")("--over", choices=OVER, help=help_text)
    parser.group("IREE release")(
        "--iree", metavar="RELEASE", help="release of all images or HIP runtimes (default: newest)"
    )
    hips(parser)
    help_text = "find the first bad release, or with fix the first good one after --bad"
    add("--find", choices=("break", "fix"), default="break", help=help_text)
    add("--metric", metavar="EXPR", help="condition that is bad, e.g. 'dispatches > 40' (default: the case fails)")
    help_text = "count any failure, not only one like that of the bad end"
    add("--any-failure", action="store_true", help=help_text)
    add("--all", action="store_true", help="test every release and find every change")
    help_text = "run N times with each release (default: once, and up to 60 times beside the answer)"
    add("--repeat", type=positive, metavar="N", help=help_text)
    add("--at-least", type=positive, metavar="K", help="K of N runs must agree, else the release is flaky")
    help_text = "also find out if the compiler or the runtime carries the change"
    add("--attribute", action="store_true", help=help_text)
    add("--log", type=Path, metavar="FILE", help="write one line of JSON for each tested release")
    add("--replay", type=Path, metavar="FILE", help="take releases from such a file and test only the rest")
    help_text = "then name the operation that the bad release computes otherwise"
    parser.group("Localize")("--localize", action="store_true", help=help_text)
    help_text = "then also find a small program that fails in the same way; includes --localize"
    parser.group("Localize")("--reduce", action="store_true", help=help_text)


def hips(parser: Parser) -> None:
    """Add --hip."""
    help_text = "HIP runtime, libamdhip64.so, to test with one release; repeatable, as --image is"
    parser.group("ROCm")("--hip", action="append", type=Path, default=[], metavar="FILE", help=help_text)


def matrix(parser: Parser, _environment: Environment) -> None:
    """Add the options of `matrix`."""
    help_text = "release or range such as 3.0.0..3.13.0; repeatable (default: all)"
    parser.group("Search")("--iree", action="append", default=[], metavar="RELEASE", help=help_text)
    hips(parser)
    parser.group("Search")("--show", metavar="NAME", help="show this number, e.g. dispatches, in place of the status")


def at_once(default: int) -> Group:
    """Return the option for the number of releases tested at once, which has a default for each command."""

    def add(parser: Parser, _environment: Environment) -> None:
        help_text = "releases tested at once (default: %(default)s)"
        parser.group("Search")("--jobs", type=positive, default=default, metavar="K", help=help_text)

    return add


def bench(parser: Parser, _environment: Environment) -> None:
    """Add the options of `bench`."""
    add, defaults = parser.group("Benchmark"), BenchSettings()
    help_text = "what to compare with: a release, backend, chip, .mlir file, or flags such as --against=--FLAG"
    add("--against", metavar="OTHER", help=help_text)
    help_text = "longest time for the rounds of a case (default: %(default)g)"
    add("--time", type=seconds, default=defaults.seconds, metavar="S", help=help_text)
    help_text = "stop when the interval is so narrow to each side (default: 1%%)"
    add("--precision", type=percent, default=defaults.precision, metavar="P%", help=help_text)
    add("--measure", choices=("real", "cpu"), default=defaults.measure, help=_MEASURE)
    help_text = "times of a function in each round (default: %(default)s)"
    add("--repetitions", type=positive, default=defaults.timing.repetitions, metavar="N", help=help_text)
    help_text = "exit with 1 if a case certainly takes more than P%% more time than on the other side"
    add("--fail-slower", type=percent, metavar="P%", help=help_text)


def localize(parser: Parser, _environment: Environment) -> None:
    """Add the case of `localize`, what it is compared with, and what to name."""
    _compared(parser, "a .mlir file, or onnxruntime")
    add = parser.group("Localize")
    help_text = "what to name: an operation, a dispatch, or, on AMD GPUs, a kernel (default: %(default)s)"
    add("--by", choices=LOOKS, default=LOOKS[0], help=help_text)
    help_text = "also name the compiler's pass that makes a number wrong; that of a failure is always named"
    add("--passes", action="store_true", help=help_text)


def _compared(parser: Parser, programs: str) -> None:
    """Add a case, and what it is compared with."""
    help_text = "selector of one case, or a .mlir or .onnx file; or a folder of results, and a case in it"
    parser.group("Models")("selectors", nargs="+", metavar="[RESULTS] CASE", help=help_text)
    help_text = f"what is right: a release, backend or chip, flags such as --against=--FLAG, {programs}"
    parser.group("Localize")("--against", metavar="OTHER", help=help_text)


def reduce(parser: Parser, _environment: Environment) -> None:
    """Add the case of `reduce`, what it is compared with, and where the result goes."""
    _compared(parser, "or a .mlir file")
    add, defaults = parser.group("Reduce"), ReduceSettings()
    help_text = "folder for the small program, a new one or an empty one"
    add("-o", "--output", dest="to", type=Path, required=True, metavar="DIR", help=help_text)
    help_text = "how long to look for smaller programs (default: %(default)g)"
    add("--time", type=seconds, default=defaults.seconds, metavar="S", help=help_text)


def server(parser: Parser, _environment: Environment) -> None:
    """Add the options of `store serve`."""
    add = parser.group("Server")
    add("--host", default="127.0.0.1", metavar="ADDRESS", help="address to listen on (default: %(default)s)")
    add("--port", type=port, default=DEFAULT_PORT, help="TCP port, 0 for any (default: %(default)s)")
    help_text = "another name of the server, if clients come through an alias, a proxy or a port mapping; repeatable"
    add("--known-as", action="append", type=host_name, default=[], metavar="NAME", help=help_text)


def aged(parser: Parser, _environment: Environment) -> None:
    """Add --older-than of `store gc`."""
    help_text = "with --store-url: remove from there what is older, e.g. 30d, 12h or 2w"
    parser.group("Downloads and cache")("--older-than", type=age, metavar="AGE", help=help_text)


def image(parser: Parser, _environment: Environment) -> None:
    """Add the name of an image."""
    add = parser.group("Containers")
    add("image", nargs="?", default="cpu", metavar="IMAGE", help="name in images.toml (default: %(default)s)")


def prune(parser: Parser, _environment: Environment) -> None:
    """Add the options of `image prune`."""
    parser.add_argument("--all", action="store_true", help="remove all images of the harness")
    parser.add_argument("--dry-run", action="store_true", help="only print what would be removed")


def shell(parser: Parser, _environment: Environment) -> None:
    """Add the name of a shell."""
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))


def report(parser: Parser, _environment: Environment) -> None:
    """Add the options of `report`."""
    add = parser.group("Results")
    help_text = "folder of results, or a file in it (default: the newest run in results)"
    add("results", nargs="*", type=Path, metavar="RESULTS", help=help_text)
    add("-o", dest="output", type=Path, metavar="FILE", help="write the page to FILE (default: report.html)")


def bless(parser: Parser, _environment: Environment) -> None:
    """Add the options of `bless`."""
    add = parser.group("Bless")
    help_text = "selector of one case; with --expectations a folder of results (default: the newest run)"
    add("selectors", nargs="*", metavar="CASE|RESULTS", help=help_text)
    help_text = "run CASE with REFERENCE, and record its outputs as the expected ones: cpu, a release, or a device"
    add("--reference", type=reference, metavar="REFERENCE", help=help_text)
    add("--expectations", action="store_true", help="delete expected failures that did not happen")
    help_text = "with --expectations, let the config of a suite expect what failed"
    add("--failures", action="store_true", help=help_text)
    add("--yes", action="store_true", help="write the changes without asking")
