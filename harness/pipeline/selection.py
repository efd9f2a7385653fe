"""Selects cases by the settings."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.core.callbacks import Notice, ignore
from harness.core.cases import Backend, Case, ModelSpec, Target
from harness.core.errors import UsageError
from harness.core.settings import CaseSettings, RunSettings, Settings, TargetSettings
from harness.host import bundled, devices
from harness.host.devices import Gpu, Vendor
from harness.iree import flags
from harness.pipeline import quarantine, suite_selection, targets
from harness.report.again import program_words
from harness.specs import inline, reader, selectors
from harness.specs.catalogue import Folders, select, selects
from harness.specs.markers import Expression
from harness.specs.selectors import Selector
from harness.suites.reader import Suite

_SHOWN = 10


def spec_folders(settings: CaseSettings) -> Folders:
    """Return the folder of the specs: the one of the settings, `quality_tests` here, or the bundled models."""
    found = located(settings)
    return Folders(
        found.specs or default_folder() or bundled.folder("quality_tests"),
        external_files=settings.external_files,
        allowed=settings.allow_paths,
        is_guessed=found.is_guessed,
        trust_flags=settings.trust_flags,
    )


def default_folder() -> Path | None:
    """Return the folder `quality_tests` here, if there is one."""
    here = Path("quality_tests")
    return here if here.is_dir() else None


def located(settings: CaseSettings) -> CaseSettings:
    """Return settings that name the folder of the specs if a selector is the path of a spec in another folder."""
    default = (default_folder() or bundled.folder("quality_tests")).resolve()
    paths = (selectors.parse(each).path for each in settings.selectors)
    outside = [path for path in paths if path and path.is_file() and not path.is_relative_to(default)]
    return (
        replace(settings, specs=outside[0].parent.parent, is_guessed=True)
        if outside and not settings.specs
        else settings
    )


def cases(settings: Settings, notice: Notice = ignore) -> list[Case]:
    """Return the selected cases; none if the shard has none.

    Args:
        settings: which cases, and for which targets.
        notice: called with remarks.

    Raises:
        UsageError: nothing is selected, or a spec, a config or a case of a suite is invalid.
    """
    suite = find_suite(settings.cases)
    chosen = cases_of_suite(settings, suite, notice) if suite else _cases_of_specs(settings)
    check_pinned(settings.run, chosen)
    chosen = _marked(chosen, settings.cases.markers) if settings.cases.markers else chosen
    chosen = quarantined(chosen, settings.cases, notice)
    if settings.cases.shard:
        from harness.pipeline import shards  # noqa: PLC0415 - only this option reads durations

        chosen = shards.part(chosen, settings.cases.shard, settings.cases.durations, notice)
    if not settings.cases.only_failed:
        return chosen
    from harness.pipeline import previous  # noqa: PLC0415 - only this option reads results

    return previous.failed(chosen, settings.history, notice)


def quarantined(chosen: Sequence[Case], settings: CaseSettings, notice: Notice = ignore) -> list[Case]:
    """Return the cases, those in quarantine with the reason.

    Raises:
        UsageError: the list of cases in quarantine cannot be read.
    """
    folders = read_folders(settings)
    return quarantine.marked(chosen, settings, folders[0] if folders else None, notice)


def find_suite(settings: CaseSettings) -> Suite | None:
    """Return the suite in the folder of the settings; None if there are specs.

    Raises:
        UsageError: the folder has both, or configs are given and no suite.
    """
    if not settings.specs and not settings.suite_configs:
        return None
    return suite_selection.find(settings, spec_folders(settings))


def cases_of_suite(settings: Settings, suite: Suite, notice: Notice) -> list[Case]:
    """Return the selected cases of a suite: by its configs, or else by targets, as specs.

    Raises:
        UsageError: nothing is selected, or a config or a case is invalid.
    """
    return (
        suite_selection.cases(settings, suite, notice) if suite.format.HAS_CONFIGS else _cases_of_specs(settings, suite)
    )


def check_pinned(settings: RunSettings, chosen: Sequence[Case]) -> None:
    """Raise UsageError if pinned defaults do nothing for any case."""
    backends = dict.fromkeys(case.target.backend for case in chosen)
    if settings.pin_defaults and not any(map(flags.has_changed_defaults, backends)):
        found = " and ".join(backends)
        raise UsageError(f"--pin-defaults has no effect for {found}: no default of its flags changed; remove it.")


def _cases_of_specs(settings: Settings, suite: Suite | None = None) -> list[Case]:
    """Return the selected cases of specs, or of a suite without configs."""
    asked = [selectors.parse(each) for each in settings.cases.selectors]
    wanted = targets.targets(targets.emulated(_target(settings.target, asked), settings), gpus_of(settings))
    backend = wanted[0].backend
    if not (settings.release.find_links or settings.release.wheels or settings.run.tools):
        targets.check_known(_target(settings.target, asked), backend)
    specs = suite_selection.specs(settings.cases, suite) if suite else _specs(settings, backend)
    selected = targets.cases(specs, wanted)
    if not selected:
        raise UsageError(_no_case(specs, wanted))
    selected = _of_ids(selected, asked, suite)
    text = settings.cases.id_contains
    chosen = [case for case in selected if not text or text in case.id]
    if not chosen:
        raise UsageError(f"-k {text}: no selected case has this in its id; see `harness list`.")
    return chosen


def _no_case(specs: Sequence[ModelSpec], wanted: Sequence[Target]) -> str:
    """Return the message for targets that no spec is for."""
    others = Counter(str(Target(backend=spec.backend, chip=spec.chip)) for spec in specs).items()
    known = " and ".join(f"{count} {'is' if count == 1 else 'are'} for {other}" for other, count in others)
    options = "--backend, --chip or --compile-chip" if any(spec.chip for spec in specs) else "--backend"
    asked = " or ".join(map(str, wanted)) if any(spec.chip for spec in specs) else wanted[0].backend
    return f"No selected spec is for the backend {asked}, but {known}; choose one with {options}."


def _marked(chosen: Sequence[Case], text: str) -> list[Case]:
    """Return the cases whose spec has markers for which an expression holds.

    Raises:
        UsageError: it is not valid, or there are none.
    """
    try:
        expression = Expression(text)
    except ValueError as error:
        raise UsageError(f"-m {text}: {error}.") from error
    if found := [case for case in chosen if expression.matches(case.spec.markers)]:
        return found
    known = {marker for case in chosen for marker in case.spec.markers}
    remark = expression.unknown(known) or "no selected case has such markers"
    raise UsageError(f"-m {text}: {remark.removesuffix('.')}{'' if remark.endswith('?') else '.'}")


def _target(settings: TargetSettings, asked: Sequence[Selector]) -> TargetSettings:
    """Return the target of the settings, else that of the selectors: a case id and a spec file have a backend.

    Raises:
        UsageError: the selectors are for several backends.
    """
    backends = dict.fromkeys(each.backend for each in asked if each.backend)
    if len(backends) > 1 and not settings.backend:
        raise UsageError(f"The selectors are for several backends ({', '.join(backends)}); select those of one.")
    if not backends or settings.backend or settings.chips or settings.compile_chips:
        return settings
    chips = dict.fromkeys(each.chip for each in asked if each.chip)
    return replace(settings, backend=next(iter(backends)), chips=tuple(chips))


def _of_ids(selected: Sequence[Case], asked: Sequence[Selector], suite: Suite | None) -> list[Case]:
    """Return the selected cases without those that only share a spec with a case that is selected by its id.

    Raises:
        UsageError: no case has an id that is selected.
    """
    ids = {each.text for each in asked if each.is_id}
    if missing := sorted(ids - {case.id for case in selected}):
        near = ", ".join(sorted({case.id for case in selected})[:_SHOWN])
        raise UsageError(f"{missing[0]}: no such case; with these options there are {near}.")
    names = {each.name for each in asked if each.is_id}
    others = [each for each in asked if not each.is_id]
    return [
        case
        for case in selected
        if case.id in ids or case.spec.name not in names or any(_selects(each, case.spec, suite) for each in others)
    ]


def _selects(selector: Selector, spec: ModelSpec, suite: Suite | None) -> bool:
    return suite.selects(selector, spec.name) if suite else selects(selector, spec.path)


def _specs(settings: Settings, backend: Backend) -> list[ModelSpec]:
    """Return the selected specs, and one for each program among the selectors."""
    asked = settings.cases
    named = [each for each in asked.selectors if not inline.is_bare(each)]
    programs = list(dict.fromkeys(Path(each) for each in asked.selectors if inline.is_bare(each)))
    if (given := program_words(asked.program)) and not programs:
        raise UsageError(f"{given[0]} is only for a program, PATH.mlir or PATH.onnx; a spec has a field for it.")
    where = spec_folders(asked) if named else None
    sku = asked_sku(settings.target, backend)
    found = reader.load_all(select(where, tuple(named)), where, sku=sku) if where else []
    specs = [*found, *(_of_program(path, settings, backend) for path in programs)]
    _check_names(specs)
    return specs


def _check_names(specs: Sequence[ModelSpec]) -> None:
    """Refuse two files of one name: their cases would have one id, and one folder of results."""
    first: dict[tuple[str, Backend], ModelSpec] = {}
    for each in specs:
        other = first.setdefault((each.name, each.backend), each)
        if other is not each:
            raise UsageError(f"{each.path} has the name {each.name}, as {other.path} has; rename it, or run it alone.")


def asked_sku(settings: TargetSettings, backend: Backend) -> str | None:
    """Return the SKU whose tuning specs must exist: the one of the settings, if the backend has SKUs."""
    return settings.sku if backend is Backend.ROCM else None


def read_folders(settings: CaseSettings) -> tuple[Path, ...]:
    """Return the folders that the selected specs are read from."""
    if all(map(inline.is_bare, settings.selectors)):
        return ()
    where = spec_folders(settings)
    return tuple(filter(None, (where.specs, where.external_files)))


def _of_program(path: Path, settings: Settings, backend: Backend) -> ModelSpec:
    if not path.is_file():
        raise UsageError(f"{path}: no such program; expected the path of an .mlir or .onnx file.")
    document = inline.document(str(path), settings.cases.program, backend, oracle=settings.run.oracle)
    own = Folders(path.absolute().parent, allowed=(Path("/"),), trust_flags=True)  # the user names all of it
    return reader.of_document(path, own, backend, document)


def gpus(settings: TargetSettings) -> tuple[Gpu, ...]:
    """Return the GPUs of this machine that may be used.

    Raises:
        UsageError: the settings name one that does not exist.
    """
    return targets.selected_gpus(settings, devices.gpus())


def gpus_of(settings: Settings) -> tuple[Gpu, ...]:
    """Return the GPUs of this machine that a run may use; none with an emulator."""
    return () if settings.run.emulator else gpus(settings.target)


def gpus_for(chosen: Sequence[Case], here: Sequence[Gpu]) -> tuple[Gpu, ...]:
    """Return the GPUs on which some case runs; a container gets no others.

    For Vulkan these are NVIDIA's, which need their vendor's libraries, and all that have a device file for rendering.
    """
    vendors = {Backend.ROCM: Vendor.AMD, Backend.CUDA: Vendor.NVIDIA, Backend.VULKAN: Vendor.NVIDIA}
    wanted = {vendors.get(case.target.backend) for case in chosen if not case.is_compile_only}
    rendering = devices.render_nodes() if needs_vulkan(chosen) else ()
    return (*(gpu for gpu in here if gpu.vendor in wanted), *rendering)


def needs_vulkan(chosen: Sequence[Case]) -> bool:
    """Return whether some case runs on a device of Vulkan."""
    return any(case.target.backend is Backend.VULKAN and not case.is_compile_only for case in chosen)
