"""`harness store`, and what processes that share a store may do to each other."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from harness.cli.arguments import invocation
from harness.core.errors import UsageError
from harness.core.urls import index_key
from harness.store.entry import Entry
from harness.store.gc import verify
from harness.store.store import Store
from tests.integration.laboratory import clean_environment
from tests.integration.warm import HARNESS, ran

DAY_S = 24 * 3600


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store") as store:
        yield store


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def put(store: Store, name: str, size_bytes: int = 1000, *, days_ago: float = 0, kind: str = "blobs") -> Entry:
    def make(folder: Path) -> None:
        (folder / "blob").write_bytes(name[:1].encode() * size_bytes)

    with Store(store.root) as maker:
        entry = maker.provide(kind, digest(name), make)
    then = time.time() - days_ago * DAY_S
    os.utime(entry.path / "entry.json", (then, then))
    return entry


def run(store: Store, *argv: str, environment: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    command = [*HARNESS, "store", *argv, "--store", str(store.root)]
    variables = {**clean_environment(), "HARNESS_CACHE_SIZE": "", **(environment or {})}
    return ran(command, cwd=Path.cwd(), env=variables)


def python(code: str, *argv: str) -> "subprocess.Popen[str]":
    head = "import sys, time\nfrom pathlib import Path\nfrom harness.store.store import Store\n"
    head += "store = Store(Path(sys.argv[1]))\n"
    return subprocess.Popen([sys.executable, "-c", head + code, *argv], stdout=subprocess.PIPE, text=True)


def user(store: Store, name: str) -> "subprocess.Popen[str]":
    """Start a process that has found an entry and goes on."""
    process = python(
        f"print(store.find('blobs', '{digest(name)}') is not None, flush=True)\ntime.sleep(60)", str(store.root)
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "True\n"
    return process


def kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def test_du_prints_a_table(store: Store) -> None:
    put(store, "a", 1_500_000)
    put(store, "b", 500_000)
    put(store, "c", 10, kind="modules")
    done = run(store, "du")
    assert (done.returncode, done.stderr) == (0, "")
    first, *lines, last = done.stdout.splitlines()
    assert first == str(store.root)
    assert [line.split() for line in lines] == [
        ["blobs", "2", "2.0", "MB"],
        ["modules", "1", "10", "B"],
        ["unfinished", "0", "0", "B"],
        ["total", "3", "2.0", "MB"],
    ]
    assert re.fullmatch(r"free on disk +[0-9.]+ [kMGT]?B", last)
    assert len({len(line) for line in (*lines, last)}) == 1


def test_gc_removes_what_was_not_used_for_longest(store: Store) -> None:
    old = put(store, "old", 2_000_000, days_ago=9)
    put(store, "new", 1_000_000)
    done = run(store, "gc", "--cache-size", "1.5MB")
    assert (done.returncode, done.stderr) == (0, "")
    removed, summary = done.stdout.splitlines()
    when = time.strftime("%Y-%m-%d", time.localtime(time.time() - 9 * DAY_S))
    assert re.fullmatch(rf"removed  blobs +{digest('old')[:16]} +2\.0 MB  last used {when} \d\d:\d\d", removed)
    assert summary == "1 entry removed, 2.0 MB freed, 1.0 MB left."
    assert not old.path.exists()


def test_gc_without_a_size_removes_nothing_of_use(store: Store) -> None:
    put(store, "old", days_ago=900)
    done = run(store, "gc")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "0 entries removed, 0 B freed, 1.0 kB left.\n"
        "Only leftovers were removed. To remove more, set a limit with --cache-size.\n"
    )
    assert "1 entry removed" in run(store, "gc", environment={"HARNESS_CACHE_SIZE": "0"}).stdout


def test_gc_keeps_what_another_process_uses(store: Store) -> None:
    entry = put(store, "a")
    using = user(store, "a")
    try:
        done = run(store, "gc", "--cache-size", "0")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == (
            "0 entries removed, 0 B freed, 1.0 kB left.\nStill above 0 B: entries in use were kept (1 entry, 1.0 kB).\n"
        )
        assert entry.path.exists()
    finally:
        kill(using)
    assert run(store, "gc", "--cache-size", "0").stdout.endswith("1 entry removed, 1.0 kB freed, 0 B left.\n")
    assert not entry.path.exists()


def test_gc_says_that_it_cannot_tell_what_is_in_use(store: Store) -> None:
    entry = put(store, "a")
    (store.root / "pins").unlink()
    (store.root / "pins").mkdir()
    done = run(store, "gc", "--cache-size", "0")
    assert (done.returncode, done.stdout) == (3, "")
    assert re.fullmatch(rf"error: {store.root}/pins: cannot find out which entries are in use .*\n", done.stderr)
    assert entry.path.exists()


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        *(("100GB", 100 * 10**9), ("50GiB", 50 << 30), ("500M", 5 * 10**8), ("123456", 123456), ("0", 0), ("7B", 7)),
        *(("1.5 TB", 15 * 10**11), ("2kib", 2048), ("0.1K", 100), ("4Ti", 4 << 40)),
    ],
)
@pytest.mark.parametrize("command", ["store gc", "quality", "run", "fetch"])
def test_sizes(command: str, text: str, size_bytes: int) -> None:
    def cache_bytes(*options: str, environment: Mapping[str, str]) -> int | None:
        return invocation([*command.split(), *options], environment).settings.fetch.cache_bytes

    of_environment = {"HARNESS_CACHE_SIZE": text}
    assert cache_bytes("--cache-size", text, environment={}) == size_bytes
    assert cache_bytes(environment=of_environment) == size_bytes
    assert cache_bytes("--cache-size", "1", environment=of_environment) == 1
    for empty in ({}, {"HARNESS_CACHE_SIZE": ""}):
        assert cache_bytes(environment=empty) is None


SIZES = ["x", "-1", "5X", "5 apples", "GB", "1e9", "5iB", "٣GB", "5GB\n", "1,5GB", "nan"]


@pytest.mark.parametrize("size", ["", *SIZES])
def test_what_is_no_size(size: str) -> None:
    with pytest.raises(UsageError) as caught:
        invocation(["store", "gc", f"--cache-size={size}"], {})
    assert f"--cache-size: {size!r} is not a size; expected one such as 100GB" in str(caught.value)


@pytest.mark.parametrize("size", SIZES)
def test_what_is_no_size_in_the_environment(size: str) -> None:
    with pytest.raises(UsageError) as caught:
        invocation(["store", "gc"], {"HARNESS_CACHE_SIZE": size})
    assert f"HARNESS_CACHE_SIZE: {size!r} is not a size; expected one such as 100GB" in str(caught.value)


def test_ports() -> None:
    found = invocation(["store", "serve"], {}).options
    assert (found.host, found.port) == ("127.0.0.1", 8765)
    assert invocation(["store", "serve", "--port", "65535", "--host", "::"], {}).options.port == 65535
    for port in ("65536", "-1", "http", "1.5"):
        with pytest.raises(UsageError) as caught:
            invocation(["store", "serve", f"--port={port}"], {})
        assert f"--port: {port!r} is not a port; expected a number from 0 to 65535" in str(caught.value)


def test_other_names_of_the_server() -> None:
    assert invocation(["store", "serve"], {}).options.known_as == ()
    names = ("mirror.example", "10.0.0.1", "[fe80::1]", "::1")
    options = [f"--known-as={name}" for name in names]
    assert invocation(["store", "serve", *options], {}).options.known_as == names
    for name in ("", "mirror:8765", "http://mirror", "a/b", "*"):
        with pytest.raises(UsageError) as caught:
            invocation(["store", "serve", f"--known-as={name}"], {})
        assert "--known-as: " in str(caught.value)


@pytest.mark.parametrize("command", ["du", "gc", "verify", "serve"])
def test_where_the_store_is(command: str) -> None:
    files = {"IREE_TEST_FILES": "/files"}
    assert invocation(["store", command], files).settings.fetch.store == Path("/files")
    assert invocation(["store", command, "--store", "/s"], files).settings.fetch.store == Path("/s")


def test_verify_says_that_all_is_well(store: Store) -> None:
    put(store, "a", 1_500_000, kind="modules")
    put(store, "b", 10, kind="modules")
    done = run(store, "verify")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "2 entries verified (1.5 MB): all intact.\n"


def test_verify_names_what_is_bad(store: Store) -> None:
    put(store, "good", kind="modules")
    path = put(store, "bad", kind="modules").path / "blob"
    before = path.stat()
    path.write_bytes(b"c" * before.st_size)
    done = run(store, "verify")
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout == (
        f"BAD  modules  {digest('bad')}  changed and removed; it will be compiled again when needed\n"
        "2 entries verified (2.0 kB): 1 changed and removed.\n"
    )
    assert run(store, "verify").returncode == 0


def test_serve_serves_until_it_is_ended(store: Store) -> None:
    sha256 = hashlib.sha256(b"a").hexdigest()

    def make(folder: Path) -> None:
        (folder / "blob").write_bytes(b"a")

    def remember(folder: Path) -> None:
        (folder / "url.json").write_text(json.dumps({"sha256": sha256}))

    store.provide("blobs", sha256, make)
    store.provide("urls", index_key("https://host/a"), remember)
    command = [*HARNESS, "store", "serve", "--port", "0", "--store", str(store.root)]
    serving = subprocess.Popen(command, env=clean_environment(), text=True, stdout=subprocess.PIPE)
    try:
        assert serving.stdout is not None
        found = None
        while not found:
            found = re.search(r"http://127\.0\.0\.1:[0-9]+", serving.stdout.readline())
        with urllib.request.urlopen(f"{found[0]}/https://host/a", timeout=20) as response:  # noqa: S310 - it is http
            assert response.read() == b"a"
    finally:
        serving.send_signal(signal.SIGTERM)
        serving.communicate(timeout=20)


def test_gc_while_others_provide(store: Store) -> None:
    """Whatever is collected when, who asked for an entry has it whole until it ends."""
    work = """
