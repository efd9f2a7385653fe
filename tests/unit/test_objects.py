import asyncio
import base64
import hashlib
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import fsspec
import fsspec.asyn
import pytest

from harness import objects
from harness.objects import ObjectSource, _head
from harness.process import Cancel, Cancelled
from harness.source import AttemptError, Head

PIECE_BYTES = 4 << 20
BODY = bytes(range(256)) * (9 << 12)  # 9 MiB: two pieces and a bit
MD5 = hashlib.md5(BODY, usedforsecurity=False).digest()
NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
IN_HTTP = "Thu, 29 Feb 2024 12:00:00 GMT"


@dataclass
class FakeFileSystem:
    """Has one file, of which each `info` may say something else, and fails if told to."""

    body: bytes = BODY
    infos: list[dict[str, Any]] = field(default_factory=lambda: [{}])
    failure: Exception | None = None
    gone: bool = False
    async_impl = False
    asked: list[dict[str, Any]] = field(default_factory=list)

    def info(self, path: str, *, refresh: bool) -> dict[str, Any]:
        assert (path, refresh) == ("models/clip.irpa", True)
        if self.failure:
            raise self.failure
        said = self.infos.pop(0) if len(self.infos) > 1 else self.infos[0]
        return {"type": "file", "size": len(self.body), "ETag": '"1"', **said}

    def cat_file(self, *, start: int, end: int, **arguments: Any) -> bytes:
        if self.gone:
            raise FileNotFoundError("models/clip.irpa")
        self.asked.append({"start": start, "end": end, **arguments})
        return self.body[start:end]

    def resolve_path(self, path: str) -> SimpleNamespace:
        return SimpleNamespace(root="datasets/org/name@main", path=path.removeprefix("models/"))


def source(filesystem: Any, scheme: str = "s3") -> ObjectSource:
    return ObjectSource(f"{scheme}://models/clip.irpa", stall_s=1, filesystem=lambda *_: filesystem)


def read(source: ObjectSource, start: int = 0, stop: int | None = None, cancel: Cancel | None = None) -> list[bytes]:
    with source.opened(start, stop, None, cancel) as (head, pieces):
        assert (head.start, head.ranged) == (start, True)
        return [bytes(each) for each in pieces]


def failure(error: Exception, scheme: str = "s3") -> AttemptError:
    with pytest.raises(AttemptError) as raised:
        read(source(FakeFileSystem(failure=error), scheme))
    return raised.value


def named(name: str, *texts: str, of: type[Exception] = Exception, **attributes: Any) -> Exception:
    """Return an exception of a library, which need not be there."""
    error: Exception = type(name, (of,), {})(*texts)
    vars(error).update(attributes)
    return error


