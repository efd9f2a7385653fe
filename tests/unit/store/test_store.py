import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.callbacks import ignore
from harness.core.errors import DiskError
from harness.store.entry import Entry, file_sha256
from harness.store.store import Store
from tests.unit.stores import KEY, backdate, makes, manifest, partials, refuses


def test_what_is_made_is_there_afterwards(store: Store) -> None:
    made = store.provide("blobs", KEY, makes(b"x", "lib/a.so"))
    found = store.provide("blobs", KEY, refuses)
    assert (made.cached, found.cached) == (False, True)
    assert made.path == found.path == store.root / "blobs" / "ab" / KEY
    assert made.files == found.files == {"lib/a.so": made.files["lib/a.so"]}
    assert found.sha256("lib/a.so") == file_sha256(found.path / "lib/a.so")
    assert found.files["lib/a.so"]["bytes"] == 1
    assert partials(store) == []


def test_nothing_is_found_before_it_is_made(store: Store) -> None:
    assert store.find("blobs", KEY) is None
    assert not store.root.exists()


def test_an_entry_may_have_no_file(store: Store) -> None:
    assert store.provide("blobs", KEY, ignore).files == {}
    assert store.find("blobs", KEY) is not None


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_could_not_be_made_is_not_there(store: Store, error: type[BaseException]) -> None:
    def make(folder: Path) -> None:
        (folder / "blob").write_bytes(b"half")
        raise error

    with pytest.raises(error):
        store.provide("blobs", KEY, make)
    assert store.find("blobs", KEY) is None
    assert partials(store) == []
    assert not store.provide("blobs", KEY, makes(b"x")).cached


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_is_resumable_is_there_for_the_next(store: Store, error: type[BaseException]) -> None:
    def begin(folder: Path) -> None:
        (folder / "part").write_bytes(b"half")
        raise error

    def finish(folder: Path) -> None:
        assert [each.name for each in folder.iterdir()] == ["part"]
        (folder / "part").rename(folder / "blob")

    with pytest.raises(error):
        store.provide("blobs", KEY, begin, resumable=("blob", "part"))
    assert store.find("blobs", KEY) is None
    assert partials(store) == [store.partial_dir("blobs", KEY)]
    entry = store.provide("blobs", KEY, finish, resumable=("blob", "part"))
    assert (list(entry.files), partials(store)) == (["blob"], [])


def test_what_else_is_in_a_resumable_entry_goes(store: Store) -> None:
    partial = store.partial_dir("blobs", KEY)
    (partial / "blob").mkdir(parents=True)
    (partial / "odd").touch()
    (partial / "part").touch()

    def finish(folder: Path) -> None:
        assert [each.name for each in folder.iterdir()] == ["part"]
        (folder / "late").touch()
        makes(b"x")(folder)

    entry = store.provide("blobs", KEY, finish, resumable=("blob", "part"))
    assert list(entry.files) == ["blob", "part"]
    assert store.find("blobs", KEY) is None  # another program put a file there, which nothing vouches for
    again = store.provide("blobs", KEY, makes(b"x"), resumable=("blob", "part"))
    assert store.find("blobs", KEY) == replace(again, cached=True)


def test_a_manifest_in_a_partial_entry_is_not_a_file_of_the_entry(store: Store) -> None:
    partial = store.partial_dir("blobs", KEY)
    partial.mkdir(parents=True)
    (partial / "entry.json").touch()
    assert list(store.provide("blobs", KEY, makes(b"x"), resumable=("blob", "part")).files) == ["blob"]


def test_what_a_killed_writer_of_a_manifest_left_does_no_harm_and_goes_with_the_next_one(store: Store) -> None:
    left = store.provide("blobs", KEY, makes(b"x")).path / ".entry.json.0123456789abcdef.tmp"
    left.write_text("{")
    assert list(store.provide("blobs", KEY, refuses).files) == ["blob"]
    assert left.exists()
    store.lost_a_name("blobs", KEY)
    assert not left.exists()
    assert list(store.provide("blobs", KEY, refuses).files) == ["blob"]


def test_an_entry_that_does_not_please_is_replaced(store: Store) -> None:
    def is_new(entry: Entry) -> bool:
        return (entry.path / "blob").read_bytes() == b"new"

    store.provide("urls", KEY, makes(b"old"))
    replaced = store.provide("urls", KEY, makes(b"new"), is_good=is_new)
    assert not replaced.cached
    assert store.provide("urls", KEY, refuses, is_good=is_new).cached
    assert (replaced.path / "blob").read_bytes() == b"new"


