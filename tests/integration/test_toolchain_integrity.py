"""An installed release that somebody changed is noticed before it runs, whatever else was changed with it."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.iree import releases, toolchain
from harness.iree.toolchain import Toolchain
from harness.store import gc
from harness.store.entry import file_sha256
from harness.store.store import Store

NAME = "3.13.0"
RUN, LIBRARY = "iree/_runtime_libs/iree-run-module", "iree/compiler/_mlir_libs/libIREECompiler.so"
AGAIN = f"IREE {NAME}: its files in the cache changed; installing it again"


def install(store: Store) -> tuple[Toolchain, list[str]]:
    """Return the installed release, and what was said."""
    said: list[str] = []
    return toolchain.installed(releases.find(NAME), store, notice=said.append), said


@pytest.fixture
def folder(store: Store) -> Path:
    tools, said = install(store)
    assert said == []
    return toolchain.folder(tools)


def verified(store: Store) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "harness", "store", "verify", "--store", str(store.root)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def overwrite(path: Path, *, is_stamped: bool = True) -> None:
    """Write into a file in place, and set its time back."""
    before = path.stat()
    path.chmod(0o755)
    with path.open("r+b") as file:
        file.seek(before.st_size // 2)
        file.write(b"changed")
    if is_stamped:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def forge(folder: Path, name: str, *, digest: bool) -> None:
    """Let the list of an entry say that a file was always as it is now."""
    listed = json.loads((folder / "entry.json").read_bytes())
    state = (folder / name).stat()
    listed["files"][name] |= {"bytes": state.st_size, "mtime_ns": state.st_mtime_ns, "inode": state.st_ino}
    listed["files"][name] |= {"ctime_ns": state.st_ctime_ns}
    if digest:
        listed["files"][name]["sha256"] = file_sha256(folder / name)
    (folder / "entry.json").write_text(json.dumps(listed))


def in_place(folder: Path, name: str) -> None:
    overwrite(folder / name)


def stamped(folder: Path, name: str) -> None:
    overwrite(folder / name)
    forge(folder, name, digest=False)


def forged(folder: Path, name: str) -> None:
    overwrite(folder / name)
    forge(folder, name, digest=True)


def added(folder: Path, name: str) -> None:
    """Put a library beside a file, as an entry with it would list it."""
    new = (folder / name).with_name("libnew.so")
    new.parent.chmod(0o755)
    new.write_bytes(b"\x7fELF")
    listed = json.loads((folder / "entry.json").read_bytes())
    listed["files"][str(new.relative_to(folder))] = listed["files"][name]
    (folder / "entry.json").write_text(json.dumps(listed))
    forge(folder, str(new.relative_to(folder)), digest=True)


def linked(folder: Path, name: str) -> None:
    """Give a file another name, as an earlier version did with the cache of uv."""
    os.link(folder / name, folder.parents[3] / "elsewhere")
    forge(folder, name, digest=False)


def test_an_installed_release_is_read_only_and_its_own(store: Store, folder: Path) -> None:
    for path in folder.rglob("*"):
        state = path.stat()
        if path.name != "entry.json":
            assert not state.st_mode & 0o222, path
        if path.is_file():
            assert state.st_nlink == 1, path
    store.close()
    removed = gc.collect(Store(store.root), 0).removed
    assert [each.kind for each in removed] == ["toolchains"]
    assert not folder.exists()
    assert list((store.root / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "name"), [(in_place, RUN), (stamped, LIBRARY), (forged, RUN), (added, LIBRARY), (linked, RUN)]
)
def test_a_changed_release_is_installed_again(
    store: Store, folder: Path, name: str, change: Callable[[Path, str], None]
) -> None:
    before = file_sha256(folder / name)
    store.close()
    change(folder, name)
    tools, said = install(Store(store.root))
    assert said == [AGAIN]
    assert file_sha256(toolchain.folder(tools) / name) == before
    assert not (folder / name).with_name("libnew.so").exists()
    assert install(Store(store.root)) == (tools, [])


@pytest.mark.parametrize("change", [stamped, forged])
def test_verify_tells_a_changed_release(store: Store, folder: Path, change: Callable[[Path, str], None]) -> None:
    store.close()
    change(folder, RUN)
    done = verified(store)
    assert done.returncode == 3
    assert done.stdout.startswith(f"BAD  toolchains  {folder.name}  changed and removed; it will be installed again")
    assert not folder.exists()


def test_verify_tells_a_blob_that_lists_another_digest(store: Store) -> None:
    key = hashlib.sha256(b"good").hexdigest()

    def make(folder: Path) -> None:
        (folder / "blob").write_bytes(b"good")

    entry = store.provide("blobs", key, make)
    (entry.path / "blob").write_bytes(b"evil")
    forge(entry.path, "blob", digest=True)
    store.close()
    done = verified(store)
    assert (done.returncode, done.stdout.split()[:3]) == (3, ["BAD", "blobs", key])
