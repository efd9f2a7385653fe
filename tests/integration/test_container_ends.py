"""Nothing is left behind if the harness, the container or the engine ends, in each phase of a run."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration import engines
from tests.integration.dock import Dock, Yard, hand_over
from tests.integration.engines import Running
from tests.integration.laboratory import CPU_FLAGS, ENDLESS, wait_for
from tests.patience import PATIENCE_S

SLOW_FLAGS = [*CPU_FLAGS, "--iree-opt-level=O3"]
ORDERS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]


@pytest.fixture
def yard(rootful: Dock, yards: Callable[..., Yard]) -> Yard:
    return endless(rootful, yards)


def endless(dock: Dock, yards: Callable[..., Yard]) -> Yard:
    """Return a laboratory with a model that runs until it is stopped."""
    yard = yards(dock)
    yard.spec(mlir=yard.file("endless.mlir", ENDLESS))
    return yard


@contextmanager
def started(yard: Yard, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Run the command in the background, and kill it on the way out."""
    hand_over(yard.specs, yard.user)
    with (yard.root / "output").open("w") as output:
        child = subprocess.Popen(
            yard.argv(*arguments), stdout=output, stderr=output, text=True, env=yard.variables, cwd=yard.root
        )
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def ours(yard: Yard) -> list[str]:
    return [each for each in yard.dock.engine.containers() if each.startswith("iree-quality-")]


def state(yard: Yard) -> str:
    """Return the state of our container; empty if there is none."""
    for each in yard.dock.engine.api.containers(all=True):
        if each["Names"][0].startswith("/iree-quality-"):
            return str(each["State"])
    return ""


def phase(yard: Yard, name: str) -> bool:
    """Return whether the harness has reached a phase."""
    match name:
        case "before create":
            return bool(yard.processes("reaper.py"))
        case "created":
            return bool(ours(yard))
        case "running":
            return state(yard) == "running"
        case "hello":
            return any(path.parent.stat().st_mode & 0o077 == 0 for path in (yard.store_dir / "tmp").glob("*/socket"))
        case "compiling":
            return bool(programs("iree-compile", yard))
        case _:
            return bool(programs("iree-run-module", yard))


def programs(name: str, yard: Yard) -> list[int]:
    """Return the processes of a tool that run in our folders, or in a container in which one of them is mounted."""
    found = []
    folders = (str(yard.root), str(yard.store_dir))
    socket_folder = str(yard.store_dir).removeprefix(tempfile.gettempdir())  # which may be a mount of its own
    for path in Path("/proc").glob("[0-9]*"):
        try:
            program = (path / "cmdline").read_bytes().partition(b"\0")[0]
            if not program or not program.endswith(name.encode()):
                continue
            where = str((path / "cwd").readlink())
            if where.startswith(folders) or f"{socket_folder}/" in (path / "mountinfo").read_text():
                found.append(int(path.name))
        except OSError:
            continue
    return found


def settle(yard: Yard) -> None:
    """Wait until none of our containers and processes is left."""
    deadline = time.monotonic() + PATIENCE_S
    while left := [*ours(yard), *programs("", yard), *yard.processes("")]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


PHASES = ["before create", "created", "running", "hello", "compiling", "model runs"]


@pytest.mark.parametrize("name", PHASES)
def test_a_killed_harness_leaves_nothing(yard: Yard, name: str) -> None:
    yard.store_dir = yard.root / "store"  # so that it is compiled, by nobody else, and nothing else is there
    with started(yard) as child:
        wait_for(lambda: phase(yard, name))
        child.kill()
        child.wait()
        settle(yard)
    yard.spec()
    after = yard.run()
    assert after.verdict == (0, "passed", None), after.text
    assert yard.left() == [], "what it had lent is gone, too"


@pytest.mark.parametrize(("number", "code"), ORDERS)
def test_an_order_to_stop_leaves_results_and_nothing_else(yard: Yard, number: signal.Signals, code: int) -> None:
    with started(yard) as child:
        wait_for(lambda: phase(yard, "model runs"))
        child.send_signal(number)
        assert child.wait(PATIENCE_S) == code
    assert yard.case["status"] == "error"
    assert "interrupted" in yard.case["reason"]
    assert yard.left() == []


