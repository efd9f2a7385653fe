"""How a store fares while it is served, and where it can be served."""

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from harness.core.callbacks import ignore
from harness.core.errors import UsageError
from harness.core.urls import index_key
from harness.fetch.mirror_server import run, serving
from harness.host import locks
from harness.store.store import Store
from tests.integration.shelf import BODY, LARGE, LARGE_URL, SHA256, URL, asked, keep, write


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "entry.json").unlink(),
        lambda folder: write(folder, BODY[::-1]),
        lambda folder: write(folder, b""),
    ],
    ids=["no entry", "other bytes", "no bytes"],
)
def test_a_blob_that_is_gone_or_damaged_is_not_served(
    store: Store, client: httpx.Client, damage: Callable[[Path], None]
) -> None:
    assert client.get(f"/{URL}").content == BODY
    damage(keep(store, BODY).path)
    assert client.get(f"/{URL}").status_code == 404
    keep(store, BODY)
    assert client.get(f"/{URL}").content == BODY


def test_a_blob_that_was_touched_is_read_again_and_served(store: Store, client: httpx.Client) -> None:
    os.utime(keep(store, BODY).path / "blob", (1, 1))
    assert client.get(f"/{URL}").content == BODY


def test_what_cannot_be_hashed_again_is_not_served(store: Store, client: httpx.Client, said: list[str]) -> None:
    os.utime(keep(store, BODY).path / "blob", (1, 1))
    shutil.rmtree(store.root / "locks")
    (store.root / "locks").symlink_to("/sys")  # where not even root can make a file
    assert client.get(f"/{URL}").status_code == 404
    assert any("Cannot write " in line for line in said)


def test_a_blob_that_is_collected_meanwhile_comes_whole(store: Store, client: httpx.Client) -> None:
    entry = keep(store, LARGE, LARGE_URL)
    with client.stream("GET", f"/{LARGE_URL}") as response:
        (entry.path / "entry.json").unlink()
        (entry.path / "blob").unlink()
        digest = hashlib.sha256(b"".join(response.iter_raw()))
    assert digest.hexdigest() == entry.sha256("blob")


def test_a_blob_that_shrinks_meanwhile_breaks_off(store: Store, client: httpx.Client) -> None:
    entry = keep(store, LARGE, LARGE_URL)
    with client.stream("GET", f"/{LARGE_URL}") as response:
        os.truncate(entry.path / "blob", 1)
        with pytest.raises(httpx.RemoteProtocolError, match="peer closed connection"):
            response.read()
    assert client.get(f"/{URL}").content == BODY


def snapshot(root: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in root.rglob("*")}


def test_serving_changes_nothing(store: Store, client: httpx.Client) -> None:
    store.close()
    before = snapshot(store.root)
    for target in ("/", f"/{URL}", "/https://host/other", "/other"):
        client.get(target)
    assert snapshot(store.root) == before


@pytest.fixture
def frozen(store: Store) -> Iterator[Store]:
    """Return a store in which nothing can be written, as root may only where the file system agrees."""
    (store.root / "locks").mkdir(exist_ok=True)
    for path in store.root.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield store
    for path in store.root.rglob("*"):
        path.chmod(0o755)


def test_a_store_that_cannot_be_written_is_served(frozen: Store, client: httpx.Client) -> None:
    assert frozen.root.exists()
    assert client.get(f"/{URL}").content == BODY


def test_what_is_not_being_asked_for_may_be_collected(store: Store, client: httpx.Client) -> None:
    store.close()
    client.get(f"/{URL}")
    client.get("/https://host/other")
    pins = locks.Pins(store.files, store.root / "pins")
    for name in (f"blobs-{SHA256}", f"urls-{index_key(URL)}", f"urls-{index_key('https://host/other')}"):
        with pins.seized(name) as free:
            assert free


def test_a_store_that_is_not_there_is_an_empty_one(tmp_path: Path) -> None:
    with serving(Store(tmp_path / "none"), "127.0.0.1", 0, ignore) as url:
        assert ": 0 blobs" in asked(url, "/").text
        assert asked(url, f"/{URL}").status_code == 404
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("host", ["[::1]", "localhost"])
def test_other_hosts_are_served(store: Store, said: list[str], host: str) -> None:
    with serving(store, host, 0, said.append) as url:
        assert asked(url, f"/{URL}").content == BODY
    assert re.fullmatch(r"http://(\[::1\]|127\.0\.0\.1):\d+/", url)
    assert len(said) == 4


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104 - while this test runs
def test_a_server_that_others_can_reach_warns(store: Store, said: list[str], host: str) -> None:
    with serving(store, host, 0, said.append) as url:
        port = httpx.URL(url).port
        assert asked(f"http://127.0.0.1:{port}/", f"/{URL}").content == BODY
    assert said[2] == "anyone who can reach this port can read every blob that was fetched without credentials"
    assert f"https://=http://{os.uname().nodename}:{port}/https://" in said[1]


def test_a_port_in_use_is_refused(store: Store, served: str) -> None:
    port = httpx.URL(served).port or 0
    with pytest.raises(UsageError) as caught:
        run(store, "127.0.0.1", port, ignore)
    expected = f"Cannot listen on port {port} of 127.0.0.1 (Address already in use); choose another --port or --host."
    assert str(caught.value) == expected


def test_an_address_that_is_not_of_this_machine_is_refused(store: Store) -> None:
    hosts = (("host.invalid", 0), ("", 0), ("x" * 70, 0), ("192.0.2.1", 0))
    for host, port in (("127.0.0.1", 65536), ("127.0.0.1", -1), *hosts):
        expected = rf"^Cannot listen on port {port} of {host} \(.+\); choose another --port or --host"
        with pytest.raises(UsageError, match=expected):
            run(store, host, port, ignore)


def test_a_closed_port_can_be_used_again_at_once(store: Store) -> None:
    with serving(store, "127.0.0.1", 0, ignore) as url:
        asked(url, "/")
    with serving(store, "127.0.0.1", httpx.URL(url).port or 0, ignore) as again:
        assert asked(again, f"/{URL}").content == BODY
    with pytest.raises(ConnectionRefusedError):
        asked(again, "/")
