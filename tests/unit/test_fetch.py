import hashlib
import itertools
import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.connection import AttemptError, _explained, _response, redacted, retry_after_s
from harness.errors import FetchError, IntegrityError
from harness.fetch import Fetched, Fetcher
from harness.model import Blob, FetchedBlob
from harness.store import Store

NOW = datetime(2024, 2, 29, 12, tzinfo=UTC)
BODY = b"model"
SHA256 = hashlib.sha256(BODY).hexdigest()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/a/b.irpa", "https://host/a/b.irpa"),
        ("file:///a/b%20c.mlir", "file:///a/b%20c.mlir"),
        ("https://me:pw@host:8443/a", "https://host:8443/a"),
        ("https://me:p@w@host/a", "https://host/a"),
        ("https://t0ken@host/a", "https://host/a"),
        ("https://host/a?sv=2024&sig=ab%3D&flag", "https://host/a?sv=***&sig=***&***"),
        ("https://host/a?c2VjcmV0cw==", "https://host/a?***"),
        ("https://host/a?X-Amz-Signature=ab=cd&&", "https://host/a?X-Amz-Signature=***"),
        ("https://host/a#t0ken", "https://host/a"),
        ("https://host/@scope/a", "https://host/@scope/a"),
        ("http://me:p/w@host/a", "http:***"),
        ("http://me:pw@[::1/a", "http:***"),
        ("https://host/a\x1b[31m\udcff\nb", "https://host/a\ufffd[31m\ufffd\ufffdb"),
        ("", ""),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert redacted(url) == shown


SECRETS = st.text(st.characters(exclude_characters="/?#&=@:[]", codec="utf-8"), min_size=1).map("s3cr3t{}".format)


@given(user=SECRETS, password=SECRETS, name=st.from_regex(r"\w+", fullmatch=True), value=SECRETS, fragment=SECRETS)
def test_no_secret_is_ever_shown(user: str, password: str, name: str, value: str, fragment: str) -> None:
    for query in (f"{name}={value}", value, f"{value}==", f"{name}={value}={value}&{value}"):
        shown = redacted(f"https://{user}:{password}@host/path?{query}#{fragment}")
        assert "s3cr3t" not in shown


@given(st.text())
def test_whatever_is_called_a_url_can_be_shown_in_a_line(url: str) -> None:
    assert redacted(url).isprintable()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("9" * 5000, float("inf")),
        ("Thu, 29 Feb 2024 12:01:00 GMT", 60),
        ("Thu, 29 Feb 2024 13:00:30 +0100", 30),
        ("Thu, 29 Feb 2024 12:01:00", 60),
        ("Thursday, 29-Feb-24 12:01:00 GMT", 60),
        ("Thu, 29 Feb 2024 11:59:59 GMT", 0),
        ("Thu, 29 Feb 99999999999999999999 12:00:00 GMT", None),
        ("-5", None),
        ("1.5", None),
        ("\u00b2", None),
        ("soon", None),
        ("", None),
    ],
)
def test_a_server_says_when_to_come_again(value: str, seconds: float | None) -> None:
    assert retry_after_s(value, NOW) == seconds


@given(st.text() | st.from_regex(r"\w{3}, \d+ (Jan|Feb|Dec) \d+ \d+:\d+:\d+ (GMT|[+-]\d+)", fullmatch=True))
def test_whatever_a_server_says_is_understood_or_ignored(value: str) -> None:
    seconds = retry_after_s(value, NOW)
    assert seconds is None or seconds >= 0


