"""No link in a store makes the harness read, write or remove what it leads to."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.core.errors import DiskError, HarnessError
from harness.store import gc, scratch
from harness.store.store import Store
from tests.unit.stores import KEY, backdate, makes, manifest, refuses

USES: dict[str, Callable[[Store], object]] = {
    "find": lambda store: store.find("blobs", KEY),
    "provide": lambda store: store.provide("blobs", KEY, makes(b"x")),
    "provide another": lambda store: store.provide("blobs", KEY.replace("0", "1"), makes(b"x")),
    "resume": lambda store: store.provide("blobs", KEY.replace("0", "2"), makes(b"x"), resumable=("blob",)),
    "digest": lambda store: store.digest(store.root.parent / "local"),
    "gc": lambda store: gc.collect(store, None),
    "gc all": lambda store: gc.collect(Store(store.root), 0),
    "du": gc.usage,
    "verify": lambda store: list(gc.verify(store)),
    "scratch folder": lambda store: scratch.folder(store.root).__enter__(),
    "scratch file": lambda store: scratch.file(store.root).__enter__(),
}
LINKS = [
    "locks",
    "tmp",
    "pins",
    "digests",
    "blobs",
    "blobs/ab",
    f"blobs/ab/{KEY}",
    f"blobs/ab/{KEY}/entry.json",
    f"blobs/ab/{KEY}/blob",
    f"tmp/blobs-{KEY.replace('0', '2')}",
    "tmp/removed.0",
    "tmp/scratch.0",
    f"locks/blobs-{KEY}",
    "locks/collection",
]


def user_files(folder: Path) -> dict[str, tuple[float, int, int, bytes]]:
    """Return all that can be said of the files of a folder."""
    states = {path: path.stat() for path in sorted(folder.rglob("*"))}
    return {
        str(path): (state.st_mtime, state.st_mode, state.st_nlink, path.read_bytes() if path.is_file() else b"")
        for path, state in states.items()
    }


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """Return a folder of a user with files, of which some look like those of a store."""
    folder = tmp_path / "user"
    for name in ("diary", "blob", "entry.json", f"{KEY}/blob", f"ab/{KEY}/blob", f"blobs-{KEY}", "removed.1/letter"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"dear")
        backdate(path)
    (tmp_path / "local").write_bytes(b"x")
    return folder


@pytest.mark.parametrize("target", ["", "diary", "missing"])
@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("use", USES)
def test_a_link_is_not_followed(store: Store, user: Path, use: str, name: str, target: str) -> None:
    before = user_files(user)
    with Store(store.root) as maker:
        maker.provide("blobs", KEY, makes(b"x"))
    link = store.root / name
    link.parent.mkdir(exist_ok=True)
    if link.exists():
        link.rename(store.root.parent / "away")
    link.symlink_to(user / target)
    try:
        USES[use](store)
    except HarnessError as error:
        assert str(link) in str(error)  # noqa: PT017 - it may do without what is a link
    store.close()
    assert user_files(user) == before


@pytest.mark.parametrize("name", ["locks", "tmp", "blobs", "blobs/ab"])
def test_a_link_in_the_place_of_a_folder_is_named(store: Store, user: Path, name: str) -> None:
    store.provide("blobs", KEY, makes(b"x"))
    (store.root / name).rename(user / "moved")
    (store.root / name).symlink_to(user)
    expected = (
        f"^Cannot write {store.root / name}: a symbolic link .*; remove the link. What it leads to is left as it is"
    )
    with pytest.raises(DiskError, match=expected):
        store.provide("blobs", KEY.replace("0", "1"), makes(b"x"))


@pytest.mark.parametrize("name", ["", "entry.json", "blob"])
def test_an_entry_with_a_link_is_made_anew(store: Store, user: Path, name: str) -> None:
    entry = store.provide("blobs", KEY, makes(b"x"))
    (entry.path / name).rename(user / "moved")
    (entry.path / name).symlink_to(user / "moved")
    before = user_files(user)
    again = store.provide("blobs", KEY, makes(b"x"))
    assert not again.cached
    assert store.provide("blobs", KEY, refuses).cached
    assert not (entry.path / name).is_symlink()
    assert user_files(user) == before


@pytest.mark.parametrize("name", ["blobs", "blobs/ab", f"blobs/ab/{KEY}", f"blobs/ab/{KEY}/blob"])
def test_verify_removes_links_alone(store: Store, user: Path, name: str) -> None:
    store.provide("blobs", KEY, makes(b"x"))
    (store.root / name).rename(user / "moved")
    (store.root / name).symlink_to(user / "moved")
    before = user_files(user)
    assert [each.ok for each in gc.verify(store)] == [False]
    assert not (store.root / name).is_symlink()
    assert user_files(user) == before
    assert not store.provide("blobs", KEY, makes(b"x")).cached


@pytest.mark.parametrize("name", ["../../../../user/diary", "/etc/passwd", "sub/../blob"])
def test_an_entry_lists_no_file_outside(store: Store, user: Path, name: str) -> None:
    entry = store.provide("blobs", KEY, makes(b"x"))
    listed = manifest(entry)
    listed["files"] = {name: listed["files"]["blob"]}
    (entry.path / "entry.json").write_text(json.dumps(listed))
    assert [each.ok for each in gc.verify(store)] == [False]
    assert not entry.path.exists()
    assert (user / "diary").read_bytes() == b"dear"


def test_the_store_itself_may_be_a_link(store: Store, tmp_path: Path) -> None:
    store.provide("blobs", KEY, makes(b"x"))
    (tmp_path / "named").symlink_to("store")
    named = Store(tmp_path / "named")
    assert named.provide("blobs", KEY, refuses).cached
    assert [each.ok for each in gc.verify(named)] == [True]
    assert gc.collect(named, None).removed == ()


def rewritten(path: Path, content: bytes) -> None:
    """Write other content into a file, and set its time back."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)


def test_a_file_that_was_rewritten_in_place_is_noticed(store: Store, tmp_path: Path) -> None:
    entry = store.provide("blobs", KEY, makes(b"x"))
    rewritten(entry.path / "blob", b"y")
    assert store.find("blobs", KEY) is None
    local = tmp_path / "local"
    local.write_bytes(b"x")
    before = store.digest(local)
    rewritten(local, b"y")
    assert store.digest(local) != before


@pytest.mark.parametrize(("content", "is_kept"), [(b"x", True), (b"y", False)])
def test_an_entry_of_an_earlier_version_is_read_once(store: Store, content: bytes, *, is_kept: bool) -> None:
    entry = store.provide("blobs", KEY, makes(b"x"))
    listed = manifest(entry)
    del listed["files"]["blob"]["ctime_ns"]
    (entry.path / "entry.json").write_text(json.dumps(listed))
    rewritten(entry.path / "blob", content)
    assert (store.find("blobs", KEY) is not None) == is_kept
    if is_kept:
        assert manifest(entry)["files"]["blob"]["ctime_ns"] == (entry.path / "blob").stat().st_ctime_ns


def test_an_entry_that_lost_a_name_is_not_read_again(store: Store, tmp_path: Path) -> None:
    entry = store.provide("blobs", KEY, makes(b"x"))
    os.link(entry.path / "blob", tmp_path / "name")
    (tmp_path / "name").unlink()
    store.lost_a_name("blobs", KEY)
    entry_file = (entry.path / "entry.json").read_bytes()
    assert store.find("blobs", KEY) is not None
    assert (entry.path / "entry.json").read_bytes() == entry_file
