"""What machines share, and what a store that others can write to may do: nothing but be of no use."""

import errno
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from harness.core.errors import UsageError
from harness.host.cancel import Cancelled
from harness.store import shared_entry, shared_upkeep
from harness.store.objects import FolderObjects, ObjectsError, Stored
from harness.store.shared_entry import SharedEntry, SharedFile
from harness.store.signing import Key
from harness.store.store import Store
from harness.store.upstream import Upstream
from tests.unit.stores import KEY, makes, refuses

CONTENT = b"a module" * 1000
BLOB = b"weights" * 1000
BLOB_KEY = hashlib.sha256(BLOB).hexdigest()


def pem(private: Ed25519PrivateKey) -> tuple[bytes, bytes]:
    """Return the private and the public key as files have them."""
    return (
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
    )


@pytest.fixture
def key() -> Key:
    private = Ed25519PrivateKey.generate()
    return Key(public=private.public_key(), private=private)


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    folder = tmp_path / "shared"
    folder.mkdir()
    return folder


class Machine:
    """A machine: a cache of its own, and what it was told."""

    def __init__(self, cache: Path, upstream: Upstream) -> None:
        self.said: list[str] = []
        upstream.notice = self.said.append
        self.cache, self.upstream = cache, upstream

    def provide(self, make: Callable[[Path], None], kind: str = "modules", key: str = KEY, **how: int) -> bool:
        """Return whether an entry was there already; what it has is read by the caller, and is shared afterwards."""
        with Store(self.cache, upstream=self.upstream) as store:
            entry = store.provide(kind, key, make, size_bytes=how.get("size_bytes"))
            assert entry.received == (entry.cached and bool(how.get("received", 1)))
            return entry.cached

    def content(self, kind: str = "modules", key: str = KEY) -> dict[str, bytes]:
        """Return the files of an entry."""
        folder = Store(self.cache).path(kind, key)
        files = (path for path in folder.rglob("*") if path.is_file() and path.name != "entry.json")
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}


Machines = Callable[..., Machine]


@pytest.fixture
def machine(tmp_path: Path, shared: Path, key: Key) -> Machines:
    """Return a function that makes machines, which share a folder and a key."""

    def made(name: str, *, its_key: Key | None = key, objects: FolderObjects | None = None) -> Machine:
        found = objects or FolderObjects(shared)
        timeout_s = 0.5 if isinstance(found, Hanging) else 60
        return Machine(tmp_path / name, Upstream("file:///shared", found, its_key, timeout_s=timeout_s))

    return made


def two(folder: Path) -> None:
    """Make an entry of three files: one in a folder of its own, and an empty one."""
    (folder / "main.vmfb").write_bytes(CONTENT)
    (folder / "dumps").mkdir()
    (folder / "dumps" / "statistics.json").write_bytes(b"{}")
    (folder / "compile.log").touch()


def public(key: Key) -> Key:
    return Key(public=key.public)


def other() -> Key:
    private = Ed25519PrivateKey.generate()
    return Key(public=private.public_key(), private=private)


@pytest.mark.parametrize("kind", ["modules", "failures", "imports"])
def test_what_one_machine_made_is_there_for_the_others(machine: Machines, key: Key, kind: str) -> None:
    made = machine("a")
    assert not made.provide(two, kind)
    for name, its_key in (("b", key), ("c", public(key))):
        took = machine(name, its_key=its_key)
        assert took.provide(refuses, kind)
        assert took.content(kind) == made.content(kind)
        assert took.provide(refuses, kind)  # now it is in its own cache
        assert made.said == took.said == []


def test_a_blob_proves_itself(machine: Machines) -> None:
    assert not machine("a", its_key=None).provide(makes(BLOB), "blobs", BLOB_KEY)
    took = machine("b", its_key=None)
    assert took.provide(refuses, "blobs", BLOB_KEY, size_bytes=len(BLOB))
    assert took.content("blobs", BLOB_KEY) == {"blob": BLOB}
    # Without a size it could be endless.
    assert not machine("c").provide(makes(BLOB), "blobs", BLOB_KEY)