@pytest.mark.parametrize("name", ["before create", "created", "running", "hello"])
def test_an_order_to_stop_is_obeyed_while_the_container_comes_up(yard: Yard, name: str) -> None:
    yard.store_dir = yard.root / "store"
    with started(yard) as child:
        wait_for(lambda: phase(yard, name))
        child.send_signal(signal.SIGINT)
        assert child.wait(PATIENCE_S) == 130, (yard.root / "output").read_text()
    assert yard.case["status"] == "error"
    wait_for(lambda: yard.left() == [])


def test_a_terminal_that_goes_away_takes_the_container_along(yard: Yard) -> None:
    master, slave = os.openpty()
    child = subprocess.Popen(
        ["setsid", "--ctty", *yard.argv()], stdin=slave, stdout=slave, stderr=slave, env=yard.variables, cwd=yard.root
    )
    os.close(slave)
    wait_for(lambda: phase(yard, "model runs"))
    os.close(master)
    child.wait(PATIENCE_S)
    wait_for(lambda: yard.left() == [])
    assert yard.case["status"] == "error"


@pytest.mark.parametrize(
    ("request_", "reason"),
    [("kill", "The container has ended"), ("pause", "gave no sign of life for 30 s, so it was removed")],
)
def test_a_container_that_is_ended_or_paused_from_outside_is_an_error(yard: Yard, request_: str, reason: str) -> None:
    with started(yard) as child:
        wait_for(lambda: phase(yard, "model runs"))
        getattr(yard.dock.engine.api, request_)(ours(yard)[0])
        assert child.wait(PATIENCE_S) == 3, (yard.root / "output").read_text()
    assert (yard.case["status"], yard.case["kind"]) == ("error", "engine")
    assert reason in yard.case["reason"]
    assert yard.left() == []


def with_own_engine(yard: Yard, engine: Running, tmp_path: Path) -> Yard:
    """Return a yard whose engine can be ended."""
    saved = tmp_path / "image.tar"
    with saved.open("wb") as file, engines.opened(yard.dock.engine.socket) as api:
        file.writelines(api.get_image(yard.dock.tag))
    with saved.open("rb") as file:
        engine.api.load_image(file)
    saved.unlink()
    yard.dock = Dock(engine=engine, supplies=yard.dock.supplies, store_dir=yard.store_dir)
    return yard


def test_docker_that_is_stopped_in_the_middle_is_an_error(
    docks: Callable[[str], Dock], yards: Callable[..., Yard], tmp_path: Path
) -> None:
    """Podman ends on request, and its containers stay."""
    yard = endless(docks("docker"), yards)
    with engines.docker_engine() as engine:
        assert engine.pid
        with_own_engine(yard, engine, tmp_path)
        with started(yard) as child:
            wait_for(lambda: phase(yard, "model runs"))
            os.kill(engine.pid, signal.SIGTERM)
            assert child.wait(PATIENCE_S) == 3, (yard.root / "output").read_text()
        assert (yard.case["status"], yard.case["kind"]) == ("error", "engine")
        assert not programs("", yard)
        with engines.again(engine):
            assert ours(yard) == []


def test_an_engine_that_is_killed_in_the_middle_leaves_nothing(yard: Yard, tmp_path: Path) -> None:
    with engines.START[yard.dock.engine.name]() as engine:
        assert engine.pid
        with_own_engine(yard, engine, tmp_path)
        killed(yard, engine.pid)
        with engines.again(engine):
            wait_for(lambda: ours(yard) == [])


def killed(yard: Yard, pid: int) -> None:
    """Kill the engine. Its containers go on, so the run ends with a timeout or an error of the engine."""
    with started(yard, "--timeout", "8") as child:
        wait_for(lambda: phase(yard, "model runs"))
        os.kill(pid, signal.SIGKILL)
        assert child.wait(PATIENCE_S) in {1, 3}, (yard.root / "output").read_text()
    assert yard.case["kind"] in {"timeout", "engine"}
    wait_for(lambda: not programs("", yard))
