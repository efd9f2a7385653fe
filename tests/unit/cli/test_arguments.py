import argparse
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness import __version__
from harness.cli import command_line as cli
from harness.cli.arguments import invocation, parser
from harness.cli.command_line import main
from harness.cli.command_table import COMMANDS
from harness.core.errors import UsageError
from tests.unit import command_lines

WITH_SELECTORS = ["quality", "run", "plan", "list", "fetch", "lock", "validate", "doctor", "matrix"]


def parsed(*argv: str, environment: Mapping[str, str] | None = None) -> argparse.Namespace:
    command = [] if argv and argv[0] in WITH_SELECTORS else ["quality"]
    return command_lines.parsed(*command, *argv, environment=environment)


def refused(*argv: str, environment: Mapping[str, str] | None = None) -> str:
    """Return what is wrong with a command line."""
    with pytest.raises(UsageError) as caught:
        parsed(*argv, environment=environment)
    return str(caught.value)


def test_a_usage_error_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"], {"BACKEND": "gpu"}) == 2
    assert capsys.readouterr().err == "error: BACKEND=gpu: no such backend; expected one of cpu, rocm, cuda, vulkan.\n"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ("--timeout abc", "--timeout: 'abc' is not a number of seconds above 0; see `harness quality --help`."),
        ("--timeout 0", "--timeout: '0' is not a number of seconds above 0"),
        ("--timeout -5", "--timeout: '-5' is not a number of seconds above 0"),
        ("--timeout nan", "--timeout: 'nan' is not a number of seconds above 0"),
        ("--timeout inf", "--timeout: 'inf' is not a number of seconds above 0"),
        ("--jobs 0", "--jobs: '0' is not a whole number of at least 1"),
        ("--jobs 1.5", "--jobs: '1.5' is not a whole number of at least 1"),
        ("--jobs many", "--jobs: 'many' is not a whole number of at least 1"),
        ("--gpu all", "--gpu: 'all' is not a list of GPUs; expected numbers such as 0 or 0,2"),
        ("--gpu 0,", "--gpu: '0,' is not a list of GPUs"),
        ("--gpu=-1", "--gpu: '-1' is not a list of GPUs"),
        ("validate --gpu 0", "`harness validate` has no option --gpu; see `harness validate --help`."),
        ("validate --store DIR", "`harness validate` has no option --store; see `harness validate --help`."),
        ("list --offline", "`harness list` has no option --offline; see `harness list --help`."),
        ("--backend gpu", "--backend: 'gpu': expected one of cpu, rocm, cuda"),
        ("--verdict mine", "--verdict: 'mine': expected one of harness, iree-run-module"),
        ("--engine lxc", "--engine: 'lxc': expected one of auto, container, docker, podman, apptainer, local"),
        (
            "--engine dokcer",
            "--engine: 'dokcer': expected one of auto, container, docker, podman, apptainer, local (did you mean",
        ),
        ("--compile-onyl", "`harness quality` has no option --compile-onyl (did you mean --compile-only"),
        ("run --iree 3.0.0", "`harness run` has no option --iree; see `harness run --help`."),
        ("validate --chip gfx942", "`harness validate` has no option --chip"),
        ("--wrapper=x", "`harness quality` has no option --wrapper"),
        ("--out", "--out: expected one argument; see `harness quality --help`."),
    ],
)
def test_a_wrong_command_line_is_answered_in_one_line(argv: str, message: str) -> None:
    said = refused(*argv.split())
    assert message in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ("qualty", "error: 'qualty': no such command (did you mean quality?); see `harness --help`.\n"),
        ("image bild", "error: 'bild': no such command (did you mean build?); see `harness image --help`.\n"),
        ("image", "error: the following arguments are required: COMMAND; see `harness image --help`.\n"),
        ("bisect", "error: the following arguments are required: CASE; see `harness bisect --help`.\n"),
        ("image build a b", "error: unexpected argument 'b'; see `harness image build --help`.\n"),
        (
            "list --jsn",
            "error: `harness list` has no option --jsn (did you mean --json?); see `harness list --help`.\n",
        ),
    ],
)
def test_what_is_no_command(capsys: pytest.CaptureFixture[str], argv: str, message: str) -> None:
    assert main(argv.split(), {}) == 2
    assert capsys.readouterr().err == message


def test_without_a_command_there_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([], {})
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for command in COMMANDS:
        assert f"  {command.name:<10}  {command.help}\n" in text


def helps() -> list[list[str]]:
    """Return the words that ask for the help of each command and each subcommand."""
    inner = [[command.name, each.name] for command in COMMANDS for each in command.subcommands]
    return [[], *([command.name] for command in COMMANDS), *inner]


@pytest.mark.parametrize("words", helps(), ids=" ".join)
def test_help_is_readable(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No group has more than 12 options, no option more than three lines, no line more than 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        command_lines.parsed(*words, "--help")
    text = capsys.readouterr().out
    usage, *sections = text.split("\n\n")
    assert usage.startswith(f"usage: {' '.join(['harness', *words])} ")
    assert "\n" not in usage
    assert max(map(len, text.splitlines())) <= 80
    assert max(len([line for line in each.splitlines() if line[:3].strip()]) for each in sections) <= 13


def test_a_wrapper_with_an_open_quote() -> None:
    assert "--run-wrapper" in refused("--run-wrapper", "prof 'a")
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


@pytest.mark.parametrize("command", WITH_SELECTORS)
def test_every_command_takes_selectors_and_explains_itself(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert parsed(command, "sd3", "tiny/*").selectors == ["sd3", "tiny/*"]
    assert not parsed(command).selectors
    with pytest.raises(SystemExit) as caught:
        parsed(command, "--help")
    assert caught.value.code == 0
    assert "SELECTOR" in capsys.readouterr().out


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parser({}).read(["--version"])
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
def test_what_is_no_mirror_is_named(text: str) -> None:
    assert "expected PREFIX=URL, such as https://" in refused("fetch", "--mirror", text)
    with pytest.raises(UsageError, match=r"HARNESS_MIRRORS: .* is not a mirror; expected PREFIX=URL"):
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


def test_every_command_has_a_module() -> None:
    assert {each.name for each in COMMANDS} == set(cli._COMMANDS)
