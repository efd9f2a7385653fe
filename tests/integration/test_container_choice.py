"""Where models run, and the messages if that is not possible."""

import json
import os
import pty
import re
import select
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.containers import definitions
from harness.iree.toolchain import Toolchain
from tests.integration import rebuilt
from tests.integration.dock import NAME, Dock, Yard
from tests.integration.engines import VARIABLES
from tests.integration.laboratory import CPU_FLAGS
from tests.integration.rebuilt import OWN
from tests.integration.warm import HARNESS, ran

NOWHERE = {"DOCKER_HOST": "unix:///nonexistent/socket", "CONTAINER_HOST": "unix:///nonexistent/socket"}
# A registry that is nowhere: nothing listens at port 1.
ABSENT = f"127.0.0.1:1/base:1@sha256:{'0' * 64}"
TABLE = '[cpu]\nbase = "{base}"\npython = "/usr/bin/python3.13"\n'


@pytest.fixture
def yard(dock: Dock, yards: Callable[..., Yard]) -> Yard:
    return with_a_model(dock, yards)


@pytest.fixture
def each_yard(rootful: Dock, yards: Callable[..., Yard]) -> Yard:
    return with_a_model(rootful, yards)


def with_a_model(dock: Dock, yards: Callable[..., Yard]) -> Yard:
    yard = yards(dock)
    yard.spec()
    return yard


def test_auto_takes_a_container_where_an_engine_answers(each_yard: Yard) -> None:
    result = each_yard.run("--engine", "auto")
    assert result.verdict == (0, "passed", None), result.text
    assert result.report["environment"]["engine"] == "container"
    engine = each_yard.dock.engine
    assert f"{engine.name} {engine.api.version()['Version']}, image" in result.text


def test_an_own_build_is_judged_in_an_image_of_its_own(
    dock: Dock, yards: Callable[..., Yard], toolchain: Callable[[str], Toolchain]
) -> None:
    yard = yards(dock, can_build=True)
    yard.spec()
    commit = toolchain("3.13.0").compiler_commit  # to which an image holds the program
    rebuilt.wheels(toolchain("3.13.0"), OWN, yard.root / "own", commit=commit)
    result = yard.run("--iree", OWN, "--wheels", str(yard.root / "own"), "--offline")
    assert result.verdict == (0, "passed", None), result.text
    environment = result.report["environment"]
    reference = environment["image"]["reference"]
    dock.engine.api.remove_image(reference)
    assert environment["iree"] == {"release": OWN, "compiler_commit": commit, "runtime_commit": commit}
    assert reference.startswith(f"localhost/iree-quality:{NAME}-{OWN.replace('+', '_')}-")


def auto(yard: Yard, *options: str, command: str = "quality", **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a command that may choose where models run, outside of any container's user."""
    plain = [*HARNESS, command, *options, "--specs", str(yard.specs), "--store", str(yard.dock.store_dir)]
    places = [] if command == "doctor" else ["--engine", "auto", "--out", str(yard.out)]
    return ran([*plain, *places], env={**yard.variables, **variables}, cwd=yard.root)


def test_auto_takes_this_machine_where_none_answers(yard: Yard) -> None:
    done = auto(yard, **NOWHERE)
    assert done.returncode == 0, done.stdout + done.stderr
    named = "DOCKER_HOST=unix:///nonexistent/socket does not exist; CONTAINER_HOST=unix:///nonexistent/socket does not"
    assert done.stdout.startswith(
        f"no container: {named} exist. Models run on this machine.\nIREE 3.13.0 (89ece87b89), "
    )
    assert json.loads((yard.out / "results.json").read_text())["environment"]["engine"] == "local"


def without_an_image(yard: Yard) -> list[str]:
    (yard.containers / "images.toml").write_text(TABLE.format(base=ABSENT))
    return ["--containers", str(yard.containers)]


def test_auto_takes_this_machine_where_no_image_can_be_had(each_yard: Yard) -> None:
    done = auto(each_yard, *without_an_image(each_yard))
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if "container" in line]
    assert line.startswith("no container: Cannot pull 127.0.0.1:1/base: ")
    assert line.endswith(". Models run on this machine.")
    assert json.loads((each_yard.out / "results.json").read_text())["environment"]["engine"] == "local"


def test_a_search_chooses_once(each_yard: Yard) -> None:
    options = [*without_an_image(each_yard), "--iree", "3.12.0", "--iree", "3.13.0"]
    done = auto(each_yard, *options, command="matrix")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("no container: ") == 1


@pytest.mark.parametrize("option", [["--cap=SYS_NICE"], ["--memory=4GB"], ["--image=cpu"]])
def test_an_option_for_containers_is_not_given_in_vain(each_yard: Yard, option: list[str]) -> None:
    done = auto(each_yard, *without_an_image(each_yard), *option)
    assert done.returncode == 3
    assert "engine: The base image is missing. Cannot pull 127.0.0.1:1/base@sha256:000" in done.stdout


