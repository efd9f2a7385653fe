from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.cli import quoted_settings
from harness.core.errors import UsageError
from harness.core.settings import Settings
from harness.core.statuses import Kind, Status
from harness.report import again
from tests.unit.command_lines import invocation
from tests.unit.report.test_again import QUOTED
from tests.unit.reports import outcome, report


def quoted(*given: str, case: dict[str, Any] | None = None, **environment: Any) -> Settings:
    facts = {"engine": "local", **environment}
    found = outcome(**{"release": "3.13.0", **(case or {})})
    now = invocation("repro", "results", "tiny/clip", "-o", "x", *given).settings
    return quoted_settings.quoted(found, replace(report(found), environment=facts), now)


def test_what_a_run_was_asked_is_read_again() -> None:
    settings = quoted(options=["--timeout", "7", "--verdict", "iree-run-module", "--gpu", "1", "--out", "/x"])
    assert settings.cases.selectors == ("tiny/clip",)
    assert (settings.release.name, settings.container.engine) == ("3.13.0", "local")
    assert (settings.run.timeout_s, settings.run.tool_verdict, settings.run.out) == (7, True, None)
    assert settings.target.gpus == ()


def test_a_timeout_is_repeated_with_the_same_limit() -> None:
    case = {"status": Status.FAILED, "kind": Kind.TIMEOUT}
    assert quoted(case=case, options=["--timeout", "7"]).run.timeout_s == 7


def test_the_image_and_the_engine_are_those_of_the_run() -> None:
    image = {"image": "cpu", "digest": None}
    container = quoted(engine="container", container_engine={"name": "podman"}, image=image).container
    assert (container.engine, container.image) == ("podman", "cpu")


def test_a_run_with_installed_tools_has_no_release() -> None:
    settings = quoted(command="run", options=["--toolchain", "/opt/iree"])
    assert settings.run.tools is not None
    assert settings.run.tools.folder == Path("/opt/iree")


def test_a_program_is_read_with_its_options() -> None:
    case = {"path": "my/model.mlir"}
    settings = quoted(case=case, program=["--function=f", "--input=4xf32=2"])
    assert settings.cases.selectors == ("my/model.mlir",)
    assert (settings.cases.program.function, settings.cases.program.inputs) == ("f", ("4xf32=2",))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--specs", "/elsewhere"),
        ("--specs", "../.."),
        ("--external-files", "/elsewhere"),
        ("--allow-path", "/"),
        ("--find-links", "https://host/evil"),
        ("--wheels", "wheels"),
        ("--run-wrapper", "rm -rf"),
    ],
)
def test_what_could_do_harm_has_to_be_named_again(option: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"The case ran with {option} .*add this option, if you trust them"):
        quoted(options=[option, value])
    instead = str(tmp_path) if option in {"--specs", "--external-files"} else value
    quoted(option, instead, options=[option, value])


def test_a_config_outside_of_the_folder_has_to_be_allowed() -> None:
    with pytest.raises(UsageError, match="The case ran with --allow-path /elsewhere/c"):
        quoted(case={"config": "/elsewhere/c.json"})
    settings = quoted("--allow-path", "/elsewhere", case={"config": "/elsewhere/c.json"})
    assert settings.cases.suite_configs == (Path("/elsewhere/c.json"),)


def test_folders_below_the_current_one_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert quoted(options=["--specs", "models"]).cases.specs == Path("models")
    assert not quoted(options=["--specs", "models", "--trust-flags"]).cases.trust_flags
    assert quoted("--trust-flags", options=["--specs", "models"]).cases.trust_flags


@pytest.mark.parametrize("part", QUOTED)
def test_every_option_that_results_quote_is_known(part: str) -> None:
    plain = invocation("quality", "tiny").settings
    for name, value in QUOTED[part].items():
        facts = again.facts(replace(plain, **{part: replace(getattr(plain, part), **{name: value})}))
        try:
            quoted(**{each: facts[each] for each in ("options", "place", "program") if each in facts})
        except UsageError as error:
            assert "which no run has" not in str(error)  # noqa: PT017 - others have to be named again


def test_where_images_come_from_is_not_taken_from_results() -> None:
    words = ["--containers", "/elsewhere", "--debian-mirror", "http://evil", "--wheel-index", "http://evil"]
    container = quoted(options=words, container_engine={"name": "docker"}).container
    assert (container.definitions, container.debian_mirror, container.wheel_index) == (None, None, None)


@pytest.mark.parametrize("word", ["--help", "--version", "--only-failed", "-h", "--junit-xml=x"])
def test_other_options_are_refused(word: str) -> None:
    with pytest.raises(UsageError, match="The results quote the option -"):
        quoted(options=[word])


def test_the_folders_that_may_be_copied_from(tmp_path: Path) -> None:
    given = invocation("repro", "r", "c", "-o", "x", "--allow-path", str(tmp_path)).settings
    found = list(quoted_settings.folders(quoted().cases, given))
    assert found[:2] == [Path.cwd(), tmp_path]
    assert found[2].name == "quality_tests"
