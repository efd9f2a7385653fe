"""Turns a case into steps and keys (pure).

Every tool runs in a folder of its own, in which its files have plain, fixed names; so the command
lines below are the whole truth, the same on every machine, and nothing of a path gets into a module.
"""

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from harness.core.blobs import Blob
from harness.core.cases import Backend, Case, ModelSpec, Release, Target
from harness.core.outcomes import Kind, Status, Verdict
from harness.core.tensors import Literal, Tensor
from harness.iree import flags, releases
from harness.pipeline.steps import WEIGHTS, Compare, Compile, Fetch, Link, Plan, Run, Step

TUNER = "tuner.mlir"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says about every case.

    `tool_verdict` leaves the judgement to iree-run-module; `run_wrapper` goes before it. `pin_defaults` is the release
    whose defaults count where they changed between releases.
    """

    tool_verdict: bool = False
    run_wrapper: tuple[str, ...] = ()
    pin_defaults: Release | None = None


def cases(specs: Iterable[ModelSpec], targets: tuple[Target, ...]) -> list[Case]:
    """Return every spec on every target of its backend; there may be none."""
    return [Case(spec=spec, target=target) for spec in specs for target in targets if target.backend is spec.backend]


def plan(case: Case, release: Release, options: Options) -> Plan:
    """Return what will be done for a case with a release."""
    notes = [*_notes(case), *_notes_for(case.spec, release)]
    if case.target.backend is not Backend.CPU and not case.target.chip:
        return Plan(case=case, steps=(), release=release, blocked=_NO_CHIP[case.target.backend], notes=tuple(notes))
    try:
        compiles = tuple(_compile(program, case, release, options, notes) for program in _programs(case, release))
    except _UnsupportedError as error:
        blocked = Verdict(status=Status.UNSUPPORTED, kind=None, reason=str(error))
        return Plan(case=case, steps=(), release=release, blocked=blocked, notes=tuple(notes))
    steps: list[Step] = [*_fetches(compiles), *compiles]
    if not is_compile_only(case):
        run = _run(case, compiles, options)
        compare = _compare(case.spec, run)
        steps += [fetch for fetch in _fetches([run, compare]) if fetch not in steps]
        steps += [run] if options.tool_verdict or not case.spec.outputs else [run, compare]
    return Plan(case=case, steps=tuple(steps), release=release, notes=tuple(notes))


def blobs(plans: Iterable[Plan]) -> list[Blob]:
    """Return what must be fetched for plans, each blob once."""
    return list(dict.fromkeys(step.blob for each in plans for step in each.steps if isinstance(step, Fetch)))


def is_compile_only(case: Case) -> bool:
    """Whether the case ends with its modules; also where compiling is expected to fail."""
    return case.spec.compile_only or case.target.compile_only or expects_compile_failure(case)


def expects_compile_failure(case: Case) -> bool:
    """Whether the spec expects compiling for this chip to fail."""
    return case.target.chip in case.spec.compile_chip_expecting_to_fail


def needs(step: Step) -> tuple[Step, ...]:
    """Return the steps that must be done before."""
    match step:
        case Fetch():
            return ()
        case Compile():
            return tuple(_fetches([step]))
        case Run():
            return (*_fetches([step]), *step.compiles)
        case Compare():
            return (*_fetches([step]), step.run)


def module_key(step: Compile, digests: Mapping[Blob, str], *, build: str, host_cpu: str) -> str:
    """Return the key under which the store keeps what a compilation makes.

    Args:
        step: the compilation.
        digests: sha256 of every blob it links.
        build: identity of the compiler.
        host_cpu: identity of this machine's CPU; it counts only where a flag says `host`.
    """
    parts = {
        "argv": step.argv,
        "files": {link.name: digests[link.blob] for link in step.links},
        "build": build,
        "cpu": host_cpu if any(flag.endswith("=host") for flag in step.argv) else None,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _no_chip(reason: str) -> Verdict:
    return Verdict(status=Status.ERROR, kind=Kind.DEVICE, reason=reason)


_NO_CHIP = {
    Backend.ROCM: _no_chip(
        "no AMD GPU was found on this machine; name a chip to compile for, as in --compile-chip gfx942"
    ),
    Backend.CUDA: _no_chip(
        "the chip of an NVIDIA GPU is not known by itself; name it, as in --chip sm_80, or --compile-chip sm_80"
    ),
}


class _UnsupportedError(Exception):
    """A release has no equivalent of what the case needs."""


def _notes(case: Case) -> Iterator[str]:
    spec = case.spec
    if spec.custom_real_weights_group:
        yield (
            f"custom_real_weights_group {spec.custom_real_weights_group!r} changes nothing: "
            "the store shares weights by content"
        )
    if case.target.sku and spec.tuner_file and case.target.sku not in spec.tuner_file:
        yield f"no tuner file for {case.target.sku}; there are some for {', '.join(sorted(spec.tuner_file))}"
    if expects_compile_failure(case):
        yield f"compiling for {case.target.chip} is expected to fail, so nothing is run"


def _notes_for(spec: ModelSpec, release: Release) -> Iterator[str]:
    for comparisons, added in _flags_for(spec, release).items():
        yield f"flags_for {comparisons!r} adds {' '.join(added)} on {release.name}"


def _flags_for(spec: ModelSpec, release: Release) -> Mapping[str, tuple[str, ...]]:
    """Return what a spec has in `flags_for` for a release, in the order of the file."""
    return {key: added for key, added in spec.flags_for.items() if added and releases.fulfils(release, key)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Program:
    """A program of a spec, with what the harness adds to its compilation."""

    name: str
    mlir: Blob
    flags: tuple[str, ...]
    added_flags: tuple[str, ...] = ()
    added_links: tuple[Link, ...] = ()
    added_products: tuple[str, ...] = ()


def _programs(case: Case, release: Release) -> Iterator[_Program]:
    if case.target.chip and (reason := flags.unknown_chip(case.target.chip, release)):
        raise _UnsupportedError(reason)
    spec = case.spec
    tuner = spec.tuner_file.get(case.target.sku or "")
    splat = spec.real_weights is None
    yield _Program(
        name="model",
        mlir=spec.mlir,
        flags=(*spec.compiler_flags, *itertools.chain.from_iterable(_flags_for(spec, release).values())),
        added_flags=(
            *([f"{flags.TUNER_FLAG}={TUNER}"] if tuner else []),
            *([flags.splat_flag(WEIGHTS, release)] if splat else []),
        ),
        added_links=(Link(name=TUNER, blob=tuner),) if tuner else (),
        added_products=(WEIGHTS,) if splat else (),
    )
    if spec.pipeline_mlir:
        yield _Program(name="pipeline", mlir=spec.pipeline_mlir, flags=spec.pipeline_compiler_flags)


def _compile(program: _Program, case: Case, release: Release, options: Options, notes: list[str]) -> Compile:
    """Return the compilation of a program in the dialect of a release; adds to the notes what was done to its flags."""
    pins = _pins(program, case, options.pin_defaults)
    translation = flags.translated((*program.flags, *pins), release)
    if translation.unsupported:
        raise _UnsupportedError(translation.unsupported)
    notes.extend(note for note in (*pins.values(), *translation.notes) if note not in notes)
    own_flags, own_links = _with_files(translation.flags, case.spec.flag_files)
    source, module = f"{program.name}.mlir", f"{program.name}.vmfb"
    target_flags = flags.target_flags(case.target.backend, case.target.chip, release)
    every_flag = (*target_flags, *own_flags, *program.added_flags, *flags.statistics_flags())
    return Compile(
        release=release.name,
        argv=("iree-compile", source, "-o", module, *every_flag),
        links=(Link(name=source, blob=program.mlir), *own_links, *program.added_links),
        module=module,
        products=(module, flags.STATISTICS_NAME, *program.added_products),
    )


def _pins(program: _Program, case: Case, pinned: Release | None) -> Mapping[str, str]:
    """Return the flags by which a program is compiled with the defaults of a release, and what to say of each."""
    if pinned is None:
        return {}
    pins = flags.pins(program.flags, pinned, case.target.backend)
    return {flag: f"{flag} is added, the default of {pinned.name}" for flag in pins}


def _with_files(own: tuple[str, ...], files: Mapping[str, Blob]) -> tuple[tuple[str, ...], tuple[Link, ...]]:
    """Return flags that name files by plain names, and these files."""
    names = {text: f"{index}.{blob.name}" for index, (text, blob) in enumerate(files.items())}
    renamed = []
    links = []
    for flag in own:
        text = flags.file_named(flag)
        if text in names:
            links.append(Link(name=names[text], blob=files[text]))
            flag = f"{flag.partition('=')[0]}={names[text]}"  # noqa: PLW2901
        renamed.append(flag)
    return tuple(renamed), tuple(links)


def _run(case: Case, compiles: tuple[Compile, ...], options: Options) -> Run:
    spec = case.spec
    modules = compiles if spec.add_pipeline_module else compiles[:1]
    inputs = [
        (Link(name=_file_name("input", i, each), blob=each.blob), each)
        for i, each in enumerate(spec.inputs)
        if isinstance(each, Tensor)
    ]
    weights = _weights_name(spec.real_weights)
    links = [link for link, _ in inputs] + ([Link(name=weights, blob=spec.real_weights)] if spec.real_weights else [])
    outputs = tuple(f"{i}.bin" if expected else "" for i, expected in enumerate(spec.outputs))
    judged: list[str] = [f"--output={'@' if name else ''}{name}" for name in outputs]
    if options.tool_verdict:
        expected = _expected(spec)
        links += filter(None, expected)
        judged = [*_expected_arguments(spec, expected), *spec.threshold_args]
    argv = (
        *options.run_wrapper,
        "iree-run-module",
        f"--device={spec.device}",
        *(f"--module={each.module}" for each in modules),
        f"--parameters=model={weights}",
        *([f"--function={spec.run_function}"] if spec.run_function else []),
        *_input_arguments(spec),
        *judged,
    )
    return Run(
        case_id=case.id,
        argv=argv,
        links=tuple(links),
        inputs=tuple((link.name, tensor.type) for link, tensor in inputs),
        compiles=modules,
        device=spec.device,
        chip=case.target.chip,
        outputs=() if options.tool_verdict else outputs,
    )


def _input_arguments(spec: ModelSpec) -> Iterator[str]:
    for index, each in enumerate(spec.inputs):
        text = each.text if isinstance(each, Literal) else _tensor_argument(_file_name("input", index, each), each)
        yield f"--input={text}"


def _weights_name(blob: Blob | None) -> str:
    """Return the name of the archive of weights, whose suffix tells iree-run-module its format."""
    suffix = PurePosixPath(blob.name).suffix if blob else ""
    return f"weights{suffix}" if suffix in {".gguf", ".safetensors"} else WEIGHTS


def _compare(spec: ModelSpec, run: Run) -> Compare:
    expected = tuple(
        (link, tensor.type) if link and tensor else None
        for link, tensor in zip(_expected(spec), spec.outputs, strict=True)
    )
    return Compare(run=run, expected=expected, thresholds=spec.thresholds)


def _expected(spec: ModelSpec) -> list[Link | None]:
    return [
        Link(name=_file_name("expected", i, tensor), blob=tensor.blob) if tensor else None
        for i, tensor in enumerate(spec.outputs)
    ]


def _expected_arguments(spec: ModelSpec, links: list[Link | None]) -> Iterator[str]:
    for link, tensor in zip(links, spec.outputs, strict=True):
        yield f"--expected_output={_tensor_argument(link.name, tensor) if link and tensor else '(ignored)'}"


def _file_name(role: str, index: int, tensor: Tensor) -> str:
    return f"{role}.{index}.{'npy' if tensor.is_npy else 'bin'}"


def _tensor_argument(file_name: str, tensor: Tensor) -> str:
    return f"@{file_name}" if tensor.is_npy else f"{_tool_spelling(tensor)}=@{file_name}"


def _tool_spelling(tensor: Tensor) -> str:
    """Return a type as iree-run-module reads it, which takes the `x` of `complex` for the end of a dimension."""
    return str(tensor.type).replace("complex<f32>", "cf64").replace("complex<f64>", "cf128")


def _fetches(steps: Iterable[Step]) -> list[Fetch]:
    """Return what must be fetched for steps, each blob once."""
    links: list[Link] = []
    for step in steps:
        match step:
            case Compile() | Run():
                links += step.links
            case Compare():
                links += [expected[0] for expected in step.expected if expected]
            case Fetch():
                pass
    return [Fetch(blob=blob) for blob in dict.fromkeys(link.blob for link in links)]