def test_the_doctor_looks_whether_the_image_can_be_had(each_yard: Yard) -> None:
    done = auto(each_yard, "--offline", command="doctor")
    assert done.returncode == 0
    (line,) = [line for line in done.stdout.splitlines() if line.split()[1] == "image"]
    assert re.fullmatch(r"fix +image +docker\.io/library/python@sha256:\S+ is not on this machine: models run .*", line)


@pytest.mark.parametrize("name", ["docker", "podman", "container"], ids=str.upper)
def test_an_engine_that_does_not_answer_is_an_error(yard: Yard, name: str) -> None:
    result = yard.run("--engine", name, environment=NOWHERE)
    assert result.verdict == (3, "error", "engine")
    assert "No container engine answers" in result.case["reason"]
    assert "/nonexistent/socket" in result.case["reason"]
    assert "--engine local" in result.case["reason"]
    assert result.report["environment"]["engine"] == "container"


def test_an_image_that_nobody_knows_is_a_wrong_command_line(yard: Yard) -> None:
    result = yard.run("--image", "cpu-debain")
    assert result.code == 2
    known = ", ".join(definitions.load(yard.containers))
    assert f"--image cpu-debain: no such image; expected one of {known}" in result.text
    assert not yard.out.exists()


def test_an_image_without_a_digest_is_a_wrong_command_line(yard: Yard) -> None:
    result = yard.run("--image", "localhost/iree-quality:latest")
    assert result.code == 2
    assert "HOST/NAME@sha256:DIGEST" in result.text


def test_this_machine_has_no_use_for_an_image(yard: Yard) -> None:
    result = yard.run("--engine", "local")
    assert result.code == 2
    assert "--image cannot be combined with --engine local" in result.text


def test_an_engine_elsewhere_is_a_wrong_command_line(each_yard: Yard) -> None:
    result = each_yard.run(environment={VARIABLES[each_yard.dock.engine.name]: "tcp://127.0.0.1:2375"})
    assert result.code == 2
    assert "expected unix:///PATH" in result.text


def test_a_base_that_cannot_be_had_is_an_error_that_names_a_way_round(each_yard: Yard) -> None:
    folder = each_yard.containers
    (folder / "images.toml").write_text(TABLE.format(base=ABSENT))
    result = each_yard.run("--containers", str(folder), "--image", "cpu")
    assert result.verdict == (3, "error", "engine"), result.text
    for each in (
        "The base image is missing. Cannot pull 127.0.0.1:1/base@sha256:000",
        "--image cpu-debian",
        "--engine local",
    ):
        assert each in result.case["reason"]
    offline = each_yard.run("--containers", str(folder), "--image", "cpu", "--offline")
    assert offline.verdict == (3, "error", "engine")
    assert "run once without --offline" in offline.case["reason"]
    assert each_yard.left() == []


def test_no_folder_hides_one_of_the_image(yard: Yard) -> None:
    assert yard.run("--external-files", "/etc").verdict == (0, "passed", None)


def test_a_container_that_cannot_start_is_one_clear_error(each_yard: Yard) -> None:
    result = each_yard.run("--cap", "NONSENSE")
    assert result.verdict == (3, "error", "engine"), result.text
    assert "NONSENSE" in result.case["reason"]
    assert "Traceback" not in result.text
    assert each_yard.left() == []


def test_a_model_that_needs_more_memory_than_it_may_use_does_not_take_the_machine_with_it(each_yard: Yard) -> None:
    each_yard.spec(mlir=each_yard.file("greedy.mlir", GREEDY), inputs=None, outputs=None, run_function="greedy")
    result = each_yard.run("--memory", "500MB", "--timeout", "100")
    assert result.verdict == (3, "error", "tool"), result.text
    assert "killed by SIGKILL, probably out of memory" in result.case["reason"]
    assert each_yard.left() == []


GREEDY = """
func.func @greedy() -> tensor<1000000000xf32> {
  %c = util.unfoldable_constant 1.0 : f32
  %e = tensor.empty() : tensor<1000000000xf32>
  %f = linalg.fill ins(%c : f32) outs(%e : tensor<1000000000xf32>) -> tensor<1000000000xf32>
  return %f : tensor<1000000000xf32>
}
"""


def test_colours_and_progress_pass_through_a_terminal(each_yard: Yard) -> None:
    each_yard.spec(compiler_flags=[*CPU_FLAGS, "--iree-opt-aggressively-propagate-transposes"])
    text = on_a_terminal(each_yard.argv(), each_yard.variables, each_yard.root)
    assert "\x1b[32mPASSED" in text, text
    assert re.search(r"compil", text.split("PASSED")[0]), "it says what goes on"


def on_a_terminal(argv: list[str], environment: dict[str, str], cwd: Path) -> str:
    """Return all that a command writes to its terminal."""
    master, slave = pty.openpty()
    child = subprocess.Popen(
        argv, stdin=slave, stdout=slave, stderr=slave, env={**environment, "TERM": "xterm-256color"}, cwd=cwd
    )
    os.close(slave)
    output = b""
    while child.poll() is None or select.select([master], [], [], 0)[0]:
        if select.select([master], [], [], 0.1)[0]:
            try:
                output += os.read(master, 1 << 16)
            except OSError:  # the other end is closed
                break
    child.wait()
    os.close(master)
    return output.decode(errors="replace")
