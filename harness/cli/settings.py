"""Turns a command line and the environment into typed settings, once. No other module sees the parsed command line."""

import argparse
from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path

from harness.cli import command_options
from harness.cli.argument_types import size_bytes
from harness.cli.command_options import CommandOptions
from harness.cli.given import Given
from harness.cli.history_settings import history_settings
from harness.core import urls
from harness.core.cases import Backend
from harness.core.errors import UsageError
from harness.core.history import HistorySettings
from harness.core.references import Oracle, Reference
from harness.core.search_settings import SearchSettings
from harness.core.settings import (
    ENGINES,
    BenchSettings,
    CaseSettings,
    ClusterSettings,
    ContainerSettings,
    FetchSettings,
    LocalizeSettings,
    ProgramSettings,
    ReduceSettings,
    ReleaseSettings,
    RunSettings,
    Settings,
    TargetSettings,
    ToolSettings,
)
from harness.core.values import frozen
from harness.specs import selectors

DEFAULT_SELECTOR = "tiny"
# Variables that batch systems and users set to lend only some GPUs to a process.
_VISIBLE = {"amd": "ROCR_VISIBLE_DEVICES", "nvidia": "CUDA_VISIBLE_DEVICES"}
_SOCKETS = ("DOCKER_HOST", "CONTAINER_HOST", "XDG_RUNTIME_DIR")
_CHECK_EVERYTHING = {"validate", "list", "lock", "doctor"}


@frozen
class Invocation:
    """One call of the command line, as the commands take it.

    Attributes:
        command: such as `quality` or `store`.
        subcommand: such as `gc`; empty where there is none.
        settings: what counts for most commands.
        search: what `bisect` and `matrix` search.
        bench: what `bench` times, and what with.
        localize: where `localize` and `reduce` look for a difference.
        reduce: how `reduce` makes a program smaller.
        options: those that only this command has.
        given: the options that were given with another value than their default, as argparse names them.
        environment: variables of the process.
    """

    command: str
    subcommand: str = ""
    settings: Settings
    search: SearchSettings
    bench: BenchSettings = field(default_factory=BenchSettings)
    localize: LocalizeSettings = field(default_factory=LocalizeSettings)
    reduce: ReduceSettings = field(default_factory=ReduceSettings)
    options: CommandOptions = field(default_factory=CommandOptions)
    given: frozenset[str] = frozenset()
    environment: Mapping[str, str] = field(default_factory=dict)


def invocation(parsed: argparse.Namespace, environment: Mapping[str, str]) -> Invocation:
    """Return what a parsed command line asks for.

    Raises:
        UsageError: a variable of the environment has a value that makes no sense.
    """
    given = Given(parsed, environment)
    command: str = parsed.command
    return Invocation(
        command=command,
        subcommand=given(f"{command}_command") or "",
        settings=_settings(given),
        search=_search(given),
        bench=_bench(given),
        localize=_localize(given),
        reduce=_reduce(given),
        options=command_options.read(given),
        given=given.names,
        environment=environment,
    )


def _settings(given: Given) -> Settings:
    command = given.environment.get("HARNESS_COMMAND", "").split()
    return Settings(
        cases=_cases(given),
        target=_target(given),
        fetch=_fetch(given),
        release=_release(given),
        container=_container(given),
        run=_run(given),
        cluster=_cluster(given),
        history=_history(given),
        command=tuple(command) or ("harness", "quality"),
    )


def _history(given: Given) -> HistorySettings:
    """Return where runs are recorded and exported: places of the command line, then those of the environment."""
    settings = history_settings(given("history"), given.environment, is_off=bool(given("no_history")))
    return replace(settings, exports=(*given.several("export"), *settings.exports))