@pytest.fixture
def fetcher(tmp_path: Path) -> Fetcher:
    return Fetcher(Store(tmp_path / "store"), notice=print, offline=True)


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
    assert str(raised.value) == f"{got}correct the file, or the lock with `harness lock`."


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("file:///nowhere/a.mlir", "/nowhere/a.mlir: there is no such file; correct the path in the spec"),
        ("file:///", "/: this is no file; correct the path in the spec"),
        ("file:///dev/zero", "/dev/zero: this is no file; correct the path in the spec"),
        ("file:///a%00b", "there is no such file"),
        ("file:///proc/self/mem", "/proc/self/mem: the file cannot be read (Input/output error); check its rights."),
        ("file:///" + "a" * 300, "the file cannot be read (File name too long)"),
        ("ftp://me:pw@host/a", "ftp://host/a: the URL has no known scheme; expected https, http or file."),
        ("a.mlir", "a.mlir: the URL has no known scheme"),
    ],
)
def test_what_cannot_be_had_is_named(fetcher: Fetcher, url: str, message: str) -> None:
    with pytest.raises(FetchError) as raised:
        fetcher.fetch(Blob(url=url))
    assert message in str(raised.value)


@pytest.mark.parametrize("sha256", ["../" * 21 + "a", "A" * 64, "a" * 63, "a" * 64 + "\n"])
def test_a_lock_cannot_name_another_folder(fetcher: Fetcher, sha256: str) -> None:
    with pytest.raises(IntegrityError, match=r"https://host/a: .* in the lock is no sha256; write it anew"):
        fetcher.fetch(Blob(url="https://host/a", sha256=sha256))
    assert not fetcher.store.root.exists()


def _redirecting(*hops: str) -> httpx.Client:
    """Return a client in whose world each URL redirects to the next; the last is content."""
    steps = dict(itertools.pairwise(hops))

    def answer(request: httpx.Request) -> httpx.Response:
        target = steps.get(str(request.url))
        return httpx.Response(302, headers={"Location": target}) if target else httpx.Response(200)

    return httpx.Client(transport=httpx.MockTransport(answer))


def _unheard(_event: str, _info: Mapping[str, Any]) -> None:
    """Hear nothing of connections."""


@pytest.mark.parametrize(
    "hops",
    [
        ("https://a/1",),
        ("https://a/1", "https://b/2", "https://c/3"),
        ("http://a/1", "http://b/2"),
        ("http://a/1", "https://b/2"),
    ],
)
def test_a_redirect_may_stay_or_become_safer(hops: tuple[str, ...]) -> None:
    with _redirecting(*hops) as client:
        assert _response(client, hops[0], _unheard).url == hops[-1]


@pytest.mark.parametrize(
    "hops",
    [
        ("https://a/1", "http://b/2?sig=s1gnature"),
        ("http://a/1", "https://a/2", "http://a/3"),
        ("https://a/1", "ftp://a/2"),
    ],
)
def test_a_redirect_may_not_become_less_safe(hops: tuple[str, ...]) -> None:
    with _redirecting(*hops) as client, pytest.raises(AttemptError, match="which is refused") as raised:
        _response(client, hops[0], _unheard)
    assert not raised.value.again
    assert "s1gnature" not in str(raised.value)


@pytest.mark.parametrize(
    ("cause", "what", "mend", "again"),
    [
        (socket.gaierror(-2, "Name or service not known"), "the host cannot be resolved", "DNS", True),
        (ssl.SSLCertVerificationError(1, "self-signed certificate"), "self-signed", "SSL_CERT_FILE", False),
        (ConnectionRefusedError(111, "Connection refused"), "ConnectError: ", "check the network", True),
        (httpx.InvalidURL("Invalid port: 'passw0rd'"), "this is no URL to ask", "the spec", False),
    ],
)
def test_what_httpx_says_becomes_advice(cause: Exception, what: str, mend: str, again: bool) -> None:  # noqa: FBT001
    error = httpx.ConnectError(str(cause))
    error.__context__ = cause
    with pytest.raises(AttemptError) as raised, _explained():
        raise error
    assert what in str(raised.value)
    assert mend in raised.value.mend
    assert raised.value.again is again
    assert "passw0rd" not in str(raised.value)
