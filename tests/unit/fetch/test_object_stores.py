import asyncio
import base64
import hashlib
import threading
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import fsspec
import fsspec.asyn
import pytest

from harness.fetch.object_stores import ObjectSource, _head
from harness.fetch.source import AttemptError, Head
from harness.host.cancel import Cancelled, CancelToken
from tests.patience import IN_PROCESS_S
from tests.unit.object_hosts import BODY, PIECE_BYTES, FakeFileSystem, read, source

MD5 = hashlib.md5(BODY, usedforsecurity=False).digest()
NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
IN_HTTP = "Thu, 29 Feb 2024 12:00:00 GMT"


def test_its_url_is_what_it_was_given() -> None:
    assert ObjectSource("S3://models/a", stall_s=1).url == "S3://models/a"


@pytest.mark.parametrize(
    ("start", "stop"),
    [(0, None), (0, 1), (5, 5), (1, PIECE_BYTES + 1), (PIECE_BYTES, 2 * PIECE_BYTES), (7, 10**9), (len(BODY), None)],
)
def test_a_span_comes_in_pieces_that_take_little_memory(start: int, stop: int | None) -> None:
    filesystem = fsspec.filesystem("memory", skip_instance_cache=True)
    filesystem.pipe_file("models/clip.irpa", BODY)
    pieces = read(source(filesystem), start, stop)
    assert b"".join(pieces) == BODY[start:stop]
    assert all(0 < len(each) <= PIECE_BYTES for each in pieces)


def test_an_empty_file_is_a_file() -> None:
    with source(FakeFileSystem(body=b"")).opened(0, None, None, None) as (head, pieces):
        assert (head.total, list(pieces)) == (0, [])


def test_its_head_needs_no_bytes() -> None:
    filesystem = FakeFileSystem()
    with source(filesystem).opened(0, 1, None, None) as (head, _):
        assert head == Head(ranged=True, total=len(BODY), etag='"1"')
    assert filesystem.asked == []


HEADS: dict[str, tuple[dict[str, Any], Head]] = {
    "s3": (
        {"ETag": '"92e6b95e"', "LastModified": NOON, "VersionId": None},
        Head(etag='"92e6b95e"', last_modified=IN_HTTP),
    ),
    "gs": (
        {
            "etag": "CAE=",
            "generation": "17",
            "md5Hash": base64.b64encode(MD5).decode(),
            "ctime": NOON,
            "mtime": NOON + timedelta(days=1),
        },
        Head(etag='"17"', last_modified=IN_HTTP, md5=MD5.hex()),
    ),
    "hf": (
        {"blob_id": "a" * 40, "xet_hash": "b" * 64, "last_commit": SimpleNamespace(oid="c" * 40, date=NOON)},
        Head(etag=f'"{"a" * 40}"', last_modified=IN_HTTP),
    ),
    "bucket of hf": ({"xet_hash": "b" * 64, "last_commit": None}, Head(etag=f'"{"b" * 64}"')),
    "another zone": (
        {"LastModified": NOON.astimezone(timezone(timedelta(hours=2)))},
        Head(last_modified=IN_HTTP),
    ),
    "no zone": ({"LastModified": NOON.replace(tzinfo=None)}, Head(last_modified=IN_HTTP)),
    "nothing": ({"ETag": "", "LastModified": ""}, Head()),
}


@pytest.mark.parametrize(("info", "head"), HEADS.values(), ids=HEADS)
def test_what_hosts_say_is_understood(info: dict[str, Any], head: Head) -> None:
    said = _head({"size": 5, **info})
    assert (said.etag, said.last_modified, said.md5) == (head.etag, head.last_modified, head.md5)
    assert (said.total, said.ranged) == (5, True)


FIXED: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "gs": ("gs", {"generation": "17"}, {"path": "models/clip.irpa", "generation": "17"}),
    "hf": (
        "hf",
        {"last_commit": SimpleNamespace(oid="c0ffee", date=NOON)},
        {"path": "datasets/org/name@c0ffee/clip.irpa", "size": len(BODY), "cache_type": "none"},
    ),
}


