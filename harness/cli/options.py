"""The options of the command line, in groups that commands share. Some defaults come from the environment."""

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.cli.argument_types import (
    dimension,
    duration,
    indices,
    mirror,
    positive,
    seconds,
    seed,
    shard,
    size_bytes,
    threshold,
)
from harness.cli.parser import Parser
from harness.core.cases import Backend
from harness.core.references import Oracle
from harness.core.settings import DEFAULT_CONNECTIONS, DEFAULT_TIMEOUT_S, EMULATORS, ENGINES, default_store

Environment = Mapping[str, str]
# Adds a group of options to the parser of a command.
Group = Callable[[Parser, Environment], None]
# The options of a bare `.mlir` file, as a parsed command line names them.
PROGRAM = ("compiler_flag", "function", "input", "expected_output", "threshold", "weights")
_SELECTORS = "sd3, sd3/clip, a glob of these, a case id, a spec file, a folder of specs"
_NO = {"", "0", "false", "no"}


def selectors(parser: Parser, _environment: Environment) -> None:
    """Add SELECTOR..."""
    help_text = f"{_SELECTORS}, or a .mlir or .onnx file (default: tiny; all with --specs)"
    parser.group("Models")("selectors", nargs="*", default=None, metavar="SELECTOR", help=help_text)


def every(parser: Parser, _environment: Environment) -> None:
    """Add SELECTOR... of a command that takes everything unless told otherwise."""
    help_text = f"{_SELECTORS} (default: all)"
    parser.group("Models")("selectors", nargs="*", default=None, metavar="SELECTOR", help=help_text)


def specs(parser: Parser, _environment: Environment) -> None:
    """Add where specs are."""
    add = parser.group("Models")
    add("--specs", type=Path, metavar="DIR", help="folder of specs (default: quality_tests, or the bundled models)")
    add("--external-files", type=Path, metavar="DIR", help="folder of files that specs name without a path")
    help_text = "file or folder outside --specs that specs may name; repeatable"
    add("--allow-path", action="append", type=Path, default=[], metavar="PATH", help=help_text)
    help_text = "config of the suite in --specs: a target, and what is expected of cases; repeatable"
    add("--suite-config", action="append", type=Path, default=[], metavar="FILE", help=help_text)
    help_text = "accept flags of specs that start programs, load code or write files"
    add("--trust-flags", action="store_true", help=help_text)


def quarantine(parser: Parser, _environment: Environment) -> None:
    """Add --quarantine."""
    help_text = "list of cases that fail nothing until a day (default: quarantine.toml in --specs)"
    parser.group("Models")("--quarantine", type=Path, metavar="FILE", help=help_text)


def chosen(parser: Parser, _environment: Environment) -> None:
    """Add what narrows the selected cases."""
    add = parser.group("Models")
    add("-k", dest="filter", metavar="TEXT", help="only cases whose id contains TEXT")
    add("-m", dest="markers", metavar="EXPR", help="only cases whose spec has these markers, e.g. 'quick and not hip'")


def part(parser: Parser, _environment: Environment) -> None:
    """Add which part of a run this machine does."""
    add = parser.group("Part of a run")
    add("--shard", type=shard, metavar="I/N", help="only the I-th of N parts of the cases, e.g. 2/5")
    help_text = "divide by time: results of earlier runs, or durations.json; repeatable"
    add("--durations", action="append", type=Path, default=[], metavar="PATH", help=help_text)


def reuse(parser: Parser, _environment: Environment) -> None:
    """Add --reuse-passed."""
    help_text = "do not run again what passed before with the same module, inputs and device"
    parser.group("Part of a run")("--reuse-passed", action="store_true", help=help_text)


def stop(parser: Parser, _environment: Environment) -> None:
    """Add when a run ends before its last case."""
    add = parser.group("Part of a run")
    add("-x", dest="maxfail", action="store_const", const=1, help="end with the first case that is not as expected")
    help_text = "end after N cases that are not as expected"
    add("--maxfail", type=positive, metavar="N", help=help_text)
    help_text = "begin only what ends within T by earlier durations, e.g. 20m; most valuable first"
    add("--time-budget", type=duration, metavar="T", help=help_text)


def only_failed(parser: Parser, _environment: Environment) -> None:
    """Add --only-failed."""
    help_text = "only cases that were not as expected when they ran last"
    parser.group("Models")("--only-failed", action="store_true", help=help_text)


def target(parser: Parser, environment: Environment) -> None:
    """Add what to compile for and to run on."""
    add, backend = parser.group("Target"), environment.get("BACKEND")
    add("--backend", choices=list(map(str, Backend)), default=backend, help="backend of the specs (default: cpu)")
    add("--chip", action="append", default=[], metavar="CHIP", help="compile for CHIP and run, e.g. gfx942; repeatable")
    help_text = "compile for CHIP and run nothing; repeatable"
    add("--compile-chip", action="append", default=[], metavar="CHIP", help=help_text)
    add("--compile-only", action="store_true", help="compile and run nothing")
    help_text = "product whose tuning specs to use, e.g. mi300 (default: that of the GPUs here)"
    add("--sku", default=environment.get("SKU"), metavar="SKU", help=help_text)
    help_text = "use only these GPUs, numbered as in `harness doctor`"
    add("--gpu", action="extend", type=indices, default=[], metavar="N,...", help=help_text)