def test_an_entry_that_was_touched_is_read_again_and_kept_as_it_was_stored(store: Store) -> None:
    entry = store.provide("blobs", KEY, makes(b"x"))
    backdate(entry.path / "blob")
    times = {"mtime_ns": 10**9, "ctime_ns": (entry.path / "blob").stat().st_ctime_ns}
    found = store.find("blobs", KEY)
    assert found is not None
    assert found.files == manifest(entry)["files"] == {"blob": {**entry.files["blob"], **times}}


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"y"),
        lambda path: path.write_bytes(b"xx"),
        lambda path: path.unlink(),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["other bytes", "more bytes", "gone", "a folder"],
)
@pytest.mark.parametrize("look", ["find", "provide"])
def test_an_entry_that_was_changed_is_removed(store: Store, damage: Callable[[Path], None], look: str) -> None:
    path = store.provide("blobs", KEY, makes(b"x")).path
    damage(path / "blob")
    (path / "blob").exists() and backdate(path / "blob")  # type: ignore[func-returns-value]
    if look == "find":
        assert store.find("blobs", KEY) is None
        assert not path.exists()
    assert not store.provide("blobs", KEY, makes(b"x")).cached
    assert (path / "blob").read_bytes() == b"x"


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "null", "[]", "{}", "\0", "[" * 100_000, '{"files": {}, "made": 1e999}', '{"files": {}, "boot": 1}'),
        *('{"files": null}', '{"files": {"blob": {}}}', '{"files": {"blob": 1}}', '{"files": {}, "made": 1}'),
        json.dumps({"files": {"blob": {"bytes": 0, "mtime_ns": 0, "inode": 0, "sha256": None}}}),
        json.dumps({"files": {"other": {"bytes": 0, "mtime_ns": 0, "inode": 0, "sha256": "ab" * 32}}}),
    ],
)
def test_a_malformed_manifest_is_ignored(store: Store, text: str) -> None:
    entry = store.provide("blobs", KEY, makes(b"x"))
    (entry.path / "entry.json").write_text(text)
    assert store.find("blobs", KEY) is None
    assert not store.provide("blobs", KEY, makes(b"x")).cached


def test_a_file_that_make_hashed_is_not_read_again(store: Store) -> None:
    def make(folder: Path) -> dict[str, str]:
        (folder / "blob").write_bytes(b"x")
        (folder / "log").write_bytes(b"y")
        return {"blob": "ab" * 32}

    entry = store.provide("blobs", KEY, make)
    assert entry.sha256("blob") == "ab" * 32
    assert entry.sha256("log") == file_sha256(entry.path / "log")
    assert store.provide("blobs", KEY, refuses).files == entry.files


def test_a_warm_entry_is_found_without_a_look_at_its_bytes(store: Store) -> None:
    def make(folder: Path) -> dict[str, str]:
        (folder / "blob").touch()
        os.truncate(folder / "blob", 1 << 31)
        return {"blob": "ab" * 32}  # which is not what reading it would give

    store.provide("blobs", KEY, make)
    found = store.find("blobs", KEY)
    assert found is not None
    assert (found.sha256("blob"), found.cached) == ("ab" * 32, True)


def publishes(store: Store, content: bytes = b"x") -> Callable[[Path], None]:
    """Make what another machine, whose locks are not seen here, has made and published first."""
    other = Store(store.root.with_name("other"))

    def make(folder: Path) -> None:
        makes(content)(folder)
        theirs = other.provide("blobs", KEY, makes(content)).path
        (store.root / "blobs" / "ab").mkdir(parents=True)
        theirs.rename(store.root / "blobs" / "ab" / KEY)

    return make


def test_what_another_machine_published_first_is_taken(store: Store) -> None:
    entry = store.provide("blobs", KEY, publishes(store))
    assert not entry.cached
    assert entry.files == store.provide("blobs", KEY, refuses).files
    assert partials(store) == []


def test_what_another_machine_published_and_does_not_please_is_replaced(store: Store) -> None:
    def is_new(entry: Entry) -> bool:
        return (entry.path / "blob").read_bytes() == b"new"

    def make(folder: Path) -> None:
        publishes(store, b"old")(folder)
        (folder / "blob").write_bytes(b"new")

    assert is_new(store.provide("blobs", KEY, make, is_good=is_new))
    assert partials(store) == []


@pytest.mark.parametrize("leave", [None, "empty", "theirs"])
@pytest.mark.parametrize("resumable", [(), ("blob",)])
def test_a_partial_entry_that_vanished_is_looked_for_in_its_place(
    store: Store, leave: str | None, resumable: tuple[str, ...]
) -> None:
    def make(folder: Path) -> None:
        publishes(store)(folder)
        shutil.rmtree(folder)
        if leave:
            folder.mkdir()
        if leave == "theirs":
            (folder / "blob").write_bytes(b"half")

    entry = store.provide("blobs", KEY, make, resumable=resumable)
    assert (entry.path / "blob").read_bytes() == b"x"
    assert store.provide("blobs", KEY, refuses).files == entry.files


def test_a_partial_entry_that_vanished_for_good_is_an_error(store: Store) -> None:
    with pytest.raises(DiskError, match=rf"{store.partial_dir('blobs', KEY)}: another process removed this folder"):
        store.provide("blobs", KEY, lambda folder: folder.rmdir())
    assert not store.provide("blobs", KEY, makes(b"x")).cached


def test_a_file_that_a_maker_misses_is_its_own_error(store: Store) -> None:
    with pytest.raises(FileNotFoundError):
        store.provide("blobs", KEY, lambda folder: (folder / "nothing").unlink())
    assert partials(store) == []


def test_a_digest_is_remembered_until_the_file_changes(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a.mlir"
    path.write_bytes(b"x")
    assert store.digest(path) == file_sha256(path)
    (record,) = (store.root / "digests").iterdir()
    record.write_text(record.read_text().replace(file_sha256(path), "remembered"))
    assert store.digest(path) == "remembered"
    path.write_bytes(b"y")
    backdate(path)
    assert store.digest(path) == file_sha256(path)


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"bytes": 1}'])
def test_a_digest_that_was_forgotten_is_made_again(store: Store, tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.mlir"
    path.write_bytes(b"x")
    store.digest(path)
    (record,) = (store.root / "digests").iterdir()
    record.write_text(text)
    assert store.digest(path) == file_sha256(path)


def test_a_digest_of_nothing_is_an_error(store: Store, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        store.digest(tmp_path / "nothing")
