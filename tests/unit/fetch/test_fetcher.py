import hashlib
import os
import socket
from pathlib import Path

import pytest

from harness.core.blobs import Blob, BlobForecast, Fetched, FetchedBlob
from harness.core.errors import FetchError, IntegrityError
from harness.core.urls import index_key
from harness.fetch.download import DownloadOptions
from harness.fetch.fetcher import Fetcher
from harness.fetch.journal import Chunk, Journal
from harness.fetch.policy import FetchPolicy
from harness.fetch.source import Head
from harness.host.beneath import Folder
from harness.host.cancel import CancelToken
from harness.store.store import Store

BODY = b"model"
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def fetcher(tmp_path: Path) -> Fetcher:
    return Fetcher(Store(tmp_path / "store"), DownloadOptions(notice=print), policy=FetchPolicy(offline=True))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "a model.mlir"
    path.write_bytes(BODY)
    return path


def test_a_local_file_stays_where_it_is(fetcher: Fetcher, model: Path) -> None:
    fetched = fetcher.fetch(Blob(url=model.as_uri(), sha256=SHA256, size_bytes=len(BODY)))
    told = FetchedBlob(url=model.as_uri(), sha256=SHA256, bytes=len(BODY))
    assert fetched == Fetched(path=model, blob=told, seconds=fetched.seconds)
    assert 0 <= fetched.seconds < 10
    assert [path.name for path in fetcher.store.root.iterdir()] == ["digests"]


@pytest.mark.parametrize(
    ("sha256", "size_bytes", "expected"),
    [
        ("0" * 64, None, f"sha256:{'0' * 64}"),
        (SHA256, 6, f"sha256:{SHA256}, 6 bytes"),
        (None, 6, "6 bytes"),
    ],
)
def test_a_local_file_is_held_to_what_is_known(
    fetcher: Fetcher, model: Path, sha256: str | None, size_bytes: int | None, expected: str
) -> None:
    with pytest.raises(IntegrityError) as raised:
        fetcher.fetch(Blob(url=model.as_uri(), sha256=sha256, size_bytes=size_bytes))
    got = f"{model.as_uri()}: its content is sha256:{SHA256}, 5 bytes; expected {expected}; "
    assert str(raised.value) == f"{got}correct the file, or run `harness lock --update`."


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("file:///nowhere/a.mlir", "/nowhere/a.mlir: no such file; correct the path in the spec"),
        ("file:///", "/: not a file; correct the path in the spec"),
        ("file:///dev/zero", "/dev/zero: not a file; correct the path in the spec"),
        ("file:///a%00b", "no such file"),
        ("file:///proc/self/mem", "/proc/self/mem: cannot read the file (Input/output error); check its permissions."),
        ("file:///" + "a" * 300, "cannot read the file (File name too long)"),
        ("ftp://me:pw@host/a", "ftp://host/a: unknown URL scheme; expected https, http, s3, gs, hf or file."),
        ("a.mlir", "a.mlir: unknown URL scheme"),
    ],
)
def test_a_blob_that_cannot_be_fetched_is_named(fetcher: Fetcher, url: str, message: str) -> None:
    with pytest.raises(FetchError) as raised:
        fetcher.fetch(Blob(url=url))
    assert message in str(raised.value)


@pytest.mark.parametrize("kind", ["FIFO", "socket", "link to a FIFO", "link to itself"])
def test_a_special_file_is_refused_before_it_is_opened(fetcher: Fetcher, tmp_path: Path, kind: str) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    os.mkfifo(source if kind == "FIFO" else target)
    with socket.socket(socket.AF_UNIX) as server:
        if kind == "socket":
            server.bind(str(source))
    if kind.startswith("link"):
        source.symlink_to(source if kind == "link to itself" else target)
    with pytest.raises(FetchError, match=rf"^{source}: (not a file|cannot read the file \(Too many levels)"):
        fetcher.fetch(Blob(url=source.as_uri()))
    assert not fetcher.forecast([Blob(url=source.as_uri())])[0].is_present