def release(parser: Parser, _environment: Environment) -> None:
    """Add which IREE release to use."""
    help_text = "IREE release, e.g. 3.12.0 or 3.12 (default: the newest locked one)"
    parser.group("IREE release")("--iree", metavar="RELEASE", help=help_text)


def wheels(parser: Parser, _environment: Environment) -> None:
    """Add where releases beyond the locked ones are."""
    add = parser.group("IREE release")
    help_text = "page of links to wheels, e.g. https://iree.dev/pip-release-links.html, or a folder; repeatable"
    add("--find-links", action="append", default=[], metavar="URL|DIR", help=help_text)
    help_text = "folder of locally built wheels; repeatable"
    add("--wheels", action="append", type=Path, default=[], metavar="DIR", help=help_text)


def running(parser: Parser, _environment: Environment) -> None:
    """Add how cases are planned and run."""
    add = parser.group("Run")
    help_text = "set this release's flag defaults where they changed (CPU; bisect: or good, bad)"
    add("--pin-defaults", metavar="RELEASE", help=help_text)
    help_text = "who compares the outputs (default: harness)"
    add("--verdict", choices=("harness", "iree-run-module"), default="harness", help=help_text)
    help_text = (
        "compare outputs for which a spec expects none with those of the same program on the CPU, or of ONNX Runtime"
    )
    add("--oracle", choices=list(map(str, Oracle)), help=help_text)
    help_text = "command to put before iree-run-module, e.g. a profiler"
    add("--run-wrapper", type=shlex.split, default=[], metavar="'CMD ...'", help=help_text)
    help_text = "run models for AMD GPUs on an emulator of ROCm, without a GPU (default: none)"
    add("--emulator", choices=(*EMULATORS, "none"), help=help_text)
    help_text = "the ROCm root that has the emulator (default: /opt/rocm)"
    add("--emulator-root", type=Path, metavar="DIR", help=help_text)


def program(parser: Parser, _environment: Environment) -> None:
    """Add how to compile, run and check a bare `.mlir` or `.onnx` file, and how to import ONNX files."""
    add = parser.group("Bare .mlir and .onnx files")
    add("--compiler-flag", action="append", default=[], metavar="FLAG", help="flag for iree-compile; repeatable")
    add("--function", metavar="NAME", help="function to run (default: compile only, unless there is an input)")
    help_text = "@FILE.npy, TYPE=@FILE or a value such as 4xf32=2; repeatable"
    add("--input", action="append", default=[], metavar="INPUT", help=help_text)
    help_text = "@FILE.npy, TYPE=@FILE or '(ignored)', one for each output"
    add("--expected-output", "--expected_output", action="append", default=[], metavar="OUTPUT", help=help_text)
    help_text = "allowed error, e.g. f32=1e-3 or rtol=1e-5; repeatable"
    add("--threshold", action="append", type=threshold, default=[], metavar="TYPE=N", help=help_text)
    add("--weights", metavar="FILE", help="parameters, an .irpa file; with --torch a .safetensors file to load")
    add = parser.group("ONNX files")
    help_text = "size of a dynamic dimension of the inputs that are drawn, e.g. batch=4; repeatable"
    add("--dim", action="append", type=dimension, default=[], metavar="NAME=N", help=help_text)
    add("--seed", type=seed, metavar="N", help="seed of the inputs that are drawn (default: 0)")
    help_text = "IREE release whose importer to use, or same for the tested one (default: the newest locked one)"
    add("--importer", metavar="VERSION", help=help_text)


def limits(parser: Parser, _environment: Environment) -> None:
    """Add --timeout."""
    help_text = f"limit of each compilation and each run, in seconds (default: {DEFAULT_TIMEOUT_S:g})"
    parser.group("Run")("--timeout", type=seconds, default=DEFAULT_TIMEOUT_S, metavar="S", help=help_text)


def recompile(parser: Parser, _environment: Environment) -> None:
    """Add --recompile."""
    help_text = "compile again what failed to compile before"
    parser.group("Run")("--recompile", action="store_true", help=help_text)


def jobs(parser: Parser, _environment: Environment) -> None:
    """Add --jobs of a run."""
    help_text = "compilations at once (default: by cores and memory)"
    parser.group("Run")("--jobs", type=positive, metavar="N", help=help_text)


def results(parser: Parser, environment: Environment) -> None:
    """Add where results go."""
    add, out = parser.group("Results"), environment.get("TEST_OUTPUT_ARTIFACTS")
    help_text = "folder of the results (default: results/<UTC time>)"
    add("--out", type=Path, default=Path(out) if out else None, metavar="DIR", help=help_text)
    add("--junit-xml", type=Path, metavar="FILE", help="write junit.xml to FILE as well")
    add("--no-html", dest="html", action="store_false", help="do not write report.html")


