"""What is fetched over a network is fetched in the integration tests."""

import hashlib
import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from harness.core.blobs import Blob, FetchEstimate
from harness.core.callbacks import ignore
from harness.core.errors import DiskError
from harness.core.settings import FetchSettings
from harness.fetch import provision
from harness.pipeline.progress import Live
from harness.store.store import Store

WANTED = Blob(url="https://host/wanted", sha256=hashlib.sha256(b"wanted").hexdigest(), size_bytes=9000)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return a store with one entry of 8 kB that nobody uses and the beginning of a blob."""

    def make(folder: Path) -> None:
        (folder / "blob").write_bytes(bytes(8000))

    with Store(tmp_path) as filling:
        filling.provide("blobs", "0" * 64, make)
    partial = filling.partial_dir("blobs", WANTED.sha256 or "")
    partial.mkdir(parents=True)
    (partial / "blob").write_bytes(bytes(500))
    return Store(tmp_path)


OFFLINE = FetchSettings(offline=True)


def test_room_is_made_by_what_was_not_used_but_not_by_what_is_to_be_resumed(store: Store) -> None:
    options = replace(OFFLINE, cache_bytes=10_000)
    with provision.fetcher(options, store, ignore) as fetcher:
        provision.make_room(options, fetcher, [WANTED], ignore)
    assert store.find("blobs", "0" * 64) is None
    assert store.partial_dir("blobs", WANTED.sha256 or "").is_dir()


def test_without_a_limit_everything_stays(store: Store) -> None:
    with provision.fetcher(OFFLINE, store, ignore) as fetcher:
        provision.make_room(OFFLINE, fetcher, [WANTED], ignore)
    assert store.find("blobs", "0" * 64) is not None


def test_what_has_no_room_together_is_not_begun(store: Store) -> None:
    with provision.fetcher(FetchSettings(), store, ignore) as fetcher:
        fetcher.check_room(FetchEstimate(blobs=2, bytes=1 << 62))
        with pytest.raises(DiskError, match=r"2 blobs to fetch \([0-9.]+ TB\), but only .* free; free some space"):
            fetcher.fetch(WANTED)


def test_a_blob_that_cannot_be_fetched_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"x")
    blobs = [Blob(url=(tmp_path / name).as_uri()) for name in ("gone", "there")]
    said = list[str]()
    settings = replace(OFFLINE, store=tmp_path / "store")
    with Live(Console(file=io.StringIO()), id_width=0) as live:
        fetched = provision.fetch_all(settings, blobs, live, said.extend)
    assert list(fetched) == blobs[1:]
    assert f"ERROR     fetch: {tmp_path}/gone: no such file" in "\n".join(said)
    assert f"local     {hashlib.sha256(b'x').hexdigest()[:12]}               1 bytes  {blobs[1].url}" in "\n".join(said)


def test_a_wait_for_another_process_is_told_once_and_one_for_this_process_never() -> None:
    told: list[str] = []
    tell = provision.waiting(told.append)
    for holder in ("", "process 1 on a, which is installing IREE 3.12.0", "process 2 on a"):
        for waited_s in (1.0, 3.0, 9.0):
            tell(holder, waited_s)
    assert told == ["waiting for process 1 on a, which is installing IREE 3.12.0", "waiting for process 2 on a"]
