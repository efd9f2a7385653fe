import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import locks
from harness.entries import Entry
from harness.errors import DiskError
from harness.inventory import Item
from harness.store import Store
from harness.upkeep import Collected, Held, Verified, collect, usage, verify

DAY_S = 24 * 3600
NOTHING = Collected(removed=(), kept_in_use=(), freed_bytes=0, total_bytes=0)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def put(store: Store, name: str, size_bytes: int = 1, *, days_ago: float = 0, kind: str = "blobs") -> Entry:
    """Store an entry last used some days ago, and let go of it."""

    def make(folder: Path) -> None:
        (folder / "blob").write_bytes(b"x" * size_bytes)

    with Store(store.root) as maker:
        entry = maker.provide(kind, digest(name), make)
    used(entry.path / "entry.json", days_ago)
    return entry


def put_url(store: Store, name: str, sha256: str) -> Path:
    def make(folder: Path) -> None:
        (folder / "url.json").write_text(json.dumps({"sha256": sha256}))

    with Store(store.root) as maker:
        return maker.provide("urls", digest(name), make).path


def put_draft(store: Store, name: str, size_bytes: int = 1, *, days_ago: float = 0) -> Path:
    draft = store.draft_dir("blobs", digest(name))
    draft.mkdir(parents=True)
    (store.root / "locks").mkdir(exist_ok=True)
    (draft / "blob").write_bytes(b"x" * size_bytes)
    used(draft / "blob", days_ago)
    used(draft, days_ago)
    return draft


def used(path: Path, days_ago: float) -> None:
    then = time.time() - days_ago * DAY_S
    os.utime(path, (then, then))


def keys(items: tuple[Item, ...]) -> list[str]:
    return [item.key for item in items]


def test_usage(store: Store) -> None:
    put(store, "a", 10)
    put(store, "b", 20)
    put(store, "c", 3, kind="modules")
    draft = put_draft(store, "d", 5)
    os.truncate(draft / "blob", 1 << 30)
    found = usage(store)
    assert found.kinds == (Held(kind="blobs", count=2, bytes=30), Held(kind="modules", count=1, bytes=3))
    assert found.unfinished.count == 1
    assert 0 < found.unfinished.bytes < 100_000
    assert found.total_bytes == 33 + found.unfinished.bytes
    assert found.free_bytes > 0


def test_usage_of_nothing(store: Store) -> None:
    found = usage(store)
    assert (found.kinds, found.unfinished.count, found.total_bytes) == ((), 0, 0)
    assert found.free_bytes > 0
    assert not store.root.exists()


def test_a_collection_of_nothing_makes_nothing(store: Store) -> None:
    assert collect(store, 0) == NOTHING
    assert not store.root.exists()


def test_a_folder_that_is_no_store_is_left_alone(tmp_path: Path) -> None:
    entry = put(Store(tmp_path / "old"), "a")
    (tmp_path / "mine" / "tmp" / "my-project").mkdir(parents=True)
    (tmp_path / "mine" / "things" / entry.path.name[:2]).mkdir(parents=True)
    entry.path.rename(tmp_path / "mine" / "things" / entry.path.name[:2] / entry.path.name)
    used(tmp_path / "mine" / "tmp" / "my-project", 100)
    before = sorted((tmp_path / "mine").rglob("*"))
    assert collect(Store(tmp_path / "mine"), 0) == NOTHING
    assert sorted((tmp_path / "mine").rglob("*")) == before


def test_what_nobody_used_for_longest_goes_first(store: Store) -> None:
    put(store, "a", 10, days_ago=1)
    put(store, "b", 10, days_ago=3, kind="modules")
    put(store, "c", 10, days_ago=2)
    done = collect(store, 15)
    assert keys(done.removed) == [digest("b"), digest("c")]
    assert (done.freed_bytes, done.total_bytes, done.kept_in_use) == (20, 10, ())
    assert [item.kind for item in done.removed] == ["modules", "blobs"]
    assert store.find("modules", digest("b")) is None
    assert store.find("blobs", digest("a")) is not None
    assert collect(store, 15) == Collected(removed=(), kept_in_use=(), freed_bytes=0, total_bytes=10)