def history(parser: Parser, environment: Environment) -> None:
    """Add where runs are recorded."""
    history_file(parser, environment)
    parser.group("Results")("--no-history", action="store_true", help="do not record the run")
    help_text = "add a line of JSON for each case to FILE, or send them to URL; repeatable"
    parser.group("Results")("--export", action="append", default=[], metavar="URL|FILE", help=help_text)


def history_file(parser: Parser, _environment: Environment) -> None:
    """Add --history."""
    help_text = "file in which runs are recorded (default: HARNESS_HISTORY, or one for all your projects)"
    parser.group("Results")("--history", type=Path, metavar="FILE", help=help_text)


def store(parser: Parser, environment: Environment) -> None:
    """Add --store."""
    named = environment.get("IREE_TEST_FILES")
    default = Path(named) if named else default_store()
    help_text = "folder of the cache (default: %(default)s)"
    parser.group("Downloads and cache")("--store", type=Path, default=default, metavar="DIR", help=help_text)


def shared(parser: Parser, environment: Environment) -> None:
    """Add the store that machines share."""
    add = parser.group("Downloads and cache")
    help_text = "cache shared by machines, behind --store: file:, s3:, az: (default: none)"
    add("--store-url", default=environment.get("HARNESS_STORE_URL") or None, metavar="URL", help=help_text)
    named = environment.get("HARNESS_STORE_KEY_FILE")
    help_text = "key that signs or verifies shared modules (default: share blobs only)"
    add("--store-key-file", type=Path, default=Path(named) if named else None, metavar="FILE", help=help_text)


def offline(parser: Parser, _environment: Environment) -> None:
    """Add --offline."""
    help_text = "use the cache only; do not access the network"
    parser.group("Downloads and cache")("--offline", action="store_true", help=help_text)


def cache(parser: Parser, _environment: Environment) -> None:
    """Add --cache-size."""
    help_text = "size that the cache may have, e.g. 100GB (default: no limit)"
    parser.group("Downloads and cache")("--cache-size", type=size_bytes, metavar="SIZE", help=help_text)


def network(parser: Parser, environment: Environment) -> None:
    """Add how blobs are downloaded."""
    add = parser.group("Downloads and cache")
    help_text = "fetch what begins with PREFIX from URL; repeatable"
    add("--mirror", action="append", type=mirror, default=[], metavar="PREFIX=URL", help=help_text)
    help_text = "connections at once (default: %(default)s)"
    add("--connections", type=positive, default=DEFAULT_CONNECTIONS, metavar="N", help=help_text)
    is_ci = environment.get("CI", "").lower() not in _NO
    help_text = "fail if a blob is not in the lock file (default in CI)"
    add("--locked", action="store_true", default=is_ci, help=help_text)
    add("--no-locked", action="store_false", dest="locked", help="fetch blobs that are not in the lock file as well")


def engine(parser: Parser, environment: Environment) -> None:
    """Add which container engine to use, by default any that there is, and where images come from."""
    _engine(parser, environment, "auto", ", a container if possible")


def engine_of_worker(parser: Parser, environment: Environment) -> None:
    """Add which container engine a worker of a cluster uses, by default none, and where images come from."""
    _engine(parser, environment, "local", "")


def _engine(parser: Parser, environment: Environment, default_engine: str, what: str) -> None:
    add = parser.group("Containers")
    help_text = f"{', '.join(ENGINES)} (default: {default_engine}{what})"
    add(
        "--engine",
        choices=ENGINES,
        default=environment.get("HARNESS_ENGINE") or default_engine,
        metavar="ENGINE",
        help=help_text,
    )
    default = environment.get("HARNESS_REGISTRY") or None
    help_text = "look images up in HOST/PATH before building them"
    add("--registry", default=default, metavar="HOST/PATH", help=help_text)
    help_text = "folder with images.toml, Dockerfile and lock files"
    add("--containers", type=Path, metavar="DIR", help=help_text)
    add("--debian-mirror", metavar="URL", help="archive of Debian packages for the -debian images")
    default = environment.get("HARNESS_WHEEL_INDEX") or None
    help_text = "index of the Python wheels in images, such as rocm-emulated (default: as in images.toml)"
    add("--wheel-index", default=default, metavar="URL", help=help_text)


def container(parser: Parser, _environment: Environment) -> None:
    """Add which image to use, and what its container may do."""
    add = parser.group("Containers")
    help_text = "name in images.toml, or HOST/NAME@sha256:DIGEST (default: by backend)"
    add("--image", action="append", default=[], metavar="IMAGE", help=help_text)
    help_text = "add a Linux capability, e.g. SYS_NICE; repeatable"
    add("--cap", action="append", default=[], metavar="NAME", help=help_text)
    help_text = "memory of the container, e.g. 64GB (default: 9/10 of the machine's)"
    add("--memory", type=size_bytes, metavar="SIZE", help=help_text)
