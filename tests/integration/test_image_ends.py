"""An interrupted build leaves nothing behind, and the next one works; the messages of a full disk."""

import contextlib
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration import engines
from tests.integration.dock import NAME, Dock, Yard, as_user, open_folder, user_environment
from tests.integration.laboratory import wait_for
from tests.integration.warm import HARNESS
from tests.patience import PATIENCE_S

# Podman 4.3 goes on with a build to its end when nobody listens any more, so these are with Docker.
SELF_TEST = "${PYTHON} -m harness.cli.selftest"
# A self-test that is still going on when it is looked at.
ENDLESS = "sleep 86397"


@pytest.fixture
def endless(dock: Dock) -> Iterator[Path]:
    """Return a folder with definitions of images whose self-test does not end."""
    with open_folder() as folder:
        changed = Path(shutil.copytree(dock.supplies.containers, folder / "containers"))
        text = (changed / "Dockerfile").read_text()
        assert SELF_TEST in text
        (changed / "Dockerfile").write_text(text.replace(SELF_TEST, ENDLESS))
        yield changed


@contextlib.contextmanager
def building(dock: Dock, containers: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Build an image in the background. Its output goes to a file beside the folder."""
    argv = [*HARNESS, "image", "build", NAME, *dock.options, "--containers", str(containers)]
    user = dock.engine.user
    with (containers.parent / "output").open("wb") as output:
        child = subprocess.Popen(
            [*as_user(user, dock.engine), *argv],
            stdout=output,
            stderr=output,
            cwd="/",
            env=user_environment(user, dock.engine) | {"PYTHONUNBUFFERED": "1"},
        )
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def partials(dock: Dock) -> set[Path]:
    return set((dock.store_dir / "tmp").iterdir())


def running(words: str) -> bool:
    """Return whether a program with this command line runs."""
    line = words.replace(" ", "\0").encode() + b"\0"
    return any(_cmdline(path).endswith(line) for path in Path("/proc").glob("[0-9]*"))


def _cmdline(path: Path) -> bytes:
    try:
        return (path / "cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_build_that_is_ended_in_its_self_test_leaves_nothing(
    dock: Dock, endless: Path, number: signal.Signals
) -> None:
    before, kept = dock.engine.containers(), partials(dock)
    with building(dock, endless) as child:
        wait_for(lambda: running(ENDLESS))
        child.send_signal(number)
        assert child.wait(PATIENCE_S) == (130 if number is signal.SIGINT else -number)
    wait_for(lambda: not running(ENDLESS))
    wait_for(lambda: dock.engine.containers() == before)
    assert partials(dock) <= kept


def test_a_build_that_is_killed_while_it_is_sent_leaves_nothing(dock: Dock) -> None:
    with open_folder() as folder:
        containers = Path(shutil.copytree(dock.supplies.containers, folder / "containers"))
        with (containers / "Dockerfile").open("a") as file:
            file.write("# of this test\n")
        with building(dock, containers) as child:
            wait_for(lambda: "building" in (folder / "output").read_text())
            child.kill()
        assert dock.engine.containers() == []
        done = dock.harness("image", "build", NAME, "--containers", str(containers))
        assert done.returncode == 0, done.stdout + done.stderr
        dock.engine.api.remove_image(done.stdout.splitlines()[-1].split()[0])


def test_a_full_disk_of_the_engine_is_an_error(dock: Dock, yards: Callable[..., Yard]) -> None:
    with engines.docker_engine(data_size="300m") as small:
        yard = yards(Dock(engine=small, supplies=dock.supplies, store_dir=dock.store_dir), can_build=True)
        yard.spec()
        result = yard.run()
        assert (result.code, result.case["status"]) == (3, "error"), result.text
        assert result.case["kind"] in {"engine", "disk"}
        assert re.search("no space left on device", result.case["reason"], re.IGNORECASE)
        assert yard.left() == []


def test_a_full_store_is_an_error_in_a_container_too(rootful: Dock, yards: Callable[..., Yard]) -> None:
    yard = yards(rootful)
    yard.spec()
    yard.store_dir = yard.root / "small"
    yard.store_dir.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", yard.store_dir], check=True)
    try:
        result = yard.run()
    finally:
        subprocess.run(["umount", "--lazy", yard.store_dir], check=True)
    assert result.verdict == (3, "error", "disk"), result.text
    assert "No space left on device" in result.case["reason"]
    assert yard.left() == []