@pytest.mark.parametrize(("writer", "reader"), [("none", "key"), ("public", "key"), ("key", "none")])
def test_modules_are_not_shared_without_the_key(machine: Machines, key: Key, writer: str, reader: str) -> None:
    keys = {"none": None, "public": public(key), "key": key}
    made, took = machine("a", its_key=keys[writer]), machine("b", its_key=keys[reader])
    assert not made.provide(two)
    assert not took.provide(two)
    assert made.said == took.said == []


@pytest.mark.parametrize("kind", ["toolchains", "importers", "urls", "weights"])
def test_other_kinds_stay_here(machine: Machines, shared: Path, kind: str) -> None:
    assert not machine("a").provide(two, kind)
    assert list(shared.iterdir()) == []


def test_what_is_private_stays_here(machine: Machines, shared: Path) -> None:
    made = machine("a")
    with Store(made.cache, upstream=made.upstream) as store:
        store.provide("modules", KEY, two, private=True)
    assert list(shared.iterdir()) == []
    machine("b").provide(two)
    cold = machine("c")
    with Store(cold.cache, upstream=cold.upstream) as store:
        assert not store.provide("modules", KEY, two, private=True).cached


def test_a_failure_is_looked_for_there(machine: Machines) -> None:
    machine("a").provide(two, "failures")
    cold = machine("b")
    with Store(cold.cache, upstream=cold.upstream) as store:
        assert store.find("failures", KEY) is None
        found = store.find_shared("failures", KEY)
        assert found is not None
        assert found.received
        assert store.find_shared("failures", "cd" * 32) is None


def test_a_download_that_began_goes_on(machine: Machines) -> None:
    machine("a").provide(makes(BLOB), "blobs", BLOB_KEY)
    begun = machine("b")
    with Store(begun.cache, upstream=begun.upstream) as store:
        partial = store.partial_dir("blobs", BLOB_KEY)
        partial.mkdir(parents=True)
        (partial / "blob").write_bytes(BLOB[:100])
        made = store.provide("blobs", BLOB_KEY, lambda _: None, resumable=("blob",), size_bytes=len(BLOB))
        assert made.files["blob"]["bytes"] == 100


def text_of(shared: Path) -> Path:
    return shared / shared_entry.name("modules", KEY)


def object_of(shared: Path, content: bytes = CONTENT) -> Path:
    return shared / shared_entry.name("objects", hashlib.sha256(content).hexdigest())


def changed_module(shared: Path, _key: Key) -> None:
    object_of(shared).write_bytes(b"b" + CONTENT[1:])


def truncated_module(shared: Path, _key: Key) -> None:
    object_of(shared).write_bytes(CONTENT[:-1])


def empty_module(shared: Path, _key: Key) -> None:
    object_of(shared).write_bytes(b"")


def linked_module(shared: Path, _key: Key) -> None:
    """Put the right content elsewhere."""
    moved = shared / "elsewhere"
    object_of(shared).rename(moved)
    object_of(shared).symlink_to(moved)


def folder_for_module(shared: Path, _key: Key) -> None:
    object_of(shared).unlink()
    object_of(shared).mkdir()


def pipe_for_module(shared: Path, _key: Key) -> None:
    object_of(shared).unlink()
    os.mkfifo(object_of(shared))


def changed_list(shared: Path, _key: Key) -> None:
    """Let the list name another module, which is there."""
    evil = b"evil" * 2000
    object_of(shared, evil).parent.mkdir(exist_ok=True)
    object_of(shared, evil).write_bytes(evil)
    text = text_of(shared).read_bytes()
    right, wrong = (hashlib.sha256(each).hexdigest().encode() for each in (CONTENT, evil))
    text_of(shared).write_bytes(text.replace(right, wrong))


def list_of_another_key(shared: Path, _key: Key) -> None:
    text_of(shared).write_bytes(shared_entry.signed(entry("main.vmfb"), other()))


def list_of_another_entry(shared: Path, key: Key) -> None:
    text_of(shared).write_bytes(shared_entry.signed(entry("main.vmfb", key="cd" * 32), key))


def list_of_another_kind(shared: Path, key: Key) -> None:
    text_of(shared).write_bytes(shared_entry.signed(entry("main.vmfb", kind="failures"), key))


