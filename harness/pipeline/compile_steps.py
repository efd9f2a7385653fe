"""Plans the compilations of a case: the files that the compiler reads, and its command lines."""

import itertools
import re
from collections.abc import Iterator, Mapping

from harness.core.blobs import Blob
from harness.core.cases import MAIN, Case, ModelSpec, Release, Target
from harness.core.values import frozen
from harness.iree import flag_classes, flags, releases
from harness.pipeline.steps import WEIGHTS, Compile, Link

TUNER = "tuner.mlir"
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9_.-]")  # what a tool may read as a part of a list


class UnsupportedError(Exception):
    """The release has no equivalent of a flag or chip that the case needs."""


def compile_steps(
    case: Case,
    release: Release,
    *,
    nonce: str,
    notes: list[str],
    measured: bool = False,
    pin_defaults: Release | None = None,
) -> tuple[Compile, ...]:
    """Return the compilations of the programs of a case.

    Args:
        case: the case.
        release: the release that compiles.
        nonce: a text that no other run has.
        notes: gets a remark for each flag that is changed.
        measured: whether what the compilations take is compared.
        pin_defaults: compile with the defaults of this release where they changed between releases.

    Raises:
        UnsupportedError: the release has no equivalent of a flag or chip.
    """
    chip = _chip(case.target, release, notes)
    return tuple(
        _compile(each, case, release, pin_defaults, chip=chip, nonce=nonce, measured=measured, notes=notes)
        for each in _compilations(case, release)
    )


def _chip(target: Target, release: Release, notes: list[str]) -> str | None:
    """Return the chip to compile for; an older one whose code the GPU runs if the release does not know its own.

    Raises:
        UnsupportedError: the release knows no chip that fits.
    """
    if not target.chip:
        return None
    found = target.chip if target.compile_only else flags.compiled_chip(target.backend, target.chip, release)
    if reason := flags.unknown_chip(target.backend, found, release):
        raise UnsupportedError(reason)
    if found != target.chip:
        notes.append(
            f"IREE {release.name} does not know {target.chip}, so it compiles for {found}, whose code runs there"
        )
    return found


def flags_for(spec: ModelSpec, release: Release) -> Mapping[str, tuple[str, ...]]:
    """Return the entries of `flags_for` that apply to a release, in the order of the spec."""
    return {key: added for key, added in spec.flags_for.items() if added and releases.fulfils(release, key)}


@frozen
class _Compilation:
    """What to compile: a program under a name, its flags, its tuning spec, and flags that make stand-ins of weights."""

    name: str
    mlir: Blob
    flags: tuple[str, ...]
    tuner: Blob | None = None
    splat_flags: tuple[str, ...] = ()


def _compilations(case: Case, release: Release) -> Iterator[_Compilation]:
    """Yield the programs of a case; what a spec says without naming one is about its own."""
    spec = case.spec
    for name, program in spec.programs.items():
        tuner = program.tuner_file.get(case.target.sku or "")
        own, splats = program.compiler_flags, tuple[str, ...]()
        if name == MAIN:
            own = (*own, *itertools.chain.from_iterable(flags_for(spec, release).values()))
            splats = (flags.splat_flag(WEIGHTS, release),) if _needs_weights(spec) else ()
        yield _Compilation(name=name, mlir=program.mlir, flags=own, tuner=tuner, splat_flags=splats)


def _needs_weights(spec: ModelSpec) -> bool:
    """Whether a run needs stand-ins of weights."""
    return not (spec.real_weights or spec.weights or spec.compile_only)


def _compile(
    program: _Compilation,
    case: Case,
    release: Release,
    pinned: Release | None,
    *,
    chip: str | None,
    nonce: str,
    measured: bool,
    notes: list[str],
) -> Compile:
    """Return the compilation of a program, with flags that the release has."""
    pins = _pins(program, case, pinned)
    translation = flags.translated((*program.flags, *pins), release, trusted=case.spec.trust_flags)
    if translation.unsupported:
        raise UnsupportedError(translation.unsupported)
    notes.extend(note for note in (*pins.values(), *translation.notes) if note not in notes)
    own_flags, own_links = _with_files(translation.flags, case.spec.flag_files)
    source, module = f"{program.name}.mlir", f"{program.name}.vmfb"
    target_flags = flags.target_flags(case.target.backend, chip, release)
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
        nonce=nonce if any(map(flag_classes.is_opaque, translation.flags)) else "",
        measured=measured,
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
