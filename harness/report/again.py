"""Makes the commands that repeat a run or one of its cases, from the settings or from what results quote of them.

Results quote the settings in `environment` as words of a command line: `prefix`, `program`, `compile_chips`, `place`
and `options`. The target and the release are with each case.
"""

import contextlib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.core import numerals
from harness.core.outcomes import Outcome, Report
from harness.core.settings import DEFAULT_TIMEOUT_S, ProgramSettings, Settings, default_store
from harness.core.statuses import Kind
from harness.core.text import command
from harness.core.urls import redacted

_QUALITY = ("harness", "quality")
_RUN = ("harness", "run")
_BISECT = ("harness", "bisect")
_FOR_RUNS = {"--run-wrapper", "--verdict", "--oracle"}


def facts(settings: Settings) -> dict[str, Any]:
    """Return what results quote of the settings, so that every case can be repeated."""
    target = settings.target
    found = {
        "command": "run" if settings.run.tools else None,
        "prefix": list(settings.command),
        "program": program_words(settings.cases.program),
        "options": _options(settings),
        "place": list(_place(settings)),
        "compile_chips": [chip for chip in target.compile_chips if chip not in target.chips],
    }
    return {name: value for name, value in found.items() if value}


def search_command(settings: Settings, *, has_configs: bool = False) -> str:
    """Return the command that tests the cases of a search once, without its `--iree`.

    Args:
        settings: the settings of the search.
        has_configs: whether the cases are those of configs of a suite; the environment may name some for others.
    """
    settings = replace(settings, run=replace(settings.run, out=None))  # that is the folder of the search
    configs = settings.cases.suite_configs or settings.cases.default_suite_configs
    target = (
        *_words("--suite-config", configs if has_configs else ()),
        *_word("--backend", settings.target.backend),
        *_words("--chip", settings.target.chips),
        *_words("--compile-chip", settings.target.compile_chips),
    )
    program = program_words(settings.cases.program)
    narrowed = (*_word("-k", settings.cases.id_contains), *_word("-m", settings.cases.markers))
    words = (*settings.cases.selectors, *narrowed, *program, *target, *_options(settings), *_place(settings))
    return command([*settings.command, *words])


def exact_command(settings: Settings) -> str:
    """Return the command that runs what settings select, with their release, and records nothing in a history."""
    target = settings.target
    words = (
        *settings.cases.selectors,
        *_words("--suite-config", settings.cases.suite_configs),
        *_word("--backend", target.backend),
        *_words("--chip", target.chips),
        *_words("--compile-chip", target.compile_chips),
        *_word("--iree", None if settings.run.tools else settings.release.name),
        *_place(settings),
        *_options(settings),
        *(("--offline",) if settings.fetch.offline else ()),
        "--no-history",
    )
    return command([*settings.command, *words])


def case_command(outcome: Outcome, report: Report) -> str:
    """Return the command that repeats a case, in the same image if it was for a container."""
    return CaseCommands(report).of(outcome)


class CaseCommands:
    """Makes the commands that repeat cases of a report, of which many have the same options."""

    def __init__(self, report: Report) -> None:
        """Make none yet."""
        self._report = report
        self._options: dict[tuple[object, ...], str] = {}

    def of(self, outcome: Outcome) -> str:
        """Return the command that repeats a case, in the same image if it was for a container."""
        target = (outcome.config, outcome.backend, outcome.chip)
        key = (*target, outcome.release, outcome.variant, outcome.kind is Kind.TIMEOUT)
        if (options := self._options.get(key)) is None:
            options = self._options[key] = command(_case_options(outcome, self._report))
        selector, program = _selected(outcome, self._report)
        words = command([*_prefix(self._report), *selector, *program])
        return f"{words} {options}" if options else words


def case_commands(outcomes: Sequence[Outcome], report: Report) -> list[str]:
    """Return the commands that repeat cases: one for all that have the same target and release."""
    groups: dict[tuple[str, ...], dict[str, None]] = {}
    for outcome in outcomes:
        selector, program = _selected(outcome, report)
        groups.setdefault((*program, *_case_options(outcome, report)), {}).update(dict.fromkeys(selector))
    return [command([*_prefix(report), *cases, *words]) for words, cases in groups.items()]