@settings(max_examples=15)
@given(
    sizes=st.lists(st.integers(1, 50), max_size=6),
    ages=st.permutations(range(1, 7)),
    budget=st.integers(0, 200),
    pinned=st.sets(st.integers(0, 5)),
)
def test_no_more_goes_than_must(sizes: list[int], ages: list[int], budget: int, pinned: set[int]) -> None:
    """Oldest first, and only as long as the rest is too much; what is in use stays."""
    with TemporaryDirectory() as folder:
        store = Store(Path(folder))
        for number, (size, age) in enumerate(zip(sizes, ages, strict=False)):
            entry = put(store, str(number), size, days_ago=age)
            if number in pinned:
                store.find("blobs", digest(str(number)))
                used(entry.path / "entry.json", age)
        total, going = sum(sizes), []
        for number in sorted(range(len(sizes)), key=lambda each: -ages[each]):
            if total > budget and number not in pinned:
                going.append(digest(str(number)))
                total -= sizes[number]
        done = collect(store, budget)
        assert keys(done.removed) == going
        assert done.total_bytes == total == usage(store).total_bytes
        assert done.freed_bytes == sum(sizes) - total
        assert {*keys(done.kept_in_use)} <= {digest(str(number)) for number in pinned}
        store.close()


@pytest.mark.parametrize("user", ["the store itself", "another in this process"])
def test_what_is_in_use_stays(store: Store, user: str) -> None:
    put(store, "a", 10)
    by = store if user == "the store itself" else Store(store.root)
    assert by.find("blobs", digest("a")) is not None
    done = collect(store, 0)
    assert (done.removed, keys(done.kept_in_use), done.total_bytes) == ((), [digest("a")], 10)
    by.close()
    assert keys(collect(store, 0).removed) == [digest("a")]


def test_what_was_asked_for_before_it_was_there_stays(store: Store) -> None:
    put(store, "other")
    assert store.find("blobs", digest("a")) is None
    put(store, "a")
    assert keys(collect(store, 0).kept_in_use) == [digest("a")]


def test_what_somebody_makes_stays(store: Store) -> None:
    put(store, "a", 10)
    put_draft(store, "b", days_ago=100)
    with store.lock(f"blobs-{digest('a')}"), store.lock(f"blobs-{digest('b')}"):
        done = collect(store, 0)
    assert (done.removed, keys(done.kept_in_use)) == ((), [digest("a")])
    assert len(collect(store, 0).removed) == 2


def test_what_is_to_be_kept_stays(store: Store) -> None:
    put(store, "a", 10)
    done = collect(store, 0, keep={("blobs", digest("a"))})
    assert done == Collected(removed=(), kept_in_use=(), freed_bytes=0, total_bytes=10)


def test_without_a_budget_only_stale_drafts_go(store: Store) -> None:
    put(store, "a", 10, days_ago=1000)
    put_draft(store, "old", 10_000, days_ago=8)
    young = put_draft(store, "young", days_ago=6)
    fresh = put_draft(store, "fresh", days_ago=8)
    (fresh / "part").touch()
    done = collect(store, None)
    assert [(item.key, item.is_draft) for item in done.removed] == [(digest("old"), True)]
    assert done.freed_bytes >= 10_000
    assert sorted((store.root / "tmp").iterdir()) == sorted([young, fresh])
    assert store.find("blobs", digest("a")) is not None


def test_drafts_go_in_the_same_order(store: Store) -> None:
    put(store, "a", 10, days_ago=3)
    put_draft(store, "b", 10, days_ago=2)
    put(store, "c", 10, days_ago=1)
    done = collect(store, 10)
    assert [(item.key, item.is_draft) for item in done.removed] == [(digest("a"), False), (digest("b"), True)]
    assert done.total_bytes == 10


def test_what_killed_processes_left_goes(store: Store) -> None:
    put(store, "a")
    folders = [store.root / "tmp" / name for name in ("tmpold", "tmpyoung", "removed.0", "tmpinuse")]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "file").touch()
        if folder.name in {"tmpold", "tmpinuse"}:
            used(folder, 2)
            used(folder / "file", 2 if folder.name == "tmpold" else 0)
    assert collect(store, None).removed == ()
    assert [folder.name for folder in folders if folder.exists()] == ["tmpyoung", "tmpinuse"]


