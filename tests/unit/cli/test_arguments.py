import argparse
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness import __version__
from harness.cli.arguments import invocation, parser
from harness.cli.main import main
from harness.core.errors import UsageError
from tests.unit import command_lines

COMMANDS = ["quality", "run", "plan", "list", "fetch", "lock", "validate", "doctor"]


def parsed(*argv: str, environment: Mapping[str, str] | None = None) -> argparse.Namespace:
    command = [] if argv and argv[0] in COMMANDS else ["quality"]
    return command_lines.parsed(*command, *argv, environment=environment)


def refused(capsys: pytest.CaptureFixture[str], *argv: str, environment: Mapping[str, str] | None = None) -> str:
    """Return what argparse says before it exits with 2."""
    with pytest.raises(SystemExit) as caught:
        parsed(*argv, environment=environment)
    assert caught.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_a_usage_error_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"], {"BACKEND": "gpu"}) == 2
    assert capsys.readouterr().err == "error: BACKEND=gpu: no such backend; expected one of cpu, rocm, cuda.\n"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ("--timeout abc", "argument --timeout: 'abc' is no number of seconds above 0"),
        ("--timeout 0", "argument --timeout: '0' is no number of seconds above 0"),
        ("--timeout -5", "argument --timeout: '-5' is no number of seconds above 0"),
        ("--timeout nan", "argument --timeout: 'nan' is no number of seconds above 0"),
        ("--timeout inf", "argument --timeout: 'inf' is no number of seconds above 0"),
        ("--jobs 0", "argument --jobs: '0' is no whole number of at least 1"),
        ("--jobs 1.5", "argument --jobs: '1.5' is no whole number of at least 1"),
        ("--jobs many", "argument --jobs: 'many' is no whole number of at least 1"),
        ("--gpu all", "argument --gpu: 'all' is no list of GPUs; expected numbers such as 0 or 0,2"),
        ("--gpu 0,", "argument --gpu: '0,' is no list of GPUs"),
        ("--gpu=-1", "argument --gpu: '-1' is no list of GPUs"),
        ("validate --gpu 0", "unrecognized arguments: --gpu"),
        ("--backend gpu", "argument --backend: invalid choice: 'gpu'"),
        ("--verdict mine", "argument --verdict: invalid choice: 'mine'"),
        ("--engine lxc", "argument --engine: invalid choice: 'lxc'"),
        ("--compile", "unrecognized arguments: --compile"),
        ("run --iree 3.0.0", "unrecognized arguments: --iree"),
        ("validate --chip gfx942", "unrecognized arguments: --chip"),
        ("--wrapper=x", "unrecognized arguments: --wrapper=x"),
    ],
)
def test_a_wrong_command_line(capsys: pytest.CaptureFixture[str], argv: str, message: str) -> None:
    assert message in refused(capsys, *argv.split())


def test_a_wrapper_with_an_open_quote(capsys: pytest.CaptureFixture[str]) -> None:
    assert "argument --run-wrapper" in refused(capsys, "--run-wrapper", "prof 'a")
    assert parsed("--run-wrapper", "prof -o 'a b' --").run_wrapper == ["prof", "-o", "a b", "--"]


def test_numbers() -> None:
    found = parsed("--timeout", "2.5", "--jobs", "3")
    assert (found.timeout, found.jobs) == (2.5, 3)
    assert (parsed().timeout, parsed().jobs) == (1200, None)


def test_folders_from_the_environment() -> None:
    environment = {"IREE_TEST_FILES": "/files", "TEST_OUTPUT_ARTIFACTS": "/artifacts"}
    found = parsed(environment=environment)
    assert (found.store, found.out) == (Path("/files"), Path("/artifacts"))
    found = parsed("--store", "/s", "--out", "/o", environment=environment)
    assert (found.store, found.out) == (Path("/s"), Path("/o"))
    for empty in ({}, dict.fromkeys(environment, "")):
        found = parsed(environment=empty)
        assert (found.store.name, found.out) == ("iree-quality-harness", None)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_selectors_and_explains_itself(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert parsed(command, "sd3", "tiny/*").selectors == ["sd3", "tiny/*"]
    assert not parsed(command).selectors
    with pytest.raises(SystemExit) as caught:
        parsed(command, "--help")
    assert caught.value.code == 0
    assert "SELECTOR" in capsys.readouterr().out


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parser({}).parse_args(["--version"])
    assert (caught.value.code, capsys.readouterr().out) == (0, f"{__version__}\n")


def test_mirrors_of_the_command_line_come_before_those_of_the_environment() -> None:
    environment = {"HARNESS_MIRRORS": "https://a=http://m/2  https://b=http://m/3"}
    options = invocation(["fetch", "--mirror", "https://a=http://m/1"], environment).settings.fetch
    assert [(each.prefix, each.url) for each in options.mirrors] == [
        ("https://a", "http://m/1"),
        ("https://a", "http://m/2"),
        ("https://b", "http://m/3"),
    ]


@pytest.mark.parametrize("text", ["https://a", "a=http://m", "https://a=m", "https://a=ftp://m", "="])
def test_what_is_no_mirror_is_named(capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert "expected PREFIX=URL, as in https://" in refused(capsys, "fetch", "--mirror", text)
    with pytest.raises(UsageError, match=r"HARNESS_MIRRORS: .* is no mirror; expected PREFIX=URL"):
        invocation(["fetch"], {"HARNESS_MIRRORS": text})


@pytest.mark.parametrize(
    ("value", "is_locked"), [(None, False), ("", False), ("false", False), ("true", True), ("1", True)]
)
def test_ci_takes_only_what_is_locked(value: str | None, *, is_locked: bool) -> None:
    environment = {} if value is None else {"CI": value}
    assert parsed("quality", environment=environment).locked is is_locked
    assert parsed("quality", "--no-locked", environment=environment).locked is False
    assert parsed("fetch", "--locked", environment=environment).locked is True


def test_a_grant_of_the_environment_is_shown_nowhere() -> None:
    environment = {"AZURE_STORAGE_ACCOUNT": "account", "AZURE_STORAGE_SAS_TOKEN": "?sv=1&sig=s1gnature"}
    options = invocation(["fetch"], environment).settings.fetch
    (grant,) = options.grants
    assert (grant.prefix, grant.token) == ("https://account.blob.core.windows.net", "sv=1&sig=s1gnature")
    assert "s1gnature" not in repr(options)
