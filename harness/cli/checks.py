"""Refuses command lines in which an option would do nothing, or names a file that does not exist."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from harness.cli.options import PROGRAM
from harness.cli.settings import Invocation
from harness.core.cases import ONNX, Backend
from harness.core.errors import UsageError
from harness.core.settings import Settings
from harness.core.values import frozen
from harness.importers.frameworks import MODELS, Framework
from harness.specs import inline, selectors

_LABELS = {"filter": "-k", "markers": "-m", "html": "--no-html"}  # of options that argparse names otherwise
_CHOOSES_RELEASE = {"quality", "bench", "localize", "reduce", "plan", "fetch", "new", "image", "bless"}
_RUNS = (
    "out",
    "junit_xml",
    "html",
    "recompile",
    "run_wrapper",
    "emulator",
    "verdict",
    "oracle",
    "pin_defaults",
    "iree",
    "find_links",
    "wheels",
)
_CONTAINERS = ("image", "cap", "memory", "registry", "containers", "debian_mirror", "wheel_index")


@frozen
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


def _deletes_expectations(invocation: Invocation) -> bool:
    return invocation.command == "bless" and invocation.options.expectations


def _is_local(invocation: Invocation) -> bool:
    settings = invocation.settings
    return invocation.command != "image" and (settings.container.engine == "local" or settings.emulates_here)


def _runs_nothing(invocation: Invocation) -> bool:
    return runs_nothing(invocation.settings)


def runs_nothing(settings: Settings) -> bool:
    """Whether models are compiled only, whatever their specs say."""
    target = settings.target
    return target.compile_only or bool(target.compile_chips and not target.chips) or _is_compiled_alone(settings)


def _is_compiled_alone(settings: Settings) -> bool:
    """Whether only programs are selected of which no function is to be run."""
    asked = settings.cases
    return all(
        inline.is_bare(each) and inline.is_compiled_alone(each, asked.program, settings.run.oracle)
        for each in asked.selectors
    )


def _runs_code(invocation: Invocation) -> bool:
    """Whether the user's function makes the model, which may draw numbers."""
    return invocation.options.model is not None and bool(invocation.options.model.function)


def _is_for_cpu(invocation: Invocation) -> bool:
    target, selected = invocation.settings.target, map(selectors.parse, invocation.settings.cases.selectors)
    backends = {target.backend} if target.backend else {each.backend for each in selected}
    return backends <= {None, Backend.CPU} and not target.chips and not target.compile_chips


_OF_ONE_MACHINE = ("engine", *_CONTAINERS, "emulator", "emulator_root", "hip", "gpu")

