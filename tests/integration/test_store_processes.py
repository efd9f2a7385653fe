"""Processes that share a store: one makes what several want, and what a killed one leaves is in no way."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.store import scratch
from harness.store.store import Store
from tests.patience import IN_PROCESS_S
from tests.unit.stores import KEY, makes, partials, refuses

MAKER = """
import pathlib, sys
from harness.store.store import Store
def make(folder):
    (folder / "part").touch()
    print("begun", flush=True)
    sys.stdin.readline()
store = Store(pathlib.Path(sys.argv[1]), on_wait=lambda *_: print("waits", flush=True))
print(store.provide("blobs", sys.argv[2], make).cached)
"""


def maker(store: Store) -> "subprocess.Popen[str]":
    """Start a process that wants the entry, and if it is to make it, does so until it is told to go on."""
    argv = [sys.executable, "-c", MAKER, str(store.root), KEY]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go_on(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return a store that is not there yet."""
    return Store(tmp_path / "store")


def test_processes_that_want_the_same_entry_create_it_once_and_learn_who_creates_it(store: Store) -> None:
    def hear(who: str, waited_s: float) -> None:
        heard.append((who, waited_s))
        if len(heard) == 3:
            go_on(children["begun"])

    heard: list[tuple[str, float]] = []
    children = {said(each): each for each in [maker(store), maker(store)]}
    assert {*children} == {"begun", "waits"}
    assert Store(store.root, on_wait=hear).provide("blobs", KEY, refuses).cached
    ends = {word: each.communicate(timeout=IN_PROCESS_S)[0].split()[-1] for word, each in children.items()}
    assert ends == {"begun": "False", "waits": "True"}
    # Once it has gone on, the other may be the one to wait for.
    assert {who for who, _ in heard[:3]} == {f"process {children['begun'].pid} on {os.uname().nodename}"}
    assert heard == sorted(heard, key=lambda each: each[1])


@pytest.mark.parametrize(("resumable", "left"), [((), []), (("blob", "part"), ["part"])])
def test_a_killed_maker_is_in_nobody_s_way(store: Store, left: list[str], resumable: tuple[str, ...]) -> None:
    killed = maker(store)
    assert said(killed) == "begun"
    killed.kill()
    killed.communicate()
    assert partials(store) == [store.partial_dir("blobs", KEY)]
    entry = store.provide("blobs", KEY, makes(b"whole"), resumable=resumable)
    assert list(entry.files) == ["blob", *left]
    assert partials(store) == []


LENDER = """
import pathlib, sys
from harness.store import scratch
with scratch.folder(pathlib.Path(sys.argv[1])) as folder:
    (folder / "log").touch()
    print(folder, flush=True)
    sys.stdin.readline()
"""


def test_scratch_of_a_process_that_is_killed_goes_with_the_next(store: Store) -> None:
    argv = [sys.executable, "-c", LENDER, str(store.root)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        folder = Path(child.stdout.readline().strip())
        with scratch.folder(store.root) as other:
            assert (folder / "log").exists(), "it is in use"
            assert other != folder
        child.kill()
    with scratch.folder(store.root):
        assert not folder.exists()
    assert not any(path.is_file() for path in store.root.rglob("*"))
