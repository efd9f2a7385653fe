import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.store.gc import Verified, verify
from harness.store.store import Store
from tests.unit.stores import DAY_S, backdate, digest, partials, put


def test_verify_reads_everything(store: Store) -> None:
    put(store, "a", 3_000_000)
    put(store, "b", 5, kind="modules")
    pieces: list[int] = []
    found = list(verify(store, pieces.append))
    assert found == [
        Verified(kind="blobs", key=digest("a"), bytes=3_000_000, ok=True),
        Verified(kind="modules", key=digest("b"), bytes=5, ok=True),
    ]
    assert sum(pieces) == 3_000_005
    assert len(pieces) > 2


def rot(path: Path) -> None:
    """Change a byte behind the back of size and time."""
    before = path.stat()
    path.write_bytes(b"y" + path.read_bytes()[1:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def lose(path: Path) -> None:
    """Let reading fail as a broken disk does."""
    path.unlink()
    path.symlink_to("/proc/self/mem")


@pytest.mark.parametrize("damage", [rot, lose, Path.unlink, lambda path: (path.parent / "entry.json").write_text("")])
def test_verify_removes_what_is_not_what_was_stored(store: Store, damage: Callable[[Path], None]) -> None:
    good, bad = put(store, "a", 10), put(store, "b", 10)
    damage(bad.path / "blob")
    assert {each.key: each.ok for each in verify(store)} == {digest("a"): True, digest("b"): False}
    assert (good.path.exists(), bad.path.exists()) == (True, False)
    assert partials(store) == []
    assert [each.ok for each in verify(store)] == [True]


def test_verify_is_no_use(store: Store) -> None:
    entry = put(store, "a", days_ago=5)
    backdate(entry.path / "blob")
    assert [each.ok for each in verify(store)] == [True]
    assert (entry.path / "entry.json").stat().st_mtime < time.time() - 4 * DAY_S
    found = store.listed("blobs", digest("a"))
    assert found is not None
    assert (found.boot, found.files["blob"]["mtime_ns"]) == (None, 10**9)


def test_verify_can_be_ended(store: Store) -> None:
    entry = put(store, "a")

    def end(_: int) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        list(verify(store, end))
    assert entry.path.exists()


def test_verify_passes_over_what_is_removed_meanwhile(store: Store) -> None:
    first, second = sorted([put(store, "a"), put(store, "b")], key=lambda entry: entry.path)
    found = verify(store)
    assert next(found).key == first.path.name
    shutil.rmtree(second.path)
    assert list(found) == []
