"""The workflows: their scripts are executed with stand-ins for `nox` and `harness`, which note how they are called.

Also what has to be the same in several files: versions of tools, and of the hooks of pre-commit.
"""

import argparse
import ast
import configparser
import functools
import re
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from harness.containers import definitions
from tests.unit.command_lines import parsed

ROOT = Path(__file__).parents[2]
PATHS = sorted((ROOT / ".github/workflows").glob("*.yml"))
DIGEST = "ghcr.io/owner/repo/iree-quality@sha256:" + 64 * "0"
# What GitHub puts in the place of expressions, by the name of the variable.
VALUES = {
    "IMAGE": "rocm",
    "IREE": "3.13.0",
    "REGISTRY": "ghcr.io/Owner/Repo",
    "REFERENCE": DIGEST,
    "BACKEND": "rocm",
    "TARGET": "gfx942",
    "SELECTORS": "sd3/* tiny",
    "STORE": "store",
    "CACHED": "true",
    "CASE": "sd3/clip",
    "GOOD": "3.6.0",
    "BAD": "3.13.0",
    "TAG": "v1.2.3",
    "EMULATOR": "rocjitsu",
}
FORK = {"BACKEND": "cpu", "TARGET": "cpu", "REFERENCE": "", "IREE": ""}
PIN = re.compile(r"[\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
# What a job may do beyond reading.
MAY_WRITE: dict[str, set[str]] = {"quality: image": {"packages"}, "release: publish": {"attestations", "id-token"}}
# The sessions of nox that call other tools than `harness`.
OF_DEVELOPERS = {"audit", "coverage", "docs", "lint", "pins", "tests"}
STAND_IN = f"""#!/bin/sh
printf '%s\\n' "${{0##*/}}" "$@" '' >> "$NOTES"
echo {DIGEST}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A `run:` block, with the names that its step, job and workflow put into its environment."""

    name: str
    text: str
    variables: frozenset[str]


@functools.cache
def workflow(path: Path) -> Mapping[Any, Any]:
    return dict(yaml.safe_load(path.read_text()))


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in PATHS:
        for name, job in workflow(path)["jobs"].items():
            yield f"{path.stem}: {name}", job


def scripts() -> Iterator[Script]:
    for path in PATHS:
        whole = workflow(path)
        for job in whole["jobs"].values():
            for step in job["steps"]:
                if "run" in step:
                    variables = frozenset().union(*(each.get("env", {}) for each in (whole, job, step)))
                    yield Script(name=f"{path.stem}: {step['name']}", text=step["run"], variables=variables)


CALLING = [each for each in scripts() if re.search(r"nox -s|\.nox/", each.text)]


def executed(script: Script, values: Mapping[str, str], folder: Path) -> list[list[str]]:
    """Return how the script calls `nox` and `harness`."""
    unknown = script.variables - VALUES.keys()
    assert not unknown, f"{script.name}: what is a value of {unknown}?"
    for name in ("bin/nox", ".nox/quality/bin/harness", ".nox/bisect/bin/harness"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(STAND_IN)
        (folder / name).chmod(0o755)
    (folder / "bin/sudo").write_text('#!/bin/sh\nexec "$@"\n')
    (folder / "bin/sudo").chmod(0o755)
    (folder / "store/modules/ab/abcd").mkdir(parents=True)
    (folder / "sd3").mkdir()
    (folder / "sd3/a_file_that_the_shell_must_not_find").touch()
    own = {name: values[name] for name in script.variables}
    places = {"PATH": f"{folder}/bin:/usr/bin:/bin", "NOTES": f"{folder}/notes", "RUNNER_TEMP": str(folder)}
    places |= {"GITHUB_OUTPUT": f"{folder}/output", "GITHUB_STEP_SUMMARY": f"{folder}/summary"}
    subprocess.run(  # as GitHub does where a workflow says `shell: bash`
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script.text],
        env={**own, **places},
        cwd=folder,
        check=True,
        timeout=60,
    )
    return [call.splitlines() for call in (folder / "notes").read_text().split("\n\n") if call]


def sessions() -> set[str]:
    """Return the sessions of noxfile.py, which imports nothing that the tests have."""
    functions = (
        each for each in ast.parse((ROOT / "noxfile.py").read_text()).body if isinstance(each, ast.FunctionDef)
    )
    return {each.name for each in functions if "nox.session" in map(ast.unparse, each.decorator_list)}


def command_lines(calls: list[list[str]]) -> Iterator[list[str]]:
    """Yield the arguments of `harness`, whether nox calls it or the script does."""
    for tool, *words in calls:
        if tool == "harness":
            yield words
            continue
        option, session, *rest = words
        assert option == "-s"
        assert session in sessions()
        assert rest[:1] in ([], ["--"])
        if session == "pins":
            assert {*rest[1:]} <= definitions.load(ROOT / "containers").keys()
        elif session in OF_DEVELOPERS:
            assert [path for path in rest[1:] if not (ROOT / path).exists()] == []
        else:
            yield [session, *rest[1:]]


@pytest.mark.parametrize("values", [VALUES, VALUES | FORK], ids=["gpu", "fork"])
@pytest.mark.parametrize("script", CALLING, ids=lambda script: script.name)
def test_what_a_workflow_calls_exists(script: Script, values: Mapping[str, str], tmp_path: Path) -> None:
    for argv in command_lines(executed(script, values, tmp_path)):
        parsed(*argv, environment={"CI": "true"})


def judged(values: Mapping[str, str], folder: Path) -> argparse.Namespace:
    (script,) = (each for each in CALLING if each.name == "quality: Test the models")
    (argv,) = command_lines(executed(script, values, folder))
    return parsed(*argv, environment={"CI": "true"})


def test_a_gpu_is_judged_in_the_image_that_was_pushed(tmp_path: Path) -> None:
    options = judged(VALUES, tmp_path)
    assert options.selectors == ["sd3/*", "tiny"]
    assert (options.image, options.backend, options.chip, options.locked) == ([DIGEST], "rocm", ["gfx942"], True)


def test_a_fork_is_judged_on_the_cpu_in_an_image_of_its_own(tmp_path: Path) -> None:
    options = judged(VALUES | FORK, tmp_path)
    assert (options.image, options.registry, options.backend, options.chip) == ([], "ghcr.io/owner/repo", "cpu", [])


def test_the_image_is_handed_on_by_its_digest(tmp_path: Path) -> None:
    (script,) = (each for each in CALLING if each.name == "quality: Push the image")
    executed(script, VALUES, tmp_path)
    name, digest = DIGEST.split("@")
    assert (tmp_path / "output").read_text() == f"reference={DIGEST}\nname={name}\ndigest={digest}\n"


@pytest.mark.parametrize(
    ("built", "section", "said"),
    [("1.2.3", "1.2.3", ""), ("1.2.4", "1.2.3", "The tag is v1.2.3, but"), ("1.2.3", "1.2.30", "has no section")],
)
def test_a_release_is_what_its_tag_says(built: str, section: str, said: str, tmp_path: Path) -> None:
    (script,) = (each for each in scripts() if each.name == "release: Compare the version with the tag")
    (tmp_path / "dist").mkdir()
    for name in (f"iree_quality_harness-{built}-py3-none-any.whl", f"iree_quality_harness-{built}.tar.gz"):
        (tmp_path / "dist" / name).touch()
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n## Unreleased\n\n## {section} (2026-12-01)\n")
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script.text],
        env={"TAG": VALUES["TAG"], "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        check=False,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert (done.returncode != 0, said in done.stdout) == (bool(said), True)


def test_a_cache_is_named_by_what_is_in_it(tmp_path: Path) -> None:
    (script,) = (each for each in CALLING if each.name == "quality: Keep the cache within bounds")
    executed(script, VALUES, tmp_path)
    assert re.fullmatch(r"modules=[0-9a-f]{16}\n", (tmp_path / "output").read_text())


@pytest.mark.parametrize("path", [*PATHS, ROOT / "docs/ci.md"], ids=lambda path: path.name)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    used = re.findall(r"uses: +(.*)", path.read_text())
    assert used
    assert [each for each in used if not PIN.fullmatch(each)] == []


def test_an_action_has_one_version_everywhere() -> None:
    text = "\n".join(path.read_text() for path in (*PATHS, ROOT / "docs/ci.md"))
    pins = {*re.findall(r"uses: +([\w-]+/[\w-]+)\S*(@.*)", text)}
    assert len(pins) == len(dict(pins))


def test_only_a_tag_publishes_and_only_in_the_environment_pypi() -> None:
    (path,) = (each for each in PATHS if each.stem == "release")
    publish = dict(jobs())["release: publish"]
    assert workflow(path)[True] == {"push": {"tags": ["v*"]}}  # YAML reads `on` so
    assert publish["environment"]["name"] == "pypi"
    assert [step for step in publish["steps"] if "run" in step] == []


def test_the_sbom_that_is_attested_is_not_published() -> None:
    build, publish = (dict(jobs())[f"release: {name}"] for name in ("build", "publish"))
    kept, got = (
        {
            step["with"]["name"]: step["with"]["path"]
            for step in job["steps"]
            if f"/{verb}-artifact@" in step.get("uses", "")
        }
        for job, verb in ((build, "upload"), (publish, "download"))
    )
    assert kept == got == {"dist": "dist", "sbom": "sbom"}
    attested = [step["with"] for step in publish["steps"] if step["uses"].startswith("actions/attest@")]
    assert attested == [{"subject-path": "dist/*"}, {"subject-path": "dist/*.whl", "sbom-path": "sbom/sbom.json"}]
    assert publish["steps"][-1]["uses"].startswith("pypa/gh-action-pypi-publish@")


def test_a_tool_has_one_version_in_all_workflows_and_hooks() -> None:
    texts = [path.read_text() for path in (*PATHS, ROOT / ".pre-commit-config.yaml")]
    pins = {*re.findall(r"([\w-]+)==([\w.]+)", "\n".join(texts))}
    assert len(pins) == len(dict(pins))


def test_hooks_have_the_versions_of_nox_lint() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    wanted = {each.name: each.specifier for each in map(Requirement, groups["lint"])}
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    hooks = [(name, version) for name, version in re.findall(r"([\w-]+)==([\w.]+)", text) if name in wanted]
    assert {name for name, _ in hooks} == {"check-jsonschema", "codespell", "ruff"}
    assert [f"{name} {version}" for name, version in hooks if version not in wanted[name]] == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_nothing_is_permitted_but_to_a_job(path: Path) -> None:
    assert workflow(path)["permissions"] == {}


@pytest.mark.parametrize(("name", "job"), list(jobs()))
def test_a_job_ends_and_only_one_may_write(name: str, job: dict[str, Any]) -> None:
    assert job["timeout-minutes"] > 0
    may_write = {scope for scope, access in job["permissions"].items() if access != "read"}
    assert may_write == MAY_WRITE.get(name, set())


@pytest.mark.parametrize(("name", "job"), list(jobs()))
def test_no_credentials_stay_in_the_checkout(name: str, job: dict[str, Any]) -> None:
    checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    expected = [] if name == "release: publish" else [False]
    assert [step["with"]["persist-credentials"] for step in checkouts] == expected


@pytest.mark.parametrize("script", list(scripts()), ids=lambda script: script.name)
def test_no_expression_becomes_part_of_a_script(script: Script) -> None:
    assert "${{" not in script.text


def test_a_pull_request_from_a_fork_pushes_nothing_and_asks_for_no_machine_of_ours() -> None:
    own, other = (f"github.event.pull_request.head.repo.full_name {sign} github.repository" for sign in ("==", "!="))
    image, quality = (dict(jobs())[f"quality: {name}"] for name in ("image", "quality"))
    assert image["if"] == f"github.event_name != 'pull_request' || {own}"
    targets = " ".join(quality["strategy"]["matrix"]["target"].split())
    assert targets.startswith(f"${{{{ fromJSON( github.event_name == 'pull_request' && {other} && '[\"cpu\"]' || ")


def test_coverage_is_measured_alike_in_what_tests_start() -> None:
    started = configparser.ConfigParser()
    started.read(ROOT / "tests" / "started.coveragerc")
    run = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["coverage"]["run"]
    assert started["run"]["omit"].split() == run["omit"]
    assert started["run"]["disable_warnings"].split() == run["disable_warnings"]
    assert (started.getboolean("run", "branch"), started.getboolean("run", "parallel")) == (
        run["branch"],
        run["parallel"],
    )