def truncated_list(shared: Path, _key: Key) -> None:
    text_of(shared).write_bytes(text_of(shared).read_bytes()[:-1])


def unsigned_list(shared: Path, _key: Key) -> None:
    text_of(shared).write_bytes(text_of(shared).read_bytes().partition(b"\n")[2])


def endless_list(shared: Path, _key: Key) -> None:
    with text_of(shared).open("ab") as file:
        file.truncate(1 << 30)


def other_file(shared: Path, _key: Key) -> None:
    text_of(shared).write_bytes(b"\xff\x00 not a list\n" * 100)


def entry(name: str, *, kind: str = "modules", key: str = KEY) -> SharedEntry:
    file = SharedFile(sha256=hashlib.sha256(CONTENT).hexdigest(), bytes=len(CONTENT))
    return SharedEntry(kind=kind, key=key, files={name: file})


POISONS = [
    *(changed_module, truncated_module, empty_module, linked_module, folder_for_module, pipe_for_module),
    *(changed_list, list_of_another_key, list_of_another_entry, list_of_another_kind, truncated_list),
    *(unsigned_list, endless_list, other_file),
]


@pytest.mark.parametrize("poison", POISONS, ids=lambda each: each.__name__)
def test_what_is_poisoned_is_refused_with_one_warning_and_made_here(
    machine: Machines, shared: Path, key: Key, poison: Callable[[Path, Key], None]
) -> None:
    made = machine("a")
    made.provide(two)
    poison(shared, key)
    cold = machine("b")
    assert not cold.provide(two)
    assert cold.content() == made.content()
    reading = "warning: reading from the shared store file:///shared: "
    assert [line for line in cold.said if line.startswith(reading)] == cold.said[:1]
    assert list((cold.cache / "tmp").iterdir()) == []
    if poison is not folder_for_module:  # which no file replaces
        assert machine("c").provide(refuses)


@pytest.mark.parametrize(
    "name",
    ["../../evil", "/etc/evil", "a/../../evil", ".hidden", "a//b", "", "entry.json", "a\nb", "a" * 300, "a\\b/.."],
)
def test_names_lead_nowhere_else_even_if_they_are_signed(
    machine: Machines, shared: Path, key: Key, tmp_path: Path, name: str
) -> None:
    machine("a").provide(two)
    text_of(shared).write_bytes(shared_entry.signed(entry(name), key))
    before = {*tmp_path.rglob("evil")}
    cold = machine("b")
    assert not cold.provide(two)
    why = "has a file with an improper name, size or digest; going on without it"
    assert cold.said == [f"warning: reading from the shared store file:///shared: modules {KEY} was refused: {why}"]
    assert {*tmp_path.rglob("evil")} == before


def test_a_blob_of_another_size_is_not_read(machine: Machines, shared: Path) -> None:
    machine("a").provide(makes(BLOB), "blobs", BLOB_KEY)
    with object_of(shared, BLOB).open("ab") as file:
        file.truncate(1 << 30)
    cold = machine("b")
    assert not cold.provide(makes(BLOB), "blobs", BLOB_KEY, size_bytes=len(BLOB))
    assert f"it has {1 << 30} bytes, expected {len(BLOB)}" in cold.said[0]
    assert object_of(shared, BLOB).stat().st_size == len(BLOB), "it was not replaced"


@pytest.mark.parametrize("poison", ["lists", "files"])
def test_three_failures_are_enough(machine: Machines, shared: Path, key: Key, poison: str) -> None:
    made = machine("a")
    keys = [hashlib.sha256(bytes([each])).hexdigest() for each in range(5)]
    for each in keys:
        made.provide(two, key=each)
    if poison == "files":
        changed_module(shared, key)
    else:
        for each in keys[:3]:
            (shared / shared_entry.name("modules", each)).write_bytes(b"")
    cold = machine("b", its_key=public(key))
    assert [cold.provide(two, key=each, received=0) for each in keys[:3]] == [False] * 3
    made.provide(makes(BLOB), key=keys[0], kind="failures")
    assert not cold.provide(makes(BLOB), key=keys[0], kind="failures"), "it is read all the same"
    assert len(cold.said) == 1


