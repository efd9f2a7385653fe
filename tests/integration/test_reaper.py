"""The reaper is a real process; the engine whose container it removes is a server of the test."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.containers import reaper
from harness.host import process
from tests.patience import IN_PROCESS_S
from tests.unit.daemons import Daemon, Says, daemon

GONE, NOT_THERE = Says(status=204), Says(status=404)
ORDER = "DELETE /containers/mine?force=true&v=true"


def orphaned(socket: Path) -> "subprocess.Popen[bytes]":
    """Start a reaper whose harness dies at once."""
    argv = [sys.executable, "-IS", str(reaper.__file__), str(socket), "mine"]
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL)


def asked(server: Daemon) -> list[str]:
    """Return the requests of a reaper to a server."""
    with orphaned(Path(str(server.server_address))) as child:
        assert child.wait(IN_PROCESS_S) == 0
    return server.asked


def test_all_is_well(tmp_path: Path) -> None:
    with daemon(tmp_path / "socket", {ORDER: GONE}) as server:
        with process.outlived_by(Path(reaper.__file__), str(tmp_path / "socket"), "mine"):
            pass
        assert server.asked == []


def test_the_harness_has_died(tmp_path: Path) -> None:
    with daemon(tmp_path / "socket", {ORDER: GONE}) as server:
        assert asked(server) == [ORDER]


@pytest.mark.parametrize(
    "before", [(NOT_THERE, NOT_THERE), (Says(status=409),), (Says(status=500), Says(body=b"{", breaks_off=True))]
)
def test_a_container_that_comes_into_being_yet(tmp_path: Path, before: tuple[Says, ...]) -> None:
    with daemon(tmp_path / "socket", {ORDER: [*before, GONE]}) as server:
        assert asked(server) == [ORDER] * (len(before) + 1)


def test_an_engine_that_is_started_again(tmp_path: Path) -> None:
    with orphaned(tmp_path / "socket") as child:
        time.sleep(0.2)
        assert child.poll() is None
        with daemon(tmp_path / "socket", {ORDER: GONE}) as server:
            assert child.wait(IN_PROCESS_S) == 0
        assert server.asked == [ORDER]


def test_it_stays_while_the_harness_does(tmp_path: Path) -> None:
    with daemon(tmp_path / "socket", {ORDER: GONE}) as server:
        argv = [sys.executable, "-IS", str(reaper.__file__), str(tmp_path / "socket"), "mine"]
        with subprocess.Popen(argv, stdin=subprocess.PIPE) as child:
            time.sleep(0.2)
            assert (child.poll(), server.asked) == (None, [])
            child.communicate()
            assert (child.returncode, server.asked) == (0, [ORDER])