@pytest.mark.parametrize(("scheme", "info", "arguments"), FIXED.values(), ids=FIXED)
def test_one_content_is_asked_for_where_it_has_a_name(
    scheme: str, info: dict[str, Any], arguments: dict[str, Any]
) -> None:
    filesystem = FakeFileSystem(infos=[info, {"ETag": '"2"'}])
    assert b"".join(read(source(filesystem, scheme))) == BODY
    ranges = [(0, PIECE_BYTES), (PIECE_BYTES, 2 * PIECE_BYTES), (2 * PIECE_BYTES, len(BODY))]
    assert filesystem.asked == [{"start": start, "end": end, **arguments} for start, end in ranges]


@pytest.mark.parametrize("scheme", ["s3", "hf"])
def test_bytes_of_two_contents_are_never_taken_for_one(scheme: str) -> None:
    came = []
    filesystem = FakeFileSystem(infos=[{}, {}, {"ETag": '"2"'}])
    with source(filesystem, scheme).opened(0, None, None, None) as (_, pieces):
        came.append(next(pieces))
        with pytest.raises(AttemptError, match='its ETag was "1" and is "2"') as raised:
            next(pieces)
    assert raised.value.failure.retriable
    assert came == [BODY[:PIECE_BYTES]]


def test_what_goes_away_while_it_comes_is_asked_for_once_more() -> None:
    with pytest.raises(AttemptError, match="FileNotFoundError") as raised:
        read(source(FakeFileSystem(gone=True)))
    assert raised.value.failure.retriable


def test_less_than_was_asked_for_is_a_failure() -> None:
    with pytest.raises(AttemptError, match=f"received {len(BODY)} bytes instead of {PIECE_BYTES}") as raised:
        read(source(SimpleNamespace(async_impl=False, info=FakeFileSystem().info, cat_file=lambda **_: BODY)))
    assert raised.value.failure.retriable


def test_a_folder_is_no_file() -> None:
    with pytest.raises(AttemptError, match="it is a folder") as raised:
        read(source(FakeFileSystem(infos=[{"type": "directory", "size": 0}])))
    assert not raised.value.failure.retriable


def test_a_cancel_ends_the_download_before_each_piece() -> None:
    cancel = CancelToken()
    with source(FakeFileSystem()).opened(0, None, None, cancel) as (_, pieces):
        next(pieces)
        cancel.set()
        with pytest.raises(Cancelled):
            next(pieces)
    with pytest.raises(Cancelled):
        read(source(FakeFileSystem()), cancel=cancel)


class Slow:
    """Never answers."""

    async_impl = True

    def __init__(self) -> None:
        self.loop, self.waits, self.ended = fsspec.asyn.get_loop(), threading.Event(), threading.Event()

    async def _info(self, **_: Any) -> None:
        self.waits.set()
        try:
            await asyncio.sleep(60)
        finally:
            self.ended.set()


class SlowSync:
    """Never answers, and cannot be cancelled."""

    async_impl = False

    def __init__(self) -> None:
        self.waits, self.ends = threading.Event(), threading.Event()

    def info(self, **_: Any) -> None:
        self.waits.set()
        self.ends.wait(IN_PROCESS_S)


@pytest.mark.parametrize("kind", [Slow, SlowSync])
def test_the_first_answer_has_a_limit(kind: type[Slow | SlowSync]) -> None:
    with pytest.raises(AttemptError, match="no byte of the blob came for 1 s") as raised:
        read(source(kind()))
    assert raised.value.failure.retriable


@pytest.mark.parametrize("kind", [Slow, SlowSync])
def test_an_order_to_stop_ends_any_wait(kind: type[Slow | SlowSync]) -> None:
    cancel, slow = CancelToken(), kind()

    def stop() -> None:
        slow.waits.wait(IN_PROCESS_S)
        cancel.set()

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(Cancelled):
        read(source(slow), cancel=cancel)
    if isinstance(slow, Slow):
        assert slow.ended.wait(IN_PROCESS_S)
    stopper.join()