RULES = (
    Rule(
        options=_OF_ONE_MACHINE,
        why="is for one machine, and on a cluster each worker has its own; remove it, or --scheduler and --cluster.",
        holds=lambda invocation: invocation.command != "cluster" and invocation.settings.cluster.is_used,
    ),
    Rule(
        options=("cluster",),
        why="cannot be combined with --scheduler; remove one of them.",
        holds=lambda invocation: invocation.settings.cluster.scheduler is not None,
    ),
    Rule(
        options=("certificates", "worker_wait"),
        why="has no effect without --scheduler or --cluster; add one of them.",
        holds=lambda invocation: invocation.command != "cluster" and not invocation.settings.cluster.is_used,
    ),
    Rule(
        options=("only_failed",),
        why="cannot be combined with --shard: machines may know of different failures; remove one of them.",
        holds=lambda invocation: invocation.settings.cases.shard is not None,
    ),
    Rule(
        options=("reuse_passed",),
        why="cannot be combined with --run-wrapper, which is to run; remove one of them.",
        holds=lambda invocation: bool(invocation.settings.run.run_wrapper),
    ),
    Rule(
        options=("reuse_passed",),
        why="has no effect with --oracle: what is compared with an oracle is always run; remove one of them.",
        holds=lambda invocation: invocation.settings.run.oracle is not None,
    ),
    Rule(
        options=("durations",),
        why="has no effect without --shard; add it, or remove --durations.",
        holds=lambda invocation: invocation.settings.cases.shard is None,
    ),
    Rule(options=_CONTAINERS, why="cannot be combined with --engine local; remove one of them.", holds=_is_local),
    Rule(
        options=("hip",),
        why="cannot be combined with --engine: HIP runtimes are on this machine; remove one of them.",
        holds=lambda invocation: not _is_local(invocation),
    ),
    Rule(
        options=("iree",),
        why="has no effect if releases are searched; use --good and --bad, or name several --image or --hip.",
        holds=lambda each: each.command == "bisect" and each.search.is_over_releases,
    ),
    Rule(
        options=("emulator_root",),
        why="has no effect without --emulator; add it, or remove --emulator-root.",
        holds=lambda invocation: invocation.settings.run.emulator is None,
    ),
    Rule(
        options=("emulator_root",),
        why="is a folder of this machine, and an image has a root of its own; remove it, or use --engine local.",
        holds=lambda invocation: not invocation.settings.emulates_here,
    ),
    Rule(
        options=("gpu",),
        why="has no effect with --emulator, which needs no GPU; remove it.",
        holds=lambda invocation: invocation.settings.run.emulator is not None,
    ),
    Rule(
        options=("weights",),
        why="has no effect without --function or --input; add one, or remove --weights.",
        holds=lambda invocation: _is_compiled_alone(invocation.settings),
    ),
    Rule(
        options=("run_wrapper", "emulator", "verdict", "oracle", "reuse_passed"),
        why="has no effect, because nothing is run; remove it, or what makes the run compile only.",
        holds=_runs_nothing,
    ),
    Rule(
        options=("allow_path", "trust_flags"),
        why="has no effect for a program, PATH.mlir, whose files and flags are your own; remove it.",
        holds=lambda invocation: all(map(inline.is_bare, invocation.settings.cases.selectors)),
    ),
    Rule(
        options=("threshold",),
        why="has no effect without --expected-output or --oracle; add it, or remove --threshold.",
        holds=lambda each: (
            not (each.settings.cases.program.expected_outputs or each.settings.run.oracle or each.options.model)
        ),
    ),
    Rule(
        options=("find_links", "wheels"),
        why="has no effect without --iree; name a release that `harness releases` lists with the same option.",
        holds=lambda each: each.command in _CHOOSES_RELEASE and not each.settings.release.name,
    ),
    Rule(
        options=("reference", "iree", "specs", "backend", "chip", "engine", "timeout", *_CONTAINERS),
        why="has no effect with --expectations; remove one of them.",
        holds=_deletes_expectations,
    ),
    Rule(
        options=("failures",),
        why="has no effect without --expectations; add it.",
        holds=lambda each: not each.options.expectations,
    ),
    Rule(
        options=("iree",),
        why="cannot be combined with a release as --reference; remove one of them.",
        holds=lambda each: each.options.reference is not None and each.options.reference.release is not None,
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
        options=("sku",),
        why="has no effect on the CPU; name a chip or --backend rocm, or remove --sku.",
        holds=lambda invocation: invocation.command != "list" and _is_for_cpu(invocation),
    ),
    Rule(
        options=("at_least",),
        why="has no effect without --repeat; add it, or remove --at-least.",
        holds=lambda invocation: "repeat" not in invocation.given,
    ),
    Rule(
        options=("compile_only", "compile_chip", "junit_xml"),
        why="has no effect in a command that compares two sides and writes a file of its own; remove it.",
        holds=lambda invocation: invocation.command in {"bench", "localize", "reduce"},
    ),
    Rule(
        options=("fail_slower",),
        why="has no effect without --against; add it, or remove --fail-slower.",
        holds=lambda invocation: invocation.bench.against is None,
    ),
    Rule(
        options=("function", "expected_output"),
        why="cannot be combined with a model that is imported, which provides it; remove one of them.",
        holds=lambda invocation: invocation.options.model is not None,
    ),
    Rule(
        options=("weights",),
        why="cannot be combined with a model that is imported, which provides it; remove one of them.",
        holds=lambda invocation: bool(invocation.given & {Framework.ONNX, Framework.JAX}),
    ),
    Rule(
        options=("name", "mlir", *MODELS, *PROGRAM, "seed", "dim", "backend", "chip"),
        why="has no effect with --again, which takes it from the spec; remove it.",
        holds=lambda invocation: invocation.options.again is not None,
    ),
    Rule(
        options=("output",),
        why="has no effect without --format html; add it, or remove -o.",
        holds=lambda invocation: invocation.command == "compare" and invocation.options.form != "html",
    ),
    Rule(
        options=("yes",),
        why="has no effect without --again; add it, or remove --yes.",
        holds=lambda invocation: invocation.command == "new" and invocation.options.again is None,
    ),
    Rule(
        options=("importer", "seed", "dim"),
        why="has no effect without a model to import, such as --onnx FILE; add it, or remove this option.",
        holds=lambda each: each.command == "new" and not (each.options.model or each.options.again),
    ),
    Rule(
        options=("seed", "dim"),
        why="is only for a program, PATH.onnx; a spec has a field for it.",
        holds=lambda each: each.command != "new" and not any(x.endswith(ONNX) for x in each.settings.cases.selectors),
    ),
    Rule(
        options=("importer", "dim"),
        why="has no effect with --jax: JAX itself exports, for the shapes of the arguments; remove it.",
        holds=lambda invocation: "jax" in invocation.given,
    ),
    Rule(
        options=("dim",),
        why="has no effect with --input, because no input is drawn; remove one of them.",
        holds=lambda invocation: bool(invocation.settings.cases.program.inputs),
    ),
    Rule(
        options=("seed",),
        why="has no effect with --input, because nothing is drawn; remove one of them.",
        holds=lambda each: bool(each.settings.cases.program.inputs) and not _runs_code(each),
    ),
    Rule(
        options=("filter", "markers"),
        why="has no effect in `harness new`, which runs the new model; remove it.",
        holds=lambda invocation: invocation.command == "new",
    ),
    Rule(
        options=("run_wrapper", "emulator", "verdict", "oracle", "pin_defaults"),
        why="has no effect in `harness list`, which runs nothing; remove it.",
        holds=lambda invocation: invocation.command == "list",
    ),
    Rule(
        options=("registry", "debian_mirror", "wheel_index"),
        why="has no effect, because no image is built or pulled; remove it.",
        holds=lambda invocation: invocation.subcommand in {"tag", "list", "prune"},
    ),
    Rule(
        options=("engine", *_CONTAINERS),
        why="has no effect with --blobs-only; remove one of them.",
        holds=lambda invocation: invocation.options.blobs_only,
    ),
    Rule(
        options=("timeout",),
        why="has no effect with --no-run; remove one of them.",
        holds=lambda invocation: invocation.options.no_run and invocation.options.model is None,
    ),
    Rule(
        options=("history",),
        why="cannot be combined with --no-history; remove one of them.",
        holds=lambda invocation: "no_history" in invocation.given,
    ),
    Rule(
        options=("store_key_file", "older_than"),
        why="has no effect without a shared store; name one with --store-url.",
        holds=lambda invocation: invocation.command != "results" and invocation.settings.fetch.store_url is None,
    ),
    Rule(
        options=("cache_size",),
        why="is about the cache, and --older-than about the shared store; remove one of them.",
        holds=lambda invocation: invocation.command == "store" and invocation.options.older_than_s is not None,
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
            raise UsageError(f"{_LABELS.get(given[0], '--' + given[0].replace('_', '-'))} {rule.why}")
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
