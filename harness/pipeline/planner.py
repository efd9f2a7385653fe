"""Plans a case: its steps, their command lines, and the keys of modules. Nothing is read or run.

Every tool runs in a folder of its own, in which its files have plain, fixed names. So a command line is the same on
every machine, and no path ends up in a module.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping

from msgspec import structs

from harness.core.blobs import Blob
from harness.core.cases import Backend, Case, Listing, ModelSpec, Place, Release
from harness.core.references import Oracle
from harness.core.statuses import Kind, Status, Verdict
from harness.iree import flags
from harness.pipeline import budgets, expectations, references
from harness.pipeline.benchmark_steps import benchmark_step
from harness.pipeline.compile_steps import UnsupportedError, compile_steps, flags_for
from harness.pipeline.options import Options
from harness.pipeline.run_steps import compare_step, run_step
from harness.pipeline.steps import (
    ORACLE,
    Compare,
    Compile,
    Draw,
    Fetch,
    OracleSteps,
    Plan,
    Run,
    Step,
    fetches,
)

_IGNORED = "specific_chip_to_ignore"  # a field of benchmarks of a suite


def plan(case: Case, release: Release, options: Options) -> Plan:
    """Return the steps of a case with a release, or why there are none."""
    if case.spec.listing and case.spec.listing.skip:
        return Plan(case=case, steps=(), release=release, blocked=_skipped(case.spec.listing, case.spec.listing.skip))
    if case.target.chip in case.spec.ignored_chips:
        return Plan(case=case, steps=(), release=release, blocked=_ignored(case))
    notes = [*_notes(case, options), *_notes_for(case.spec, release), *expectations.remarks(case, options.today)]
    if case.target.backend is not Backend.CPU and not case.target.chip and not case.target.config:
        return Plan(case=case, steps=(), release=release, blocked=_NO_CHIP[case.target.backend], notes=tuple(notes))
    asked, nothing = _asked_oracle(case, options)
    try:
        steps, oracle = _steps(case, release, options, notes, asked)
    except UnsupportedError as error:
        blocked = Verdict(status=Status.UNSUPPORTED, kind=None, reason=str(error))
        return Plan(case=case, steps=(), release=release, blocked=blocked, notes=tuple(notes))
    expected = expectations.expected_failures(case, release, options.today)
    return Plan(
        case=case,
        steps=steps,
        release=release,
        notes=tuple(notes),
        expected=expected,
        oracle=oracle,
        nothing=nothing,
    )


def _asked_oracle(case: Case, options: Options) -> tuple[Oracle | None, str]:
    """Return the oracle of a case, and why it has none although the user asks for one."""
    if options.oracle is None or case.spec.outputs or case.spec.is_onnx or case.is_compile_only:
        return None, ""
    if options.oracle is Oracle.ONNXRUNTIME:
        return None, f"the program is no ONNX file, and only these can be compared with {options.oracle.description}"
    if references.is_plain(case):
        return None, f"without compiler flags of its own, the case is {options.oracle.description}"
    return options.oracle, ""


def _steps(
    case: Case, release: Release, options: Options, notes: list[str], asked: Oracle | None
) -> tuple[tuple[Step, ...], OracleSteps | None]:
    """Return the steps of a case, each once, and the oracle whose steps are among them."""
    compiles = compile_steps(
        case,
        release,
        nonce=options.nonce,
        measured=options.measures_compiler or budgets.measures_compiler(case),
        pin_defaults=options.pin_defaults,
        notes=notes,
    )
    _check_run(case, release, options)
    sources = case.spec.imported.sources if case.spec.imported else case.spec.external_data.values()
    steps: list[Step] = [*(Fetch(blob=each) for each in sources), *fetches(compiles), *compiles]
    oracle = None
    if not case.is_compile_only:
        keeps_all = options.keeps_outputs or asked is not None
        run = run_step(
            case, compiles, run_wrapper=_wrapper(case, options), tool_verdict=options.tool_verdict, keeps_all=keeps_all
        )
        oracle = _oracle(asked, case, run, release, options) if asked else None
        compare = _comparison(case.spec, run, oracle, options)
        timing = options.timing or budgets.timing(case)
        benchmark = benchmark_step(run, compare, timing) if timing else None
        doing = [run, *(oracle.steps if oracle else ()), *(each for each in (compare, benchmark) if each)]
        steps += [*fetches(doing), *_drawn(run), *doing]
    return tuple(dict.fromkeys(steps)), oracle


def _wrapper(case: Case, options: Options) -> tuple[str, ...]:
    """Return what goes before iree-run-module on the command line: the user's words, then the emulator of the chip.

    Raises:
        DeviceError: the emulator has no configuration for the chip.
    """
    emulated = options.emulator.words(case.target.chip) if options.emulator else ()
    return (*options.run_wrapper, *emulated)


def _comparison(spec: ModelSpec, run: Run, oracle: OracleSteps | None, options: Options) -> Compare | None:
    if oracle:
        return Compare(run=run, thresholds=spec.thresholds, judges=spec.judges, reference=oracle.run)
    return compare_step(spec, run) if spec.outputs and not options.tool_verdict else None


def _oracle(oracle: Oracle, case: Case, run: Run, release: Release, options: Options) -> OracleSteps:
    """Return the steps of an oracle, which follow the run of the case; they read no other files than it."""
    reference = _REFERENCES[oracle](case)
    compiles = compile_steps(reference, release, nonce=options.nonce, notes=[])
    compiles = tuple(structs.replace(each, oracle_of=case.id) for each in compiles)
    theirs = structs.replace(run_step(reference, compiles, keeps_all=True), case_id=case.id, role=ORACLE)
    return OracleSteps(oracle=oracle, after=run, before=(*compiles, *_drawn(theirs)), run=theirs)


_REFERENCES = {Oracle.CPU: references.on_cpu}


def _drawn(run: Run) -> tuple[Draw, ...]:
    return tuple(dict.fromkeys(draw for _, draw in run.drawn))


def blobs(plans: Iterable[Plan]) -> list[Blob]:
    """Return the blobs that plans fetch, each once."""
    return list(dict.fromkeys(step.blob for each in plans for step in each.steps if isinstance(step, Fetch)))


def is_for_host(step: Compile) -> bool:
    """Whether a module is for the CPU of the machine that compiles it."""
    return any(flag.endswith("=host") for flag in step.argv)


def module_key(step: Compile, digests: Mapping[Blob, str], *, build: str, host_cpu: str) -> str:
    """Return the key of a module in the store.

    Args:
        step: the compilation.
        digests: the sha256 of each blob that it links.
        build: identity of the compiler.
        host_cpu: identity of this machine's CPU, which counts only if a flag says `host`.
    """
    parts = {
        "argv": step.argv,
        "files": {link.name: digests[link.blob] for link in step.links},
        "build": build,
        "cpu": host_cpu if is_for_host(step) else None,
        **({"nonce": step.nonce} if step.nonce else {}),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _skipped(listing: Listing, place: Place) -> Verdict:
    reason = f"{listing.config}:{place.line} says so ({place.json_path.removeprefix('$.')})"
    return Verdict(status=Status.SKIPPED, kind=None, reason=reason)


def _ignored(case: Case) -> Verdict:
    line = case.spec.lines.get(f"$.{_IGNORED}", 1)
    reason = f"{case.spec.path}:{line} says so ({_IGNORED} has {case.target.chip})"
    return Verdict(status=Status.SKIPPED, kind=None, reason=reason)


def _no_chip(reason: str) -> Verdict:
    return Verdict(status=Status.ERROR, kind=Kind.DEVICE, reason=reason)


_NO_CHIP = {
    Backend.ROCM: _no_chip("no AMD GPU found on this machine; name a chip to compile for, as in --compile-chip gfx942"),
    Backend.CUDA: _no_chip(
        "no NVIDIA GPU whose chip its driver tells found on this machine; name a chip, as in --chip sm_80, or "
        "--compile-chip sm_80 to run nothing"
    ),
    Backend.VULKAN: _no_chip("no chip to compile for; name one, as in --chip llvmpipe"),
}


def _notes(case: Case, options: Options) -> Iterator[str]:
    spec = case.spec
    if spec.custom_real_weights_group:
        yield (
            f"custom_real_weights_group {spec.custom_real_weights_group!r} has no effect: "
            "the cache shares weights by content"
        )
    if case.target.sku and spec.tuner_file and case.target.sku not in spec.tuner_file:
        yield f"no tuner file for {case.target.sku}; the spec has some for {', '.join(sorted(spec.tuner_file))}"
    if options.tool_verdict and not spec.thresholds.are_of_floats:
        yield "iree-run-module has thresholds of floats only, and to it a NaN equals a NaN; see --verdict"
    if options.tool_verdict and any(spec.judges):
        yield "iree-run-module knows no statistics, so its thresholds decide and not 'judge'; see --verdict"
    if spec.program_source:
        yield f"program: {spec.program_source}"
    if spec.imported:
        model = spec.imported.sources[0].name
        yield f"program: imported from {model} by the importer of {spec.imported.importer}"
        if spec.imported.reference:
            yield f"expected outputs: those of {spec.imported.reference}"
    if spec.provenance:
        yield f"expected outputs: {spec.provenance}"
    yield from spec.remarks
    yield from budgets.remarks(case)
    if case.expects_compile_failure:
        yield f"compiling for {case.target.chip} is expected to fail, so nothing is run"


def _notes_for(spec: ModelSpec, release: Release) -> Iterator[str]:
    for comparisons, added in flags_for(spec, release).items():
        yield f"flags_for {comparisons!r} adds {' '.join(added)} on {release.name}"


def _check_run(case: Case, release: Release, options: Options) -> None:
    own = (*case.spec.run_args, *(case.spec.threshold_args if options.tool_verdict else ()))
    if not case.is_compile_only and (reason := flags.unknown_run_flag(own, release)):
        raise UnsupportedError(reason)
