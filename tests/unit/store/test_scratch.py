import subprocess
import sys
from pathlib import Path

import pytest

from harness.store import scratch
from harness.store.store import Store


def test_scratch_is_gone_afterwards(store: Store) -> None:
    with scratch.folder(store.root) as folder:
        (folder / "log").touch()
    assert not folder.exists()
    assert not any(path.is_file() for path in store.root.rglob("*"))


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


def test_a_nameless_file_is_in_no_folder(store: Store) -> None:
    with scratch.file(store.root) as file:
        file.write(b"context")
        assert list((store.root / "tmp").iterdir()) == []


def test_nothing_is_left_of_what_went_wrong_within(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt), scratch.folder(store.root):
        raise KeyboardInterrupt
    assert not any(path.is_file() for path in store.root.rglob("*"))
    assert list((store.root / "tmp").iterdir()) == []


def test_what_is_of_somebody_else_stays_and_holds_nobody_up(store: Store) -> None:
    theirs = store.root / "tmp" / "scratch.0"
    theirs.mkdir(parents=True)
    (store.root / "locks" / theirs.name).mkdir(parents=True)  # which cannot be opened, as a lock of root's cannot
    with scratch.folder(store.root) as folder:
        assert folder.is_dir()
    assert theirs.exists()
