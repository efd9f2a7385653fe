import errno
import os
import resource
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.core.errors import DiskError
from harness.host.disk import disk_errors, write_atomically
from harness.store import scratch
from harness.store.entry import file_sha256
from harness.store.store import Store
from tests.unit.stores import KEY, makes, partials, refuses


@pytest.mark.parametrize("name", ["ENOSPC", "EDQUOT", "EFBIG", "EIO", "EACCES", "EPERM", "EROFS", "ENOTDIR", "ENOLCK"])
def test_what_the_disk_says_becomes_advice(tmp_path: Path, name: str) -> None:
    number = getattr(errno, name)
    expected = rf"^Cannot write {tmp_path}: {os.strerror(number)}\. Free disk space"
    with pytest.raises(DiskError, match=expected), disk_errors(tmp_path):
        raise OSError(number, os.strerror(number))


def test_a_full_disk_is_named(store: Store) -> None:
    def make(folder: Path) -> None:
        (folder / "blob").symlink_to("/dev/full")
        (folder / "blob").write_bytes(b"x")

    with pytest.raises(DiskError, match=rf"^Cannot write {store.root}: No space left on device\. Free disk space"):
        store.provide("blobs", KEY, make)
    assert partials(store) == []


def test_a_full_disk_hides_no_entry(store: Store) -> None:
    store.provide("blobs", KEY, makes(b"x"))
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limit[1]))
    try:
        with store.lock("device-0"):
            assert store.find("blobs", KEY) is not None
        assert (store.root / "locks" / "device-0").read_bytes() == b""
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)


@pytest.mark.parametrize(
    "use",
    [
        lambda store: store.provide("blobs", KEY, refuses),
        lambda store: store.lock("device-0").__enter__(),
        lambda store: scratch.folder(store.root).__enter__(),
    ],
    ids=["provide", "lock", "scratch"],
)
def test_a_store_that_cannot_be_written_is_named(tmp_path: Path, use: Callable[[Store], object]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiskError, match=rf"^Cannot write {tmp_path}/file/.*: Not a directory\. .*--store"):
        use(Store(tmp_path / "file" / "store"))


def test_a_store_that_cannot_be_written_is_empty(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    store = Store(tmp_path / "file" / "store")
    assert store.find("blobs", KEY) is None
    assert store.digest(tmp_path / "file") == file_sha256(tmp_path / "file")


def test_a_text_is_never_seen_in_part(tmp_path: Path) -> None:
    path, texts = tmp_path / "results.json", {letter * 100_000 for letter in "abcd"}
    write_atomically(path, min(texts))
    seen: set[str] = set()
    with ThreadPoolExecutor(8) as pool:
        writing = [pool.submit(write_atomically, path, text) for text in sorted(texts) * 8]
        seen.add(path.read_text())
        while not all(each.done() for each in writing):
            seen.add(path.read_text())
    assert [each.exception() for each in writing if each.exception()] == []
    assert seen <= texts
    assert list(tmp_path.iterdir()) == [path]