def test_what_was_removed_because_of_its_age_is_missing(machine: Machines, shared: Path) -> None:
    machine("a").provide(two)
    object_of(shared).unlink()
    cold = machine("b")
    assert not cold.provide(two)
    assert cold.said == []
    assert machine("c").provide(refuses)


class Hanging(FolderObjects):
    """A folder of a server that does not answer, from the given call on."""

    def __init__(self, root: Path, calls: int) -> None:
        super().__init__(root)
        self.calls, self.released = calls, threading.Event()

    def read(self, name: str, start: int, stop: int) -> bytes | None:
        self._wait()
        return super().read(name, start, stop)

    def find(self, name: str) -> Stored | None:
        self._wait()
        return super().find(name)

    def write(self, name: str, opened: Callable[[], BinaryIO]) -> None:
        self._wait()
        super().write(name, opened)

    def _wait(self) -> None:
        self.calls -= 1
        if self.calls < 0:
            self.released.wait(60)
            raise ObjectsError("it was released")


@pytest.fixture
def hanging(shared: Path) -> Iterator[Callable[[int], Hanging]]:
    made: list[Hanging] = []

    def hang(calls: int) -> Hanging:
        made.append(Hanging(shared, calls))
        return made[-1]

    yield hang
    for each in made:
        each.released.set()


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_what_does_not_answer_is_not_waited_for(
    machine: Machines, hanging: Callable[[int], Hanging], calls: int
) -> None:
    machine("a").provide(two)
    cold = machine("b", objects=hanging(calls))
    assert not cold.provide(two)
    assert cold.content() == machine("a").content()
    assert cold.said[0].endswith(": no answer within 0.5 s; going on without it")
    assert list((cold.cache / "tmp").iterdir()) == []


def test_a_folder_that_is_not_mounted_is_not_made(machine: Machines, shared: Path) -> None:
    shared.rmdir()
    cold = machine("a")
    assert not cold.provide(two)
    assert not cold.provide(two, key="cd" * 32)
    assert cold.said == [
        f"warning: {way} the shared store file:///shared: the folder does not exist; create or mount it; going on "
        "without it"
        for way in ("reading from", "writing to")
    ]
    assert not shared.exists()


class Full(FolderObjects):
    """A folder that takes nothing more: the disk is full, or it is not for this user to write."""

    number = errno.ENOSPC

    def write(self, name: str, opened: Callable[[], BinaryIO]) -> None:
        opened().close()
        raise OSError(self.number, os.strerror(self.number), name)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.ESTALE])
def test_what_cannot_be_written_can_still_be_read(machine: Machines, shared: Path, number: int) -> None:
    machine("a").provide(two)
    full = Full(shared)
    full.number = number
    cold = machine("b", objects=full)
    for each in range(4):
        cold.provide(two, "failures", hashlib.sha256(bytes([each])).hexdigest())
    assert cold.provide(refuses)
    assert cold.said == [
        f"warning: writing to the shared store file:///shared: {os.strerror(number)}; going on without it"
    ]


def test_a_writer_that_was_killed_leaves_nothing_that_is_taken(machine: Machines, shared: Path) -> None:
    machine("a").provide(two)
    text_of(shared).unlink()  # the list is written last
    temporary = object_of(shared).with_name(f".{object_of(shared).name}.{'0' * 32}.tmp")
    temporary.write_bytes(CONTENT[:10])
    cold = machine("b")
    assert not cold.provide(two)
    assert cold.said == []
    os.utime(temporary, (1, 1))
    done = shared_upkeep.collect(cold.upstream, 60)
    assert (done.removed, done.freed_bytes) == (1, 10)
    assert machine("c").provide(refuses)


def test_machines_that_write_the_same_do_not_mix(machine: Machines, shared: Path) -> None:
    machines = [machine(str(each)) for each in range(6)]
    threads = [threading.Thread(target=each.provide, args=(two,), kwargs={"received": 1}) for each in machines]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert machine("last").provide(refuses)
    assert [path.name for path in shared.rglob("*.tmp")] == []


