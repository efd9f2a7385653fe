"""Makes settings of what results quote of a run. Results may come from anywhere, so what could do harm is not taken.

A folder outside of the current one, an index of wheels and a wrapper are taken only if the user names them again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from harness.cli import arguments
from harness.core.errors import UsageError
from harness.core.outcomes import Outcome, Report
from harness.core.settings import CaseSettings, ReleaseSettings, Settings, TargetSettings
from harness.core.text import command
from harness.report import again
from harness.specs import inline

# The options that results quote. All others are no options of a run, or are those of `harness repro` itself.
_OPTIONS = frozenset(
    (
        *("--specs", "--external-files", "--allow-path", "--suite-config", "--trust-flags", "--backend", "--chip"),
        *("--compile-chip", "--compile-only", "--sku", "--gpu", "--iree", "--find-links", "--wheels", "--toolchain"),
        *("--run-wrapper", "--pin-defaults", "--recompile", "--cap", "--memory", "--verdict", "--oracle", "--timeout"),
        *("--out", "--store", "--mirror", "--engine", "--image", "--compiler-flag", "--function", "--input"),
        *("--expected-output", "--threshold", "--weights", "--emulator", "--emulator-root", "--seed", "--dim"),
        *("--importer", "--quarantine", "--containers", "--debian-mirror", "--wheel-index"),
        *("--cluster", "--scheduler", "--certificates"),
    )
)


def quoted(outcome: Outcome, report: Report, given: Settings) -> Settings:
    """Return the settings with which a case ran.

    Args:
        outcome: how it ended.
        report: the results that it is of.
        given: what the user says now.

    Raises:
        UsageError: the results quote no command line, or something that the user has to name again.
    """
    words = again.exact_options(outcome, report)
    if unknown := [word for word in words if word.startswith("-") and word.partition("=")[0] not in _OPTIONS]:
        raise UsageError(f"The results quote the option {command(unknown[:1])}, which no run has; run the case again.")
    is_run = report.environment.get("command") == "run"
    found = arguments.invocation(["run" if is_run else "quality", *words], {}).settings
    is_bare = inline.is_bare(outcome.path)
    cases = replace(
        found.cases,
        selectors=(outcome.path if is_bare else f"{outcome.model}/{outcome.submodel}",),
        specs=_named("specs", found.cases.specs, given),
        external_files=_named("external_files", found.cases.external_files, given),
        allow_paths=tuple(filter(None, (_named("allow_path", each, given) for each in found.cases.allow_paths))),
        suite_configs=tuple(filter(None, (_named("suite_config", each, given) for each in found.cases.suite_configs))),
        trust_flags=given.cases.trust_flags,
        quarantine=given.cases.quarantine,
    )
    container = replace(
        found.container,
        definitions=given.container.definitions,
        debian_mirror=given.container.debian_mirror,
        wheel_index=given.container.wheel_index,
        variables=given.container.variables,
    )
    if not is_run and not report.environment.get("container_engine"):
        container = replace(container, engine="local", image=None)
    return Settings(
        cases=cases,
        target=_without_gpus(found.target),
        fetch=given.fetch,
        release=_release(found.release, given),
        container=container,
        run=replace(
            found.run,
            out=None,
            run_wrapper=_wrapper(found, given),
            emulator=given.run.emulator,
            emulator_root=given.run.emulator_root,
            tools=found.run.tools if is_run else None,
        ),
        history=given.history,
        command=given.command,
    )


def folders(cases: CaseSettings, given: Settings) -> Iterator[Path]:
    """Yield the folders whose files may be copied: the current one, and what the user named now."""
    yield Path.cwd()
    yield from filter(None, (given.cases.specs, given.cases.external_files, *given.cases.allow_paths))
    if cases.specs is None and not inline.is_bare(cases.selectors[0]):
        from harness.pipeline import selection  # noqa: PLC0415 - reads the folder of the bundled models

        yield selection.spec_folders(cases).specs


def _named(name: str, path: Path | None, given: Settings) -> Path | None:
    """Return a path that results quote: one of the current folder, or what the user names in its place."""
    own: Mapping[str, tuple[Path | None, ...]] = {
        "specs": (given.cases.specs,),
        "external_files": (given.cases.external_files,),
        "allow_path": given.cases.allow_paths,
        "suite_config": (*given.cases.suite_configs, *given.cases.allow_paths),
    }
    instead = own[name][0] if name in {"specs", "external_files"} and own[name] else None
    if instead or path is None:
        return instead or path
    real = path.resolve()
    allowed = (Path.cwd().resolve(), *(each.resolve() for each in own[name] if each))
    if any(map(real.is_relative_to, allowed)):
        return path
    option = f"--{name.replace('_', '-')}" if name != "suite_config" else "--allow-path"
    raise UsageError(_again(f"{option} {command([str(path)])}"))


def _release(found: ReleaseSettings, given: Settings) -> ReleaseSettings:
    """Return the release, with the sources of wheels that the user names now."""
    named = given.release
    for option, quoted_, own in (
        ("--find-links", found.find_links, named.find_links),
        ("--wheels", map(str, found.wheels), map(str, named.wheels)),
    ):
        if missing := [each for each in quoted_ if each not in set(own)]:
            raise UsageError(_again(f"{option} {command(missing[:1])}"))
    return replace(named, name=found.name)


def _wrapper(found: Settings, given: Settings) -> tuple[str, ...]:
    if found.run.run_wrapper not in {(), given.run.run_wrapper}:
        raise UsageError(_again(f"--run-wrapper {command([command(found.run.run_wrapper)])}"))
    return found.run.run_wrapper


def _again(option: str) -> str:
    return (
        f"The case ran with {option}. Results may come from anywhere, so this is taken only if you say so: "
        "add this option, if you trust them."
    )


def _without_gpus(target: TargetSettings) -> TargetSettings:
    """Return the target without the numbers that GPUs have on one machine."""
    return replace(target, gpus=())
