"""Plans a case: its steps, their command lines, and the keys of modules. Nothing is read or run.

Every tool runs in a folder of its own, in which its files have plain, fixed names. So a command line is the same on
every machine, and no path ends up in a module.
"""

import datetime as dt
import hashlib
import itertools
import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from harness.core.blobs import Blob
from harness.core.cases import MAIN, Backend, Case, Listing, ModelSpec, Place, Release, Target
from harness.core.outcomes import Kind, Status, Verdict
from harness.core.timings import Timing
from harness.iree import flag_classes, flags, releases
from harness.pipeline import budgets, expectations
from harness.pipeline.benchmark import benchmark_step
from harness.pipeline.run_steps import compare_step, run_step
from harness.pipeline.steps import WEIGHTS, Compile, Fetch, Link, Plan, Step, fetches

TUNER = "tuner.mlir"
_IGNORED = "specific_chip_to_ignore"  # a field of benchmarks of a suite
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9_.-]")  # what a tool may read as a part of a list


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Settings for all cases.

    Attributes:
        tool_verdict: let iree-run-module compare the outputs.
        run_wrapper: words before iree-run-module on its command line.
        pin_defaults: compile with the defaults of this release where they changed between releases.
        timing: how to time the function of each case; None for not at all.
        today: the day on which expected failures may have ended.
        nonce: a text that no other run has.
    """

    tool_verdict: bool = False
    run_wrapper: tuple[str, ...] = ()
    pin_defaults: Release | None = None
    timing: Timing | None = None
    today: dt.date = field(default_factory=dt.date.today)
    nonce: str = field(default_factory=lambda: uuid.uuid4().hex)


def cases(specs: Iterable[ModelSpec], targets: tuple[Target, ...]) -> list[Case]:
    """Return a case for each spec and each target that it is for."""
    return [Case(spec=spec, target=target) for spec in specs for target in targets if _is_for(spec, target)]


def _is_for(spec: ModelSpec, target: Target) -> bool:
    """Whether a spec is for the backend of a target, and for its chip if both say one."""
    chips = {spec.chip, target.chip} - {None}
    return target.backend is spec.backend and (not spec.chip or len(chips) == 1)


def plan(case: Case, release: Release, options: Options) -> Plan:
    """Return the steps of a case with a release, or why there are none."""
    if case.spec.listing and case.spec.listing.skip:
        return Plan(case=case, steps=(), release=release, blocked=_skipped(case.spec.listing, case.spec.listing.skip))
    if case.target.chip in case.spec.ignored_chips:
        return Plan(case=case, steps=(), release=release, blocked=_ignored(case))
    notes = [*_notes(case, options), *_notes_for(case.spec, release), *expectations.remarks(case, options.today)]
    if case.target.backend is not Backend.CPU and not case.target.chip and not case.target.config:
        return Plan(case=case, steps=(), release=release, blocked=_NO_CHIP[case.target.backend], notes=tuple(notes))
    try:
        compiles = tuple(_compile(program, case, release, options, notes) for program in _compilations(case, release))
        _check_run(case, release, options)
    except _UnsupportedError as error:
        blocked = Verdict(status=Status.UNSUPPORTED, kind=None, reason=str(error))
        return Plan(case=case, steps=(), release=release, blocked=blocked, notes=tuple(notes))
    steps: list[Step] = [*fetches(compiles), *compiles]
    if not is_compile_only(case):
        run = run_step(case, compiles, run_wrapper=options.run_wrapper, tool_verdict=options.tool_verdict)
        compare = None if options.tool_verdict or not case.spec.outputs else compare_step(case.spec, run)
        timing = budgets.timing(case) or options.timing
        benchmark = benchmark_step(run, compare, timing) if timing else None
        doing = [step for step in (run, compare, benchmark) if step]
        steps += [fetch for fetch in fetches(doing) if fetch not in steps]
        steps += [*dict.fromkeys(draw for _, draw in run.drawn), *doing]
    expected = expectations.expected_failures(case, release, options.today)
    return Plan(case=case, steps=tuple(steps), release=release, notes=tuple(notes), expected=expected)


def blobs(plans: Iterable[Plan]) -> list[Blob]:
    """Return the blobs that plans fetch, each once."""
    return list(dict.fromkeys(step.blob for each in plans for step in each.steps if isinstance(step, Fetch)))


def is_compile_only(case: Case) -> bool:
    """Whether nothing is run, because of the spec, the target, or an expected compile failure."""
    return case.spec.compile_only or case.target.compile_only or expects_compile_failure(case)


def expects_compile_failure(case: Case) -> bool:
    """Whether the spec expects compiling for this chip to fail."""
    return case.target.chip in case.spec.compile_chip_expecting_to_fail


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
        "cpu": host_cpu if any(flag.endswith("=host") for flag in step.argv) else None,
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
        "the chip of an NVIDIA GPU cannot be detected; name it, as in --chip sm_80 or --compile-chip sm_80"
    ),
}


class _UnsupportedError(Exception):
    """The release has no equivalent of a flag or chip that the case needs."""


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
    yield from spec.remarks
    yield from budgets.remarks(case)
    if expects_compile_failure(case):
        yield f"compiling for {case.target.chip} is expected to fail, so nothing is run"


def _notes_for(spec: ModelSpec, release: Release) -> Iterator[str]:
    for comparisons, added in _flags_for(spec, release).items():
        yield f"flags_for {comparisons!r} adds {' '.join(added)} on {release.name}"


def _flags_for(spec: ModelSpec, release: Release) -> Mapping[str, tuple[str, ...]]:
    """Return the entries of `flags_for` that apply to a release, in the order of the spec."""
    return {key: added for key, added in spec.flags_for.items() if added and releases.fulfils(release, key)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compilation:
    """What to compile: a program under a name, its flags, its tuning spec, and flags that make stand-ins of weights."""

    name: str
    mlir: Blob
    flags: tuple[str, ...]
    tuner: Blob | None = None
    splat_flags: tuple[str, ...] = ()


def _compilations(case: Case, release: Release) -> Iterator[_Compilation]:
    """Yield the programs of a case; what a spec says without naming one is about its own."""
    if case.target.chip and (reason := flags.unknown_chip(case.target.chip, release)):
        raise _UnsupportedError(reason)
    spec = case.spec
    for name, program in spec.programs.items():
        tuner = program.tuner_file.get(case.target.sku or "")
        found = _Compilation(name=name, mlir=program.mlir, flags=program.compiler_flags, tuner=tuner)
        if name == MAIN:
            found = replace(
                found,
                flags=(*found.flags, *itertools.chain.from_iterable(_flags_for(spec, release).values())),
                splat_flags=(flags.splat_flag(WEIGHTS, release),) if _needs_weights(spec) else (),
            )
        yield found


def _needs_weights(spec: ModelSpec) -> bool:
    """Whether a run needs stand-ins of weights."""
    return not (spec.real_weights or spec.weights or spec.compile_only)


def _check_run(case: Case, release: Release, options: Options) -> None:
    own = (*case.spec.run_args, *(case.spec.threshold_args if options.tool_verdict else ()))
    if not is_compile_only(case) and (reason := flags.unknown_run_flag(own, release)):
        raise _UnsupportedError(reason)


def _compile(program: _Compilation, case: Case, release: Release, options: Options, notes: list[str]) -> Compile:
    """Return the compilation of a program, with flags that the release has; add changes of flags to the notes."""
    pins = _pins(program, case, options.pin_defaults)
    translation = flags.translated((*program.flags, *pins), release, trusted=case.spec.trust_flags)
    if translation.unsupported:
        raise _UnsupportedError(translation.unsupported)
    notes.extend(note for note in (*pins.values(), *translation.notes) if note not in notes)
    own_flags, own_links = _with_files(translation.flags, case.spec.flag_files)
    source, module = f"{program.name}.mlir", f"{program.name}.vmfb"
    target_flags = flags.target_flags(case.target.backend, case.target.chip, release)
    tuner_flags = (f"{flags.TUNER_FLAG}={TUNER}",) if program.tuner else ()
    tuner_links = (Link(name=TUNER, blob=program.tuner),) if program.tuner else ()
    added = (*program.splat_flags, *flags.statistics_flags())
    return Compile(
        release=release.name,
        argv=("iree-compile", source, "-o", module, *target_flags, *own_flags, *tuner_flags, *added),
        links=(Link(name=source, blob=program.mlir), *own_links, *tuner_links),
        module=module,
        products=(module, flags.STATISTICS_NAME, *([WEIGHTS] if program.splat_flags else [])),
        added=added,
        nonce=options.nonce if any(map(flag_classes.is_opaque, translation.flags)) else "",
    )


def _pins(program: _Compilation, case: Case, pinned: Release | None) -> Mapping[str, str]:
    """Return the flags that pin the defaults of a release, each with a note."""
    if pinned is None:
        return {}
    pins = flags.pins(program.flags, pinned, case.target.backend)
    return {flag: f"{flag} added: the default of {pinned.name}" for flag in pins}


def _with_files(own: tuple[str, ...], files: Mapping[str, Blob]) -> tuple[tuple[str, ...], tuple[Link, ...]]:
    """Return flags in which files have plain names, and links to these files."""
    names = {text: f"{index}.{_NOT_PLAIN.sub('_', blob.name)}" for index, (text, blob) in enumerate(files.items())}
    named = dict.fromkeys(text for flag in own for text in flag_classes.files_named(flag))
    links = tuple(Link(name=names[text], blob=files[text]) for text in named)
    return tuple(flag_classes.with_files(flag, names) for flag in own), links