def test_what_is_old_is_renewed_by_those_who_need_it(machine: Machines, shared: Path) -> None:
    machine("a").provide(two)
    os.utime(object_of(shared), (1, 1))
    machine("b", its_key=None).provide(two, key="cd" * 32)
    assert object_of(shared).stat().st_mtime == 1
    machine("c").provide(two, key="cd" * 32)
    assert object_of(shared).stat().st_mtime > 1


def test_a_run_that_was_stopped_does_not_wait_for_uploads(
    machine: Machines, hanging: Callable[[int], Hanging], tmp_path: Path
) -> None:
    """And how it ended stays as it was."""

    def stop_if_over(*_: object) -> None:
        if over.is_set():
            raise Cancelled

    upstream = machine("a", objects=hanging(1)).upstream  # it answers that there is no such module
    over = threading.Event()
    with Store(tmp_path / "a", upstream=upstream, on_wait=stop_if_over) as store:
        assert not store.provide("modules", KEY, two).cached
        over.set()


def test_what_takes_too_long_is_left_out(
    hanging: Callable[[int], Hanging], shared: Path, key: Key, tmp_path: Path
) -> None:
    upstream = Upstream("file:///shared", hanging(1), key, timeout_s=60, last_uploads_s=0.1)
    slow = Machine(tmp_path / "a", upstream)
    slow.provide(two)
    assert slow.said == ["1 entry left out of the shared store file:///shared: it takes too long"]
    assert not (shared / "modules").exists()


def test_what_is_written_now_is_not_verified(machine: Machines, shared: Path) -> None:
    made = machine("a")
    made.provide(two)
    temporary = object_of(shared).with_name(f".{object_of(shared).name}.{'0' * 32}.tmp")
    temporary.write_bytes(CONTENT[:10])
    assert all(each.ok for each in shared_upkeep.verify(made.upstream))
    assert temporary.exists()


def test_upkeep(machine: Machines, shared: Path, key: Key) -> None:
    made = machine("a")
    made.provide(two)
    (shared / "mine.txt").write_bytes(b"mine")
    (shared / "objects" / "mine.txt").write_bytes(b"mine")
    found = shared_upkeep.usage(made.upstream)
    assert {each.kind: each.count for each in found.kinds} == {"modules": 1, "failures": 0, "imports": 0, "objects": 2}
    assert found.unwritable == ""
    assert all(each.ok for each in shared_upkeep.verify(made.upstream))
    changed_module(shared, key)
    list_of_another_key(shared, key)
    bad = [each.kind for each in shared_upkeep.verify(made.upstream) if not each.ok]
    assert bad == ["modules", "objects"]
    assert not object_of(shared).exists()
    assert not text_of(shared).exists()
    for path in shared.rglob("*"):
        os.utime(path, (1, 1))
    assert shared_upkeep.collect(made.upstream, 60).removed == 1
    assert {path.name for path in shared.rglob("*") if path.is_file()} == {"mine.txt"}


def test_keys(tmp_path: Path) -> None:
    private, public = pem(Ed25519PrivateKey.generate())
    (tmp_path / "store.key").write_bytes(private)
    (tmp_path / "store.pub").write_bytes(public)
    signs, verifies = Key.read(tmp_path / "store.key"), Key.read(tmp_path / "store.pub")
    assert signs.fingerprint == verifies.fingerprint
    assert verifies.is_signed(b"text", signs.sign(b"text"))
    assert not verifies.is_signed(b"test", signs.sign(b"text"))
    with pytest.raises(ValueError, match="does not sign"):
        verifies.sign(b"text")
    assert "private" not in repr(signs)


@pytest.mark.parametrize("text", [b"", b"secret", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "key").write_bytes(text)
    with pytest.raises(UsageError, match="/key: cannot read the key"):
        Key.read(tmp_path / "key")
    with pytest.raises(UsageError, match="/none: cannot read the key: No such file"):
        Key.read(tmp_path / "none")


def test_the_list_is_plain_json(key: Key) -> None:
    head, _, body = shared_entry.signed(entry("main.vmfb"), key).partition(b"\n")
    assert head.startswith(b"iree-quality-harness-store-1 ")
    assert json.loads(body)["files"]["main.vmfb"]["bytes"] == len(CONTENT)
