"""The sides of a comparison: the settings as they are, and another release, backend, chip, program, or more flags."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from harness.core.blobs import Blob
from harness.core.callbacks import Notice, ignore
from harness.core.cases import Backend, Case
from harness.core.errors import UsageError
from harness.core.references import Oracle
from harness.core.settings import Settings
from harness.core.values import frozen
from harness.iree import flag_classes, release_sources
from harness.iree.releases import ReleaseWheels
from harness.pipeline import references, selection
from harness.specs import inline
from harness.store.store import Store

_RELEASE = re.compile(r"\d+\.\d+")
_CHIP = re.compile(r"[a-z0-9_]+")


@frozen
class Side:
    """A side of a comparison.

    Attributes:
        label: what tells it from the other one, such as `3.13.0` or `gfx942`.
        settings: how its cases are compiled and run.
        release: its release.
        cases: by the name of the spec, its case.
        is_onnxruntime: whether ONNX Runtime computes what is right, and nothing is compiled.
    """

    label: str
    settings: Settings
    release: ReleaseWheels
    cases: Mapping[str, Case]
    is_onnxruntime: bool = False

    @property
    def target(self) -> str:
        """The target of its cases."""
        return str(next(iter(self.cases.values())).target)


def sides(
    settings: Settings, against: str | None, notice: Notice, *, takes_onnxruntime: bool = False
) -> tuple[Side, ...]:
    """Return one side, or two with something to compare with.

    Args:
        settings: how to compile and run.
        against: a release, a chip, or flags for iree-compile.
        notice: called with remarks while releases and cases are looked up.
        takes_onnxruntime: whether ONNX Runtime may be the other side.

    Raises:
        UsageError: the settings, a spec or `against` is wrong, or both sides have no case in common.
        FetchError: a page of releases cannot be downloaded.
    """
    first = side(replace(settings, cases=selection.located(settings.cases)), notice)
    if against is None:
        return (replace(first, label=first.release.release.name),)
    if against == Oracle.ONNXRUNTIME:
        return _with_onnxruntime(first, is_allowed=takes_onnxruntime)
    second = _other(first, against, notice)
    common = first.cases.keys() & second.cases.keys()
    if not common:
        raise UsageError(f"--against {against}: no spec is selected on both sides; see `harness list`.")
    return tuple(
        replace(each, cases={name: each.cases[name] for name in each.cases if name in common})
        for each in _named(first, second, against)
    )


def _with_onnxruntime(first: Side, *, is_allowed: bool) -> tuple[Side, Side]:
    """Return a side, and ONNX Runtime as the other one; neither has other expected outputs than those of the latter.

    Raises:
        UsageError: ONNX Runtime cannot run a program, or a command cannot compare with it.
    """
    if not is_allowed:
        raise UsageError(f"--against {Oracle.ONNXRUNTIME}: only `harness localize` takes it.")
    for case in first.cases.values():
        if not case.spec.is_onnx:
            raise UsageError(
                f"--against {Oracle.ONNXRUNTIME} needs a program that is an ONNX file; that of {case.id} is "
                f"{case.spec.mlir.name}."
            )
    specs = {
        name: replace(case.spec, outputs=(), judges=(), has_reference=True, compile_only=False)
        for name, case in first.cases.items()
    }
    cases = {name: replace(case, spec=specs[name]) for name, case in first.cases.items()}
    return (
        replace(first, label=first.release.release.name, cases=cases),
        replace(first, label="ONNX Runtime", cases=cases, is_onnxruntime=True),
    )


def _other(first: Side, against: str, notice: Notice) -> Side:
    settings = first.settings
    if against.startswith("--"):
        flags = _flags(against, settings)
        return replace(first, cases={name: _with_flags(case, flags) for name, case in first.cases.items()})
    if _RELEASE.match(against):
        settings = replace(settings, release=replace(settings.release, name=against))
        return replace(first, settings=settings, release=_release(settings, notice))
    if against in {*Backend}:
        return _on_backend(first, Backend(against), notice)
    if inline.is_bare(against):
        return _with_program(first, against)
    if not _CHIP.fullmatch(against):
        raise UsageError(
            f"--against {against}: expected a release such as 3.9.0, a backend, a chip, a .mlir file, or flags such as "
            "--iree-opt-level=O3."
        )
    return side(replace(settings, target=replace(settings.target, chips=(against,))), notice)


def _on_backend(first: Side, backend: Backend, notice: Notice) -> Side:
    """Return the same models on another backend; on the CPU without flags of their own if they have no spec for it."""
    target = replace(first.settings.target, backend=backend, chips=(), compile_chips=())
    try:
        return side(replace(first.settings, target=target), notice)
    except UsageError:
        if backend is not Backend.CPU:
            raise
        return replace(first, cases={name: references.on_cpu(case) for name, case in first.cases.items()})


def _with_program(first: Side, path: str) -> Side:
    """Return the same case with another program.

    Raises:
        UsageError: there is no such file.
    """
    if not Path(path).is_file():
        raise UsageError(f"--against {path}: no such file.")
    program = Blob(url=Path(path).absolute().as_uri())
    cases = {name: replace(case, spec=replace(case.spec, mlir=program)) for name, case in first.cases.items()}
    return replace(first, cases=cases)


def side(settings: Settings, notice: Notice = ignore) -> Side:
    """Return the cases of settings as a side without a label; budgets do not say which side takes more time.

    Raises:
        UsageError: the settings or a spec are wrong, or the cases have several targets.
        FetchError: a page of releases cannot be downloaded.
    """
    release, chosen = _release(settings, notice), selection.cases(settings, notice)
    unlimited = (replace(case, spec=replace(case.spec, budget={})) for case in chosen)
    return Side(label="", settings=settings, release=release, cases=dict(_by_name(unlimited)))


def _release(settings: Settings, notice: Notice) -> ReleaseWheels:
    with Store(settings.fetch.store.absolute()) as store:
        return release_sources.chosen(settings.release, settings.fetch, store, notice)


def _by_name(chosen: Iterator[Case]) -> Iterator[tuple[str, Case]]:
    """Yield each case with the name of its spec, by which both sides are paired."""
    seen: dict[str, Case] = {}
    for case in chosen:
        if (other := seen.setdefault(case.spec.name, case)) is not case:
            raise UsageError(
                f"{other.id} and {case.id} are selected, but a benchmark takes one target; "
                "choose one, and name the other with --against."
            )
        yield case.spec.name, case


def _with_flags(case: Case, flags: tuple[str, ...]) -> Case:
    return replace(case, spec=replace(case.spec, compiler_flags=(*case.spec.compiler_flags, *flags)))


def _flags(text: str, settings: Settings) -> tuple[str, ...]:
    """Return the flags in a text; they follow the rules of those in a spec."""
    try:
        flags = tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"--against {text}: {error}; expected flags as a shell takes them.") from error
    for flag in flags:
        if reason := _refusal(flag, settings):
            raise UsageError(f"--against: {flag!r} {reason}.")
    return flags


def _refusal(flag: str, settings: Settings) -> str | None:
    if not flag.startswith("--"):
        return "is no flag; put the value of a flag after an equals sign"
    if flag_classes.files_named(flag):
        return "names a file, which only a spec can"
    return flag_classes.refusal(flag, trusted=settings.cases.trust_flags)


def _named(first: Side, second: Side, against: str) -> Iterator[Side]:
    """Yield both sides with labels that tell one from the other."""
    if against.startswith("--"):
        labels = ("as it is", against)
    elif inline.is_bare(against):
        labels = (str(next(iter(first.cases.values())).spec.mlir.name), Path(against).name)
    elif first.target != second.target:
        labels = (first.target, second.target)
    else:
        labels = (first.release.release.name, second.release.release.name)
    if labels[0] == labels[1]:
        labels = (labels[0], f"{labels[1]} again")
    for each, label in zip((first, second), labels, strict=True):
        yield replace(each, label=label)