import random
for _ in range(150):
    with Store(Path(sys.argv[1])) as store:
        number = random.randrange(8)
        def make(folder):
            (folder / "a").write_bytes(bytes([number]) * 5000)
            (folder / "b").write_bytes(bytes([number]) * 5000)
        entry = store.provide("modules", f"{number:064}", make)
        for name in "ab":
            time.sleep(random.random() * 0.002)
            assert (entry.path / name).read_bytes() == bytes([number]) * 5000
"""
    working = [python(work, str(store.root)) for _ in range(4)]
    collect = "from harness.store.gc import collect\nwhile True: print(len(collect(store, 20_000).removed), flush=True)"
    collecting = python(collect, str(store.root))
    try:
        for each in working:
            each.communicate(timeout=100)
    finally:
        for each in working:
            each.kill()
        collecting.kill()
    removed = [int(line) for line in (collecting.communicate()[0]).split()]
    assert [each.returncode for each in working] == [0] * 4
    assert sum(removed) > 0
    assert run(store, "verify").returncode == 0


def test_a_killed_gc_leaves_a_good_store(store: Store) -> None:
    collect = "from harness.store.gc import collect\nprint('go', flush=True)\ncollect(store, 0)"
    left = []
    for turn in range(6):
        for number in range(40):
            put(store, str(number), 200_000, days_ago=1)
        collecting = python(collect, str(store.root))
        assert collecting.stdout is not None
        assert collecting.stdout.readline() == "go\n"
        time.sleep(0.003 * turn)
        kill(collecting)
        verified = list(verify(store))
        assert all(entry.ok for entry in verified)
        left.append(len(verified))
    assert max(left) > 0, "each was killed only when it had removed all"
    manifests = list(store.root.glob("blobs/*/*/entry.json"))
    assert all(list(json.loads(path.read_text())["files"]) == ["blob"] for path in manifests)
    assert run(store, "gc", "--cache-size", "0").returncode == 0
    assert list(store.root.glob("tmp/*")) == list(store.root.glob("blobs/*/*")) == []
