"""Selects cases of a suite: each of its cases on each target that a config is."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.core.callbacks import Notice
from harness.core.cases import Case, ModelSpec, Target
from harness.core.errors import UsageError
from harness.core.settings import CaseSettings, Settings, TargetSettings
from harness.report.again import program_words
from harness.specs import inline, selectors
from harness.specs.catalogue import Folders
from harness.specs.selectors import Selector
from harness.suites import config, reader
from harness.suites.config import Config
from harness.suites.reader import Suite

_OPTION, _VARIABLE = "--suite-config", "IREE_TEST_CONFIG_FILES"
_SHOWN = 10


def find(settings: CaseSettings, folders: Folders) -> Suite | None:
    """Return the suite in the folder of the settings; None if there are specs.

    Raises:
        UsageError: configs are given and there is no suite, or the folder has specs as well.
    """
    found = reader.find(folders) if settings.specs and not settings.is_guessed else None
    if settings.suite_configs and not found:
        expected = "pass the folder of the suite with --specs, such as iree-test-suites/onnx_ops"
        raise UsageError(f"{_OPTION} is for a suite, and {folders.specs} has no case of one; {expected}.")
    return found


def cases(settings: Settings, suite: Suite, notice: Notice) -> list[Case]:
    """Return the selected cases of a suite.

    Args:
        settings: which cases, and for which targets.
        suite: the suite.
        notice: called with remarks about the configs.

    Raises:
        UsageError: nothing is selected, or a config or a case is invalid.
    """
    check(settings.cases)
    configs = read_configs(settings.cases, suite)
    asked = [selectors.parse(each, {each.name for each in configs}) for each in settings.cases.selectors]
    for remark in suite.remarks(configs):
        notice(remark)
    wanted = list(_targets(settings.target, configs))
    if not wanted:
        have = ", ".join(f"{each.name} ({each.flags.chip or each.flags.backend})" for each in configs)
        raise UsageError(f"No config is for the backend and the chips that are asked for; there are {have}.")
    chosen = _chosen(settings.cases, suite, asked, wanted)
    found = suite.read(list(dict.fromkeys(name for name, _, _ in chosen)))
    return [Case(spec=each.applied(found[name], suite.key(name)), target=target) for name, each, target in chosen]


def specs(settings: CaseSettings, suite: Suite) -> list[ModelSpec]:
    """Return the selected cases of a suite without configs; each is a spec.

    Raises:
        UsageError: nothing is selected, a config is given, or a case is invalid.
    """
    check(settings)
    if settings.suite_configs:
        raise UsageError(f"{suite.folders.specs} is a suite ({suite.format.NAME}) without configs; remove {_OPTION}.")
    return list(suite.read(suite.selected(list(map(selectors.parse, settings.selectors)))).values())


def by_path(chosen: Sequence[Case]) -> dict[Path, list[Case]]:
    """Return cases by their files: one file has a case for each config."""
    found: dict[Path, list[Case]] = {}
    for case in chosen:
        found.setdefault(case.spec.path, []).append(case)
    return found


def read_configs(settings: CaseSettings, suite: Suite) -> list[Config]:
    """Return the configs of the settings, else those of the environment.

    Raises:
        UsageError: there is none, or one is invalid.
    """
    paths = settings.suite_configs or settings.default_suite_configs
    if not paths:
        raise UsageError(
            f"{suite.folders.specs} is a suite ({suite.format.NAME}), whose cases need a config: "
            f"name one or more with {_OPTION} FILE, or in {_VARIABLE}=FILE;FILE."
        )
    return config.read_all(paths, trust_flags=settings.trust_flags)


def check(settings: CaseSettings) -> None:
    """Raise UsageError if settings are for specs or a program."""
    if programs := [each for each in settings.selectors if inline.is_bare(each)]:
        raise UsageError(f"{programs[0]}: a program cannot be tested together with a suite; leave out --specs.")
    if given := program_words(settings.program):
        raise UsageError(f"{given[0]} is only for a program, PATH.mlir; cases of a suite have their own.")


def _targets(settings: TargetSettings, configs: Sequence[Config]) -> Iterator[tuple[Config, Target]]:
    """Yield each config that is for the backend and the chips of the settings; without any, each config."""
    for each in configs:
        runs, compiles = each.flags.chip in settings.chips, each.flags.chip in settings.compile_chips
        if settings.backend and each.flags.backend is not settings.backend:
            continue
        if runs or compiles or not (settings.chips or settings.compile_chips):
            yield each, each.target(compile_only=settings.compile_only or (compiles and not runs))


def _chosen(
    settings: CaseSettings, suite: Suite, asked: Sequence[Selector], wanted: Sequence[tuple[Config, Target]]
) -> list[tuple[str, Config, Target]]:
    """Return the selected pairs of a name and a config.

    Raises:
        UsageError: a selector or a text selects nothing.
    """
    names = suite.selected(asked)
    ids = {each.text for each in asked if each.is_id}
    by_name = {each.name for each in asked if each.is_id}
    others = [each for each in asked if not each.is_id]
    pairs = [
        (name, each, target)
        for name in names
        for each, target in wanted
        if f"{name}[{target}]" in ids or name not in by_name or any(suite.selects(other, name) for other in others)
    ]
    if missing := sorted(ids - {f"{name}[{target}]" for name, _, target in pairs}):
        near = ", ".join(f"{name}[{target}]" for name in names[:_SHOWN] for _, target in wanted)
        raise UsageError(f"{missing[0]}: no such case; with these options there are {near}.")
    text = settings.id_contains
    chosen = [each for each in pairs if not text or text in f"{each[0]}[{each[2]}]"]
    if not chosen:
        raise UsageError(f"-k {text}: no selected case has this in its id; see `harness list`.")
    return chosen
