"""Which entries are trusted after a power loss, and what is noted of an entry's use."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.store.entry import Entry
from harness.store.store import Store
from tests.unit.stores import KEY, backdate, makes, manifest, refuses

LARGE = b"x" * (1 << 20)
ASKS = [lambda store: store.find("blobs", KEY), lambda store: store.provide("blobs", KEY, refuses)]


def dig(entry: Entry) -> None:
    """Leave a hole in the file of an entry and let its stamp fit, as after a power loss."""
    path = entry.path / "blob"
    before = path.stat()
    path.write_bytes(b"")
    os.truncate(path, before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    noted = manifest(entry)
    noted["files"]["blob"]["ctime_ns"] = path.stat().st_ctime_ns
    (entry.path / "entry.json").write_text(json.dumps(noted))


def age(entry: Entry) -> None:
    """Let an entry look as if it was made two minutes ago."""
    (entry.path / "entry.json").write_text(json.dumps(manifest(entry) | {"made": time.time() - 120}))


def test_a_power_loss_is_found(tmp_path: Path) -> None:
    entry = Store(tmp_path, boot="first").provide("blobs", KEY, makes(b"x" * 10_000))
    dig(entry)
    assert Store(tmp_path, boot="first").find("blobs", KEY) is not None
    assert Store(tmp_path, boot="second").find("blobs", KEY) is None
    assert not entry.path.exists()


def test_what_survived_a_power_loss_is_trusted_from_then_on(tmp_path: Path) -> None:
    made = Store(tmp_path, boot="first").provide("blobs", KEY, makes(b"x"))
    assert manifest(made)["boot"] == "first"
    found = Store(tmp_path, boot="second").provide("blobs", KEY, refuses)
    assert (found.cached, found.files) == (True, made.files)
    assert "boot" not in manifest(made)
    dig(made)
    assert Store(tmp_path, boot="third").find("blobs", KEY) is not None


@pytest.mark.parametrize("ask", ASKS, ids=["find", "provide"])
def test_what_is_on_disk_is_trusted_in_every_boot(store: Store, ask: Callable[[Store], Entry]) -> None:
    made = store.provide("blobs", KEY, makes(LARGE))
    assert ask(store).files == made.files
    assert manifest(made)["boot"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    age(made)
    assert ask(store).files == made.files
    assert "boot" not in manifest(made)
    assert manifest(made)["files"] == made.files


@pytest.mark.parametrize("ask", ASKS, ids=["find", "provide"])
def test_when_it_was_used_is_noted(store: Store, ask: Callable[[Store], Entry]) -> None:
    path = store.provide("blobs", KEY, makes(b"x")).path / "entry.json"
    backdate(path)
    ask(store)
    assert path.stat().st_mtime > time.time() - 60


def test_what_another_makes_again_is_not_said_to_be_on_disk(store: Store) -> None:
    made = store.provide("blobs", KEY, makes(LARGE))
    age(made)
    with store.lock(f"blobs-{KEY}"):
        assert store.find("blobs", KEY) is not None
    assert "boot" in manifest(made)


def test_a_manifest_may_name_no_boot(store: Store) -> None:
    made = store.provide("blobs", KEY, makes(b"x"))
    (made.path / "entry.json").write_text(json.dumps({"files": made.files}))
    assert store.find("blobs", KEY) is not None
    assert "boot" not in manifest(made)


def test_a_small_entry_is_rather_read_again_after_another_boot(tmp_path: Path) -> None:
    made = Store(tmp_path, boot="first").provide("blobs", KEY, makes(b"x"))
    age(made)
    before = (made.path / "entry.json").stat().st_ino
    assert Store(tmp_path, boot="first").find("blobs", KEY) is not None
    assert (made.path / "entry.json").stat().st_ino == before
    assert manifest(made)["boot"] == "first"
    assert Store(tmp_path, boot="second").find("blobs", KEY) is not None
    assert "boot" not in manifest(made)