def _cases(given: Given) -> CaseSettings:
    named = given.several("selectors")
    folder = selectors.folder_of_specs(named) if not given("specs") else None
    specs = given("specs") or folder
    everything = specs or given.command in _CHECK_EVERYTHING
    return CaseSettings(
        selectors=(named if not folder else ()) or (("*",) if everything else (DEFAULT_SELECTOR,)),
        specs=specs,
        external_files=given("external_files"),
        allow_paths=given.several("allow_path"),
        trust_flags=bool(given("trust_flags")),
        id_contains=given("filter"),
        markers=given("markers"),
        quarantine=given("quarantine"),
        shard=given("shard"),
        durations=given.several("durations"),
        only_failed=bool(given("only_failed")),
        suite_configs=given.several("suite_config"),
        default_suite_configs=_suite_configs(given.environment),
        program=ProgramSettings(
            compiler_flags=given.several("compiler_flag"),
            function=given("function"),
            inputs=given.several("input"),
            expected_outputs=given.several("expected_output"),
            thresholds=given.several("threshold"),
            weights=given("weights"),
            seed=given("seed") if given.command != "new" else None,
            dimensions=given.several("dim") if given.command != "new" else (),
        ),
    )


def _suite_configs(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the configs that the variable of the original suite names."""
    named = environment.get("IREE_TEST_CONFIG_FILES") or environment.get("IREE_TEST_CONFIG_FILE", "")
    return tuple(map(Path, filter(None, named.split(";"))))


def _target(given: Given) -> TargetSettings:
    backend = given("backend")
    if backend and backend not in list(Backend):  # argparse checks the choices of an option, not of its default
        raise UsageError(f"BACKEND={backend}: no such backend; expected one of {', '.join(Backend)}.")
    return TargetSettings(
        backend=Backend(backend) if backend else None,
        chips=given.several("chip"),
        compile_chips=given.several("compile_chip"),
        compile_only=bool(given("compile_only")),
        sku=given("sku"),
        gpus=given.several("gpu"),
        visible={vendor: given.environment.get(name, "") for vendor, name in _VISIBLE.items()},
        default_chip=given.environment.get("ROCM_CHIP"),
    )


def _fetch(given: Given) -> FetchSettings:
    defaults = FetchSettings()
    return FetchSettings(
        store=given("store") or defaults.store,
        store_url=given("store_url"),
        store_key=given("store_key_file"),
        cache_bytes=_cache_bytes(given) if given.has("cache_size") else None,
        mirrors=_mirrors(given) if given.has("mirror") else (),
        grants=urls.azure_grants(given.environment),
        connections=given("connections") or defaults.connections,
        offline=bool(given("offline")),
        locked=bool(given("locked")) and given.command != "lock",
        update=bool(given("update")),
    )


def _cache_bytes(given: Given) -> int | None:
    """Return the size that the cache may have, by the command line or else the environment."""
    text = given.environment.get("HARNESS_CACHE_SIZE")
    if given("cache_size") is not None or not text:
        asked: int | None = given("cache_size")
        return asked
    try:
        return size_bytes(text)
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"HARNESS_CACHE_SIZE: {error}.") from error


def _mirrors(given: Given) -> tuple[urls.Mirror, ...]:
    """Return the mirrors to ask: those of the command line, then those of the environment."""
    try:
        more = tuple(map(urls.Mirror.parse, given.environment.get("HARNESS_MIRRORS", "").split()))
    except ValueError as error:
        raise UsageError(f"HARNESS_MIRRORS: {error}.") from error
    return (*given.several("mirror"), *more)


def _release(given: Given) -> ReleaseSettings:
    reference: Reference | None = given("reference")
    name = reference.release if reference else None
    more = given.environment.get("HARNESS_FIND_LINKS", "").split() if given.has("find_links") else ()
    return ReleaseSettings(
        name=name or (given("iree") if given.command != "matrix" else None),
        find_links=(*given.several("find_links"), *more),
        wheels=given.several("wheels"),
    )


def _emulator(given: Given) -> str | None:
    return None if given("emulator") in {None, "none"} else str(given("emulator"))


def _container(given: Given) -> ContainerSettings:
    engine = given("engine") or "auto"
    if engine == "auto" and given.several("hip"):  # which are on this machine
        engine = "local"
    if engine not in ENGINES:  # argparse checks the choices of an option, not of its default
        raise UsageError(f"HARNESS_ENGINE={engine}: expected one of {', '.join(ENGINES)}.")
    variables = given.environment
    return ContainerSettings(
        engine=engine,
        image=_image(given),
        registry=given("registry"),
        definitions=given("containers"),
        debian_mirror=given("debian_mirror"),
        wheel_index=given("wheel_index"),
        capabilities=given.several("cap"),
        memory_bytes=given("memory"),
        variables={name: variables[name] for name in _SOCKETS if name in variables},
    )


def _image(given: Given) -> str | None:
    """Return the image to use: the last one that is named."""
    named = given.several("image") if given.command != "image" else ()
    return named[-1] if named else None


def _run(given: Given) -> RunSettings:
    defaults = RunSettings()
    tools = ToolSettings(folder=given("toolchain"), search_path=given.environment.get("PATH", ""))
    has_tools = given.command == "run" or (given.command == "cluster" and given("toolchain"))
    return RunSettings(
        out=given("out"),
        junit_xml=given("junit_xml"),
        html=given("html") is not False,
        timeout_s=given("timeout") or defaults.timeout_s,
        recompile=bool(given("recompile")),
        time_budget_s=given("time_budget"),
        max_failures=given("maxfail"),
        jobs=given("jobs") if given.command in {"quality", "run", "cluster"} else None,
        reuse_passed=bool(given("reuse_passed")),
        tool_verdict=given("verdict") == "iree-run-module",
        oracle=Oracle(given("oracle")) if given("oracle") else None,
        importer=given("importer") if given.command != "new" else None,
        run_wrapper=given.several("run_wrapper"),
        emulator=_emulator(given),
        emulator_root=given("emulator_root"),
        pin_defaults=given("pin_defaults"),
        tools=tools if has_tools else None,
    )


def _cluster(given: Given) -> ClusterSettings:
    return ClusterSettings(
        scheduler=given("scheduler"),
        workers=given("cluster") or 0,
        certificates=given("certificates"),
        wait_s=given("worker_wait") or ClusterSettings().wait_s,
    )


def _search(given: Given) -> SearchSettings:
    return SearchSettings(
        good=given("good"),
        bad=given("bad"),
        fix=given("find") == "fix",
        metric=given("metric"),
        any_failure=bool(given("any_failure")),
        all_changes=bool(given("all")),
        repeat=given("repeat"),
        at_least=given("at_least"),
        attribute=bool(given("attribute")),
        log=given("log"),
        replay=given("replay"),
        releases=given.several("iree") if given.command == "matrix" else (),
        over=given("over"),
        images=given.several("image") if given.command in {"bisect", "matrix"} else (),
        hips=given.several("hip"),
        show=given("show"),
        jobs=given("jobs") or 1,
    )


def _localize(given: Given) -> LocalizeSettings:
    if given.command == "localize":
        return LocalizeSettings(against=given("against"), by=given("by"), passes=bool(given("passes")))
    return LocalizeSettings(against=given("against") if given.command == "reduce" else None)


def _reduce(given: Given) -> ReduceSettings:
    return ReduceSettings(to=given("to"), seconds=given("time")) if given.command == "reduce" else ReduceSettings()


def _bench(given: Given) -> BenchSettings:
    if given.command != "bench":
        return BenchSettings()
    return BenchSettings(
        against=given("against"),
        seconds=given("time"),
        precision=given("precision"),
        fail_slower=given("fail_slower"),
        measure=given("measure"),
        timing=replace(BenchSettings().timing, repetitions=given("repetitions")),
    )