def test_an_entry_that_nobody_will_find_goes(store: Store) -> None:
    path = put(store, "a", 10).path
    (path / "entry.json").write_text("")
    assert usage(store).kinds[0].count == 1
    done = collect(store, None)
    assert keys(done.removed) == [digest("a")]
    assert not path.exists()


def test_locks_of_long_ago_go(store: Store) -> None:
    for name in ("old", "young", "held"):
        with store.lock(name):
            pass
    used(store.root / "locks" / "old", 2)
    with store.lock("held"):
        used(store.root / "locks" / "held", 2)
        collect(store, None)
    assert sorted(path.name for path in (store.root / "locks").iterdir()) == ["collection", "held", "young"]


def test_digests_of_what_is_gone_go(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put(store, "a")
    for name in ("gone", "there"):
        Path(name).touch()
        store.digest(Path(name))
    (store.root / "digests" / "odd.json").write_text("[]")
    (store.root / "digests" / ".left.tmp").touch()
    used(store.root / "digests" / ".left.tmp", 2)
    Path("gone").unlink()
    monkeypatch.chdir("/")
    collect(store, None)
    (left,) = (store.root / "digests").iterdir()
    assert json.loads(left.read_text())["path"] == str(tmp_path / "there")


def test_urls_go_with_their_blobs(store: Store) -> None:
    put(store, "blob", 1000, days_ago=9)
    urls = {name: put_url(store, name, digest(name)) for name in ("blob", "gone")}
    odd = put_url(store, "odd", "x")
    (odd / "url.json").write_text("null")
    assert sorted(keys(collect(store, None).removed)) == sorted([digest("gone"), digest("odd")])
    assert urls["blob"].exists()
    assert keys(collect(store, 500).removed) == [digest("blob"), digest("blob")]
    assert not urls["blob"].exists()


def test_what_is_used_meanwhile_stays(store: Store) -> None:
    """It was the oldest when the collector looked, and is not any more when its turn comes."""
    put(store, "a", 10, days_ago=3)
    second = put(store, "b", 10, days_ago=2)
    put(store, "c", 10, days_ago=1)

    class Meanwhile:
        def __contains__(self, item: object) -> bool:
            if item == ("blobs", digest("a")):
                used(second.path / "entry.json", 0)
            return False

    assert keys(collect(store, 10, keep=Meanwhile()).removed) == [digest("a"), digest("c")]
    assert second.path.exists()


def test_two_collectors_remove_each_entry_once(store: Store) -> None:
    for number in range(30):
        put(store, str(number), days_ago=number)
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: collect(Store(store.root), 10), range(4)))
    removed = [key for each in done for key in keys(each.removed)]
    assert len(removed) == len(set(removed)) == 20
    assert usage(store).total_bytes == 10
    assert collect(store, 10).total_bytes == 10


def test_where_nothing_can_be_locked_nothing_is_removed(store: Store) -> None:
    put(store, "a")
    (store.root / "pins").unlink()
    (store.root / "pins").mkdir()
    with pytest.raises(DiskError, match=r"store/pins: what is in use cannot be told \(Is a directory\), so nothing"):
        collect(store, 0)
    assert store.find("blobs", digest("a")) is not None


def test_a_reader_of_what_is_being_removed_waits(store: Store) -> None:
    entry = put(store, "a")
    pins = locks.Pins(store.root / "pins")
    with ThreadPoolExecutor(1) as pool:
        with pins.seized(f"blobs-{digest('a')}"):
            finding = pool.submit(store.find, "blobs", digest("a"))
            time.sleep(0.05)
            assert not finding.done()
            shutil.rmtree(entry.path)
        assert finding.result(timeout=10) is None


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
    assert list((store.root / "tmp").iterdir()) == []
    assert [each.ok for each in verify(store)] == [True]


def test_verify_is_no_use(store: Store) -> None:
    entry = put(store, "a", days_ago=5)
    os.utime(entry.path / "blob", (1, 1))
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