def of_botocore(status: int, code: str, text: str = "text") -> Exception:
    said = {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return named("ClientError", f"An error occurred ({code}): {text}", response=said)


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


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
    assert raised.value.again
    assert came == [BODY[:PIECE_BYTES]]


def test_what_goes_away_while_it_comes_is_asked_for_once_more() -> None:
    with pytest.raises(AttemptError, match="FileNotFoundError") as raised:
        read(source(FakeFileSystem(gone=True)))
    assert raised.value.again


def test_less_than_was_asked_for_is_a_failure() -> None:
    with pytest.raises(AttemptError, match=f"{len(BODY)} bytes came where {PIECE_BYTES} were asked for") as raised:
        read(source(SimpleNamespace(async_impl=False, info=FakeFileSystem().info, cat_file=lambda **_: BODY)))
    assert raised.value.again


def test_a_folder_is_no_file() -> None:
    with pytest.raises(AttemptError, match="this is a folder") as raised:
        read(source(FakeFileSystem(infos=[{"type": "directory", "size": 0}])))
    assert not raised.value.again


def test_an_order_to_stop_is_heeded_before_each_piece() -> None:
    cancel = Cancel()
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


def test_an_order_to_stop_ends_a_wait() -> None:
    cancel, slow = Cancel(), Slow()

    def stop() -> None:
        slow.waits.wait(10)
        cancel.set()

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(Cancelled):
        read(source(slow), cancel=cancel)
    assert slow.ended.wait(10)
    stopper.join()


def test_what_an_asynchronous_file_system_raises_is_explained() -> None:
    async def info(**_: Any) -> Mapping[str, Any]:
        raise PermissionError("Access Denied")

    filesystem = SimpleNamespace(async_impl=True, loop=fsspec.asyn.get_loop(), _info=info)
    with pytest.raises(AttemptError, match="PermissionError: Access Denied"):
        read(source(filesystem), cancel=Cancel())


ACCESS = "check the right of access and the credentials ("
FINAL: dict[str, tuple[Exception, str]] = {
    "missing": (FileNotFoundError("models/clip.irpa"), "it was moved or removed: correct the URL in the spec"),
    "404": (named("HttpError", "Not Found", code="404"), "it was moved or removed"),
    "missing repository": (named("RepositoryNotFoundError", "x", of=OSError), "it was moved or removed"),
    "denied": (PermissionError("Access Denied"), ACCESS),
    "denied by Google": (OSError("Forbidden: b/models/o"), ACCESS),
    "401": (named("HttpError", "Anonymous caller", code=401), ACCESS),
    "private repository": (
        caused(FileNotFoundError("x"), named("RepositoryNotFoundError", response=SimpleNamespace(status_code=401))),
        ACCESS,
    ),
    "unknown key": (of_botocore(403, "InvalidAccessKeyId"), ACCESS),
    "no credentials": (named("NoCredentialsError", "Unable to locate credentials"), ACCESS),
    "expired token": (caused(OSError(22, "Bad Request"), of_botocore(400, "400")), ACCESS),
    "no bucket's name": (named("ParamValidationError", "Invalid bucket name"), "correct the URL in the spec"),
    "no path": (ValueError("Repository id must be 'namespace/name'"), "correct the URL in the spec"),
    "unknown authority": (
        caused(named("SSLError", "x"), named("SSLCertVerificationError", "x")),
        "name the certificates in AWS_CA_BUNDLE",
    ),
}
PASSING: dict[str, tuple[Exception, bool]] = {
    "SlowDown": (caused(OSError(16, "Please reduce your request rate."), of_botocore(503, "SlowDown")), True),
    "429": (named("HfHubHTTPError", "Too Many", response=SimpleNamespace(status_code=429)), True),
    "busy": (OSError(16, "Service Unavailable"), True),
    "500": (named("HttpError", "x", code=500), False),
    "timeout": (TimeoutError("read"), False),
    "refused": (ConnectionRefusedError(111, "Connection refused"), False),
    "unknown": (named("Whatever", "odd"), False),
    "no HTTP": (
        caused(named("HTTPClientError", "x"), named("BadStatusLine", "x", code=400)),
        False,
    ),
    "garbage": (named("JSONDecodeError", "Expecting value", of=ValueError), False),
}


@pytest.mark.parametrize(("error", "mend"), FINAL.values(), ids=FINAL)
def test_what_time_does_not_mend_is_not_tried_again(error: Exception, mend: str) -> None:
    failed = failure(error)
    assert not failed.again
    assert failed.mend.startswith(mend)


@pytest.mark.parametrize(("error", "busy"), PASSING.values(), ids=PASSING)
def test_what_may_pass_is_tried_again(error: Exception, busy: bool) -> None:  # noqa: FBT001
    failed = failure(error)
    assert (failed.again, failed.busy) == (True, busy)
    assert failed.what.startswith(type(error).__name__)


@pytest.mark.parametrize(
    ("scheme", "variable"), [("s3", "AWS_PROFILE"), ("gs", "GOOGLE_APPLICATION_CREDENTIALS"), ("hf", "HF_TOKEN")]
)
def test_who_may_not_read_hears_where_credentials_are_looked_for(scheme: str, variable: str) -> None:
    assert variable in failure(PermissionError("no"), scheme).mend


@pytest.mark.parametrize("text", ["", "two\nlines  and more", "x" * 9999])
def test_any_text_is_one_line_of_some_length(text: str) -> None:
    assert failure(OSError(text)).what == f"OSError: {' '.join(text.split())}"[:300].removesuffix(": ")


@pytest.mark.parametrize(
    "text",
    [
        "404 for url: https://cdn/blob?X-Amz-Signature=s3cr3t&x=s3cr3t.",
        "GET 'https://me:s3cr3t@host/a#s3cr3t' failed",
        "header Authorization: Bearer s3cr3ts3cr3t",
        "token hf_s3cr3ts3cr3t is wrong",
        "AKIAs3cr3ts3cr3t is unknown",
    ],
)
def test_no_secret_of_a_text_gets_any_further(text: str) -> None:
    failed = failure(caused(OSError(text), OSError(text)))
    assert "s3cr3t" not in f"{failed} {failed.mend} {''.join(traceback.format_exception(failed))}"


@pytest.fixture
def _no_shared_file_systems() -> Iterator[None]:
    objects._shared.cache_clear()
    yield
    objects._shared.cache_clear()


@pytest.mark.usefixtures("_no_shared_file_systems")
@pytest.mark.parametrize(
    ("scheme", "package", "modules"),
    [
        ("s3", "s3fs", ("s3fs", "botocore.session")),
        ("gs", "gcsfs", ("gcsfs", "gcsfs.core", "aiohttp")),
        ("hf", "huggingface_hub", ("huggingface_hub",)),
    ],
)
def test_a_missing_package_is_named(
    scheme: str, package: str, modules: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in modules:
        monkeypatch.setitem(sys.modules, each, None)
    with pytest.raises(AttemptError, match=f"the package {package} is missing") as raised:
        read(ObjectSource(f"{scheme}://models/clip.irpa", stall_s=1))
    assert not raised.value.again
    assert raised.value.mend == (
        f"install it: {sys.executable} -m uv pip install --python {sys.executable} 'iree-quality-harness[remote]'"
    )


def test_its_url_is_what_it_was_given() -> None:
    assert ObjectSource("S3://models/a", stall_s=1).url == "S3://models/a"
