"""The options of the pytest plugin: those of the original suite, those that select a release, and a few of our own."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli.arguments import from_environment
from harness.core.references import Oracle
from harness.core.settings import ReleaseSettings, Settings


def add(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("harness")
    group.addoption("--test-file-directory", type=Path, help="folder of specs (default: quality_tests)")
    group.addoption("--suite-config", action="append", default=[], metavar="FILE", help="config of a suite; repeatable")
    group.addoption("--external-file-directory", type=Path, help="folder of files that specs refer to by name")
    group.addoption(
        "--allow-path",
        action="append",
        default=[],
        metavar="PATH",
        help="file or folder outside the folder of specs that specs may name",
    )
    group.addoption(
        "--trust-flags",
        action="store_true",
        help="accept flags of specs that start programs, load code or write files",
    )
    group.addoption("--recompile", action="store_true", help="compile again what failed to compile before")
    help_text = "do not run again what passed before with the same module, inputs and device"
    group.addoption("--reuse-passed", action="store_true", help=help_text)
    help_text = "compare outputs for which a spec expects none with those of the same program compiled for the CPU"
    group.addoption("--oracle", type=Oracle, choices=list(Oracle), help=help_text)
    group.addoption("--no-history", action="store_true", help="do not record the run in the history of the harness")
    group.addoption("--iree", metavar="RELEASE", help="IREE release (default: the newest locked one)")
    group.addoption(
        "--find-links", action="append", default=[], metavar="URL|DIR", help="more releases: an index page or a folder"
    )
    group.addoption(
        "--wheels", action="append", default=[], metavar="DIR", help="more releases: a folder of locally built wheels"
    )


def settings(config: pytest.Config) -> Settings:
    """Return the settings in the environment and on the command line of pytest."""
    found = from_environment(os.environ)  # noqa: TID251 - an entry point, as cli.main is
    timeout_s = float(config.getoption("timeout", None) or found.run.timeout_s)
    return replace(
        found,
        cases=replace(
            found.cases,
            selectors=("*",),
            suite_configs=tuple(map(Path, config.getoption("--suite-config"))),
            specs=config.getoption("--test-file-directory"),
            external_files=config.getoption("--external-file-directory"),
            allow_paths=tuple(map(Path, config.getoption("--allow-path"))),
            trust_flags=config.getoption("--trust-flags"),
        ),
        release=ReleaseSettings(
            name=config.getoption("--iree"),
            find_links=(*config.getoption("--find-links"), *found.release.find_links),
            wheels=tuple(map(Path, config.getoption("--wheels"))),
        ),
        run=replace(
            found.run,
            timeout_s=timeout_s,
            recompile=config.getoption("--recompile"),
            reuse_passed=config.getoption("--reuse-passed"),
            oracle=config.getoption("--oracle"),
        ),
        history=replace(found.history, path=None if config.getoption("--no-history") else found.history.path),
    )
