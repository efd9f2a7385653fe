import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import DiskError
from harness.host import locks
from harness.store import scratch, url_index
from harness.store.gc import Collected, KindUsage, collect, usage
from harness.store.inventory import Item
from harness.store.store import Store
from harness.store.url_index import UrlRecord
from tests.patience import IN_PROCESS_S
from tests.unit.stores import digest, makes, partials, put, used

NOTHING = Collected(removed=(), kept_in_use=(), freed_bytes=0, total_bytes=0)


def put_url(store: Store, name: str, text: str) -> Path:
    with Store(store.root) as maker:
        return maker.provide("urls", digest(name), makes(text.encode(), "url.json")).path


def put_partial(store: Store, name: str, size_bytes: int = 1, *, days_ago: float = 0) -> Path:
    partial = store.partial_dir("blobs", digest(name))
    partial.mkdir(parents=True)
    (store.root / "locks").mkdir(exist_ok=True)
    (partial / "blob").write_bytes(b"x" * size_bytes)
    used(partial / "blob", days_ago)
    used(partial, days_ago)
    return partial


def keys(items: tuple[Item, ...]) -> list[str]:
    return [item.key for item in items]


def test_usage(store: Store) -> None:
    put(store, "a", 10)
    put(store, "b", 20)
    put(store, "c", 3, kind="modules")
    partial = put_partial(store, "d", 5)
    os.truncate(partial / "blob", 1 << 30)
    found = usage(store)
    assert found.kinds == (KindUsage(kind="blobs", count=2, bytes=30), KindUsage(kind="modules", count=1, bytes=3))
    assert found.unfinished.count == 1
    assert 0 < found.unfinished.bytes < 100_000
    assert found.total_bytes == 33 + found.unfinished.bytes
    assert found.free_bytes > 0


def test_a_store_that_is_not_there_holds_nothing_and_is_not_made(store: Store) -> None:
    found = usage(store)
    assert (found.kinds, found.unfinished.count, found.total_bytes) == ((), 0, 0)
    assert found.free_bytes > 0
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


def test_the_least_recently_used_entry_goes_first(store: Store) -> None:
    put(store, "a", 10, days_ago=1)
    put(store, "b", 10, days_ago=4, kind="modules")
    put(store, "c", 10, days_ago=2)
    put_partial(store, "d", 10, days_ago=3)
    before = usage(store).total_bytes
    done = collect(store, 15)
    going = [("modules", digest("b"), False), ("blobs", digest("d"), True), ("blobs", digest("c"), False)]
    assert [(item.kind, item.key, item.is_partial) for item in done.removed] == going
    assert (done.freed_bytes, done.total_bytes, done.kept_in_use) == (before - 10, 10, ())
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


def test_an_entry_that_is_being_created_stays(store: Store) -> None:
    put(store, "a", 10)
    put_partial(store, "b", days_ago=100)
    with store.lock(f"blobs-{digest('a')}"), store.lock(f"blobs-{digest('b')}"):
        done = collect(store, 0)
    assert (done.removed, keys(done.kept_in_use)) == ((), [digest("a")])
    assert len(collect(store, 0).removed) == 2


def test_what_is_to_be_kept_stays(store: Store) -> None:
    put(store, "a", 10)
    done = collect(store, 0, keep={("blobs", digest("a"))})
    assert done == Collected(removed=(), kept_in_use=(), freed_bytes=0, total_bytes=10)


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


def test_without_a_budget_only_stale_partial_entries_go(store: Store) -> None:
    put(store, "a", 10, days_ago=1000)
    put_partial(store, "old", 10_000, days_ago=8)
    young = put_partial(store, "young", days_ago=6)
    fresh = put_partial(store, "fresh", days_ago=8)
    (fresh / "part").touch()
    done = collect(store, None)
    assert [(item.key, item.is_partial) for item in done.removed] == [(digest("old"), True)]
    assert done.freed_bytes >= 10_000
    assert sorted(partials(store)) == sorted([young, fresh])
    assert store.find("blobs", digest("a")) is not None


def test_what_killed_processes_left_goes(store: Store) -> None:
    put(store, "a")
    folders = [store.root / "tmp" / name for name in ("scratch.0", "removed.0")]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "file").touch()
    with scratch.folder(store.root) as lent:
        assert collect(store, None).removed == ()
        assert list((store.root / "tmp").iterdir()) == [lent]


def test_an_entry_that_no_process_can_find_goes(store: Store) -> None:
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
    url = put_url(store, "blob", json.dumps({"sha256": digest("blob")}))
    put_url(store, "gone", json.dumps({"sha256": digest("gone")}))
    put_url(store, "odd", "null")
    assert sorted(keys(collect(store, None).removed)) == sorted([digest("gone"), digest("odd")])
    assert url.exists()
    assert keys(collect(store, 500).removed) == [digest("blob"), digest("blob")]
    assert not url.exists()


def test_notes_go_with_their_blobs(store: Store) -> None:
    put(store, "blob", 1000, days_ago=9)
    for name in ("blob", "gone"):
        known = UrlRecord(sha256=digest(name))
        url_index.note(store, f"https://host/{name}", lambda known=known: known, sha256=known.sha256)  # type: ignore[misc]
    (store.root / "notes" / "odd.json").write_text("null")
    collect(store, None)
    (left,) = (store.root / "notes").iterdir()
    assert url_index.read(store, left).sha256 == digest("blob")
    collect(store, 500)
    assert not left.exists()


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
    with pytest.raises(DiskError, match=r"store/pins: cannot find out which .* \(Is a directory\), so nothing"):
        collect(store, 0)
    assert store.find("blobs", digest("a")) is not None


def test_a_reader_of_what_is_being_removed_waits(store: Store) -> None:
    entry = put(store, "a")
    pins = locks.Pins(store.files, store.root / "pins")
    with ThreadPoolExecutor(1) as pool:
        with pins.seized(f"blobs-{digest('a')}"):
            finding = pool.submit(store.find, "blobs", digest("a"))
            time.sleep(0.05)
            assert not finding.done()
            shutil.rmtree(entry.path)
        assert finding.result(timeout=IN_PROCESS_S) is None