def search_of_case(outcome: Outcome, report: Report) -> str:
    """Return the command that finds the release since which a case fails, each release in an image of its own."""
    asked = report.environment
    selector, program = _selected(outcome, report)
    options = (*_target(outcome, report), *asked.get("place", ()), *_without(asked.get("options", ()), ["--out"]))
    return command([*_BISECT, *selector, *program, *options])


def _selected(outcome: Outcome, report: Report) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the words that select a case, and those that stand in for its spec if it is of a bare program."""
    if outcome.path.endswith((".mlir", ".onnx")):
        return (), (outcome.path, *report.environment.get("program", ()))
    return (f"{outcome.model}/{outcome.submodel}",), ()


def _prefix(report: Report) -> Sequence[str]:
    asked = report.environment
    return _RUN if asked.get("command") == "run" else asked.get("prefix", _QUALITY)


def exact_options(outcome: Outcome, report: Report) -> list[str]:
    """Return the options with which a case ran, with its own limit of time also if that was too short."""
    bare = report.environment.get("program", ()) if outcome.path.endswith(".mlir") else ()
    return [*bare, *_case_options(outcome, report, patience=1)]


def _case_options(outcome: Outcome, report: Report, *, patience: int = 2) -> Iterator[str]:
    asked = report.environment
    yield from _target(outcome, report)
    yield from _word("--iree", None if _prefix(report) == _RUN else outcome.release)
    chosen = outcome.variant.options if outcome.variant else ()
    image = None if "--image" in chosen else _known(asked, "image", "digest") or _known(asked, "image", "image")
    place = (*_word("--engine", _known(asked, "container_engine", "name")), *_word("--image", image))
    words = (*(place or asked.get("place", ())), *asked.get("options", ()))
    words = (*_without(words, chosen[:1]), *chosen)
    yield from _fitting(words, outcome, compiled=_is_only_compiled(outcome, report), patience=patience)


def _is_only_compiled(outcome: Outcome, report: Report) -> bool:
    return outcome.chip in report.environment.get("compile_chips", ())


def _target(outcome: Outcome, report: Report) -> Iterator[str]:
    """Yield the options for the target of a case, which a config of a suite has."""
    compiled = _is_only_compiled(outcome, report)
    if outcome.config:
        yield from ("--suite-config", outcome.config)
        yield from _word("--compile-chip", outcome.chip if compiled else None)
    else:
        yield from _word("--backend", outcome.backend)
        yield from _word("--compile-chip" if compiled else "--chip", outcome.chip)


def _known(environment: Mapping[str, Any], *names: str) -> str | None:
    """Return what an environment says below some names; None if it says nothing, or is of another shape."""
    found: Any = environment
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return None if found is None else str(found)


def _without(words: Sequence[str], options: Sequence[str]) -> list[str]:
    """Return words without these options and their values."""
    left, each = [], iter(words)
    for word in each:
        if word in options:
            next(each, None)
        else:
            left.append(word)
    return left


def _fitting(words: Sequence[str], outcome: Outcome, *, compiled: bool, patience: int) -> Iterator[str]:
    """Yield the options for a case: none of runs if it is only compiled, and more time if that was too short."""
    each, limit_s = iter(words), DEFAULT_TIMEOUT_S
    for word in each:
        if word == "--timeout":
            with contextlib.suppress(ValueError):  # results may come from anywhere
                limit_s = numerals.finite(next(each, ""))
        elif word in _FOR_RUNS and compiled:
            next(each, None)
        else:
            yield word
    limit_s *= patience if outcome.kind is Kind.TIMEOUT else 1
    yield from ("--timeout", f"{limit_s:g}") if limit_s != DEFAULT_TIMEOUT_S else ()


def program_words(program: ProgramSettings) -> list[str]:
    """Return the options that were given for a bare `.mlir` or `.onnx` file."""
    thresholds = [f"{element}={number}" for element, number in program.thresholds]
    given: Mapping[str, Sequence[str | None]] = {
        "--compiler-flag": program.compiler_flags,
        "--function": (program.function,),
        "--input": program.inputs,
        "--expected-output": program.expected_outputs,
        "--threshold": thresholds,
        "--weights": (program.weights,),
        "--seed": () if program.seed is None else (str(program.seed),),
        "--dim": [f"{name}={size}" for name, size in program.dimensions],
    }
    return [f"{option}={value}" for option, values in given.items() for value in values if value]


def _options(settings: Settings) -> list[str]:
    """Return the options for all cases, without the target, the release, the engine and the image."""
    return [
        *_selected_options(settings),
        *_release_options(settings),
        *_run_options(settings),
        *_image_options(settings),
        *_fetch_options(settings),
    ]


def _selected_options(settings: Settings) -> Iterator[str]:
    cases, target = settings.cases, settings.target
    yield from _word("--specs", cases.specs)
    yield from _word("--external-files", cases.external_files)
    yield from _words("--allow-path", cases.allow_paths)
    yield from ("--trust-flags",) if cases.trust_flags else ()
    yield from _word("--quarantine", cases.quarantine)
    yield from ("--compile-only",) if target.compile_only else ()
    yield from _word("--sku", target.sku)
    yield from _word("--gpu", ",".join(map(str, target.gpus)))


def _release_options(settings: Settings) -> Iterator[str]:
    release, tools = settings.release, settings.run.tools
    yield from _words("--find-links", [redacted(each) if "://" in each else each for each in release.find_links])
    yield from _words("--wheels", release.wheels)
    yield from _word("--toolchain", tools.folder if tools else None)


def _run_options(settings: Settings) -> Iterator[str]:
    run, container = settings.run, settings.container
    yield from _word("--run-wrapper", shlex.join(run.run_wrapper))
    yield from _word("--emulator", run.emulator)
    yield from _word("--emulator-root", run.emulator_root)
    yield from _word("--pin-defaults", run.pin_defaults)
    yield from ("--recompile",) if run.recompile else ()
    yield from _words("--cap", container.capabilities)
    yield from _word("--memory", container.memory_bytes)
    yield from _word("--verdict", "iree-run-module" if run.tool_verdict else None)
    yield from _word("--oracle", run.oracle)
    yield from _word("--importer", run.importer)
    yield from _word("--timeout", run.timeout_s if run.timeout_s != DEFAULT_TIMEOUT_S else None)
    yield from _word("--out", run.out)


def _image_options(settings: Settings) -> Iterator[str]:
    container = settings.container
    if container.engine == "local" or settings.cluster.is_used:
        return  # the environment may name an index of wheels, which no command takes then
    yield from _word("--containers", container.definitions)
    yield from _word("--debian-mirror", redacted(container.debian_mirror or ""))
    yield from _word("--wheel-index", redacted(container.wheel_index or ""))


def _fetch_options(settings: Settings) -> Iterator[str]:
    fetch = settings.fetch
    yield from _word("--store", fetch.store if fetch.store != default_store() else None)
    yield from _words("--mirror", [f"{redacted(each.prefix)}={redacted(each.url)}" for each in fetch.mirrors])


def _place(settings: Settings) -> Iterator[str]:
    engine, cluster = settings.container.engine, settings.cluster
    if cluster.is_used:
        yield from (
            ("--cluster", f"local:{cluster.workers}") if cluster.workers else ("--scheduler", str(cluster.scheduler))
        )
        yield from _word("--certificates", cluster.certificates)
        return
    yield from _word("--engine", None if engine == "auto" else engine)
    yield from _word("--image", settings.container.image)


def _word(option: str, value: object) -> Iterator[str]:
    """Yield an option and its value, or nothing if there is no value."""
    if value not in {None, ""}:
        yield from (option, str(value))


def _words(option: str, values: Sequence[object]) -> Iterator[str]:
    for value in values:
        yield from (option, str(value))