@pytest.mark.parametrize("sha256", ["../" * 21 + "a", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_a_lock_cannot_name_another_folder(fetcher: Fetcher, sha256: str) -> None:
    with pytest.raises(IntegrityError, match=r"https://host/a: .* in the lock file is not a SHA-256; rewrite it"):
        fetcher.fetch(Blob(url="https://host/a", sha256=sha256))
    assert not fetcher.store.root.exists()


def test_what_is_local_is_not_to_come(fetcher: Fetcher, model: Path) -> None:
    estimate = fetcher.estimate(
        [Blob(url=model.as_uri()), Blob(url="s3://bucket/a", size_bytes=7), Blob(url="hf://a/b/c")]
    )
    assert (estimate.blobs, estimate.bytes) == (2, 7)


def test_what_is_to_come_is_what_the_journal_does_not_have(fetcher: Fetcher) -> None:
    """Bytes that were written after the last record of the journal are downloaded again."""
    blob = Blob(url="https://host/c", sha256=SHA256, size_bytes=9000)
    partial = fetcher.store.partial_dir("blobs", SHA256)
    partial.mkdir(parents=True)
    (partial / "blob").write_bytes(bytes(8000))
    assert fetcher.estimate([blob]).bytes == 9000
    journal = Journal(Folder(partial), partial / "journal")
    journal.add_head("key", Head(total=9000))
    journal.add_chunk(Chunk(start=0, stop=5000, crc32=0))
    journal.close()
    assert fetcher.estimate([blob]).bytes == 4000


def test_of_each_blob_it_is_known_whether_it_is_here(fetcher: Fetcher, model: Path) -> None:
    locked, record = Blob(url="https://host/a", sha256=SHA256), Blob(url="https://host/b")
    begun, lost = Blob(url="https://host/c", size_bytes=9000), Blob(url="file:///nowhere/a")
    fetcher.store.provide("blobs", SHA256, lambda folder: keep(folder / "blob", BODY))
    index = f'{{"sha256": "{SHA256}"}}'.encode()
    fetcher.store.provide("urls", index_key(record.url), lambda folder: keep(folder / "url.json", index))
    partial = fetcher.store.partial_dir("urls", index_key(begun.url))
    partial.mkdir(parents=True)
    (partial / "blob").write_bytes(bytes(5000))
    local, unknown = Blob(url=model.as_uri()), Blob(url="hf://a/b/c")
    found = fetcher.forecast([locked, record, begun, local, lost, unknown, local])
    assert found[2].partial_bytes >= 5000
    assert found == [
        BlobForecast(blob=locked, size_bytes=5, is_present=True),
        BlobForecast(blob=record, size_bytes=5, is_present=True),
        BlobForecast(blob=begun, size_bytes=9000, partial_bytes=found[2].partial_bytes),
        BlobForecast(blob=local, size_bytes=5, is_present=True),
        BlobForecast(blob=lost, size_bytes=None),
        BlobForecast(blob=unknown, size_bytes=None),
    ]


@pytest.mark.parametrize("text", [f'{{"sha256": "{SHA256}"}}', "{"])
def test_what_the_index_says_may_be_gone_or_illegible(fetcher: Fetcher, text: str) -> None:
    blob = Blob(url="https://host/a")
    fetcher.store.provide("urls", index_key(blob.url), lambda folder: keep(folder / "url.json", text.encode()))
    assert fetcher.forecast([blob]) == [BlobForecast(blob=blob, size_bytes=None)]


def test_after_a_cancel_no_host_is_asked(tmp_path: Path) -> None:
    cancel = CancelToken()
    cancel.set()
    fetcher = Fetcher(Store(tmp_path), DownloadOptions(notice=print, cancel=cancel))
    blobs = [Blob(url="https://host/a"), Blob(url="https://host/b", size_bytes=7)]
    assert [each.size_bytes for each in fetcher.forecast(blobs)] == [None, 7]


def keep(path: Path, data: bytes) -> None:
    path.write_bytes(data)
