"""A store that is served to other harnesses, asked over real connections."""

import base64
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness import locks
from harness.entries import Entry
from harness.errors import UsageError
from harness.fetch import Places
from harness.model import Blob
from harness.serve import run, serving
from harness.store import Store
from harness.urls import Grant, Mirror, candidates, index_key
from tests.integration.bench import Bench, good, locked

BODY = bytes(range(256)) * 40
SHA256 = hashlib.sha256(BODY).hexdigest()
TAG = f'"sha256:{SHA256}"'
URL = "https://host/models/clip.irpa"
LARGE = bytes(range(251)) * 130_000  # more than a connection holds that nobody reads
LARGE_URL = "https://host/models/large.irpa"
SIZES = (0, 1, 2, 3, 10, 1000)
NO_BLOB = "There is no such blob here.\n"
PATIENCE_S = 300  # no test depends on how fast the machine is
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # to read the certificates takes longer than most tests


def keep(store: Store, body: bytes, *urls: str, **learnt: Any) -> Entry:
    """Have a store hold a blob, and remember that URLs had it."""
    sha256 = hashlib.sha256(body).hexdigest()
    for url in urls:
        learn(store, url, json.dumps({"sha256": sha256, **learnt}))
    return store.provide("blobs", sha256, lambda folder: write(folder, body))


def learn(store: Store, url: str, text: str) -> None:
    """Have a store remember of a URL what may be wrong."""

    def make(folder: Path) -> None:
        (folder / "url.json").write_text(text)

    store.provide("urls", index_key(url), make)


def write(folder: Path, body: bytes) -> None:
    (folder / "blob").write_bytes(body)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    keep(store, BODY, URL)
    return store


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def served(store: Store, said: list[str]) -> Iterator[str]:
    with serving(store, "127.0.0.1", 0, said.append) as url:
        yield url


@pytest.fixture
def client(served: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served, trust_env=False, verify=NO_TLS, timeout=PATIENCE_S) as client:
        yield client


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Return a client of a store that has a blob of each of the sizes."""
    store = Store(tmp_path_factory.mktemp("store"))
    for size in SIZES:
        keep(store, BODY[:size], f"https://host/{size}")
    with (
        serving(store, "127.0.0.1", 0, lambda _: None) as url,
        httpx.Client(base_url=f"{url}https://host/", trust_env=False, verify=NO_TLS, timeout=PATIENCE_S) as client,
    ):
        yield client


def connected(url: str) -> socket.socket:
    address = httpx.URL(url)
    return socket.create_connection((address.host, address.port or 0), timeout=PATIENCE_S)


def raw(url: str, request: bytes) -> bytes:
    """Send bytes and return all that comes until the server hangs up."""
    with connected(url) as connection:
        connection.sendall(request)
        with contextlib.suppress(ConnectionResetError), connection.makefile("rb") as file:
            return file.read()
    return b""


def asked(url: str, target: str) -> httpx.Response:
    """Ask for a target to the letter: httpx would tidy it up."""
    text = raw(url, f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode("latin-1"))
    head, _, body = text.partition(b"\r\n\r\n")
    return httpx.Response(int(head.split()[1]), content=body)


def wait_for(condition: Callable[[], object]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_a_blob_is_had_by_its_url(client: httpx.Client) -> None:
    response = client.get(f"/{URL}")
    assert (response.status_code, response.content) == (200, BODY)
    digest = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    expected = {
        "Content-Length": str(len(BODY)),
        "Content-Type": "application/octet-stream",
        "ETag": TAG,
        "Accept-Ranges": "bytes",
        "Repr-Digest": f"sha-256=:{digest}:",
    }
    assert {name: response.headers[name] for name in expected} == expected


def test_a_mirror_is_what_the_start_line_says(client: httpx.Client, said: list[str]) -> None:
    mirror = Mirror.parse(said[1].partition("--mirror ")[2])
    assert client.get(candidates(URL, [mirror])[0]).content == BODY
    assert said[0].endswith(f", read only, on {client.base_url} (^C ends it)")
    assert said[1] == f"elsewhere: harness quality --mirror https://={client.base_url}https://"


def test_a_url_may_be_written_otherwise(store: Store, served: str) -> None:
    targets = {
        "/https:/host/models/clip.irpa": URL,
        "/https%3A%2F%2Fhost%2Fmodels%2Fclip.irpa": URL,
        "//https://host/models/clip.irpa": URL,
        "/https://host/a%20b.irpa": "https://host/a b.irpa",
        "/https://host/c%20d.irpa": "https://host/c%20d.irpa",
        "/https://host/caf%C3%A9": "https://host/caf\N{LATIN SMALL LETTER E WITH ACUTE}",
        "/https://host/a?download=true": "https://host/a?download=true",
        "/https://account.blob/a?sv=1&se=2&sig=3": "https://account.blob/a",
        "/http://host:8080/a": "http://host:8080/a",
        "/s3://bucket/a": "s3://bucket/a",
        "/hf:/owner/name/a@main": "hf://owner/name/a@main",
    }
    for url in {*targets.values()} - {URL}:
        keep(store, url.encode(), url)
    expected = {target: BODY if url == URL else url.encode() for target, url in targets.items()}
    assert {target: asked(served, target).content for target in targets} == expected


def test_nothing_else_is_there(store: Store, served: str) -> None:
    blob = keep(store, BODY).path / "blob"
    targets = [
        "/https://host/models",
        "/https://host/models/",
        f"/{URL}?x=1",
        f"/{URL}/",
        f"/http{URL[5:]}",
        "/https:",
        "/https://",
        "/https://[/",
        f"/sha256/{SHA256}",
        f"/{SHA256}",
        SHA256,
        "*",
        "/?",
        "/index.html",
        "/entry.json",
        f"/blobs/{SHA256[:2]}/{SHA256}/blob",
        f"/urls/{index_key(URL)[:2]}/{index_key(URL)}/url.json",
        str(blob),
        f"/file://{blob}",
        "/etc/passwd",
        "//etc/passwd",
        "file:///etc/passwd",
        "/file:///etc/passwd",
        "/file:/etc/passwd",
        "/https:///etc/passwd",
        "/https://../../../etc/passwd",
        "/../",
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/%00",
        "/\xff\xfe",
        "/" + "../" * 10000,
    ]
    answers = {target: asked(served, target) for target in targets}
    assert {target: (each.status_code, each.text) for target, each in answers.items()} == dict.fromkeys(
        targets, (404, NO_BLOB)
    )


def test_a_url_that_may_hold_a_secret_is_not_there(store: Store, served: str, said: list[str]) -> None:
    keep(store, BODY, "https://host/a?token=hush")
    assert asked(served, "/https://host/a?token=hush").status_code == 404
    assert asked(served, "/https://host/a%3Ftoken=hush").status_code == 404
    assert said[-2:] == ["127.0.0.1 404 28 bytes for GET https://host/a?token=***"] * 2


def test_what_took_credentials_is_not_there(store: Store, client: httpx.Client, served: str) -> None:
    body = b"not for everybody"
    keep(store, body, "https://host/private", private=True)
    tag = f'"{hashlib.sha256(body).hexdigest()}"'
    for headers in ({}, {"Range": "bytes=0-1"}, {"If-None-Match": "*"}, {"If-None-Match": tag}):
        response = client.get("/https://host/private", headers=headers)
        assert (response.status_code, response.text, "ETag" in response.headers) == (404, NO_BLOB, False)
    assert client.head("/https://host/private").status_code == 404
    for target in (
        "/https%3A%2F%2Fhost/private",
        "/https://host/private?sv=1&sig=2",
        "/https://user:word@host/private",
    ):
        assert asked(served, target).status_code == 404


def test_what_everybody_can_have_elsewhere_is_had_from_there(store: Store, served: str) -> None:
    keep(store, BODY, "https://host/private", private=True)
    keep(store, BODY, "https://host/public", private=False)
    assert asked(served, "/https://host/private").status_code == 404
    assert asked(served, "/https://host/public").content == asked(served, f"/{URL}").content == BODY


def test_what_fetch_has_by_a_signature_is_not_served(bench: Bench, said: list[str]) -> None:
    names = ("signed", "granted", "plain")
    signed, granted, plain = (bench.server.serve(f"/{name}", good(name.encode())) for name in names)
    grants = (Grant(prefix=granted, token="sv=1&sig=2"),)  # noqa: S106 - it opens nothing
    for blob in (Blob(url=f"{signed}?sv=1&sig=2"), locked(granted, b"granted"), locked(plain, b"plain")):
        bench.fetch(blob, places=Places(grants=grants))
    with serving(bench.store, "127.0.0.1", 0, said.append) as url:
        assert [asked(url, f"/{each}").text for each in (signed, granted, plain)] == [NO_BLOB, NO_BLOB, "plain"]


def test_an_odd_entry_leads_nowhere(store: Store, served: str) -> None:
    digests = (None, 1, "", "../..", SHA256.upper(), f"{SHA256}\n", "0" * 64)
    texts = ["", "[]", "null", "{}", '"sha256"', *(json.dumps({"sha256": each}) for each in digests)]
    for number, text in enumerate(texts):
        learn(store, f"https://host/{number}", text)
    assert {text: asked(served, f"/https://host/{number}").text for number, text in enumerate(texts)} == dict.fromkeys(
        texts, NO_BLOB
    )


def test_an_entry_leads_to_no_other_place(store: Store, served: str) -> None:
    path = store.provide("other", "kind", lambda folder: write(folder, b"x")).path
    manifest = path / "entry.json"
    manifest.write_text(manifest.read_text().replace(hashlib.sha256(b"x").hexdigest(), str(path)))
    learn(store, "https://host/odd", json.dumps({"sha256": str(path)}))
    assert asked(served, "/https://host/odd").text == NO_BLOB


def test_a_blob_that_is_not_what_its_name_says_is_not_there(store: Store, served: str) -> None:
    store.provide("blobs", "1" * 64, lambda _: None)
    store.provide("blobs", "2" * 64, lambda folder: write(folder, b"x"))
    for digit in "12":
        learn(store, f"https://host/{digit}", json.dumps({"sha256": digit * 64}))
        assert asked(served, f"/https://host/{digit}").status_code == 404


def test_head_says_what_get_would(client: httpx.Client) -> None:
    for target in ("/", f"/{URL}", "/missing"):
        head, get = client.head(target), client.get(target)
        assert (head.status_code, head.content) == (get.status_code, b"")
        assert {**head.headers, "date": ""} == {**get.headers, "date": ""}


def test_head_heeds_no_range(client: httpx.Client) -> None:
    response = client.head(f"/{URL}", headers={"Range": "bytes=0-0"})
    assert (response.status_code, response.headers["Content-Length"]) == (200, str(len(BODY)))


def test_the_root_says_what_this_is(client: httpx.Client, store: Store) -> None:
    keep(store, b"x")
    response = client.get("/")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "read only. 2 blobs" in response.text
    assert f"--mirror https://={client.base_url}https://\n" in response.text
    assert str(store.root) not in response.text


def test_nothing_can_be_changed(client: httpx.Client) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT", "X"):
        response = client.request(method, f"/{URL}", content=b"x")
        assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")
        assert response.headers["Connection"] == "close"


def part(body: bytes, wanted: str) -> bytes | None:
    """Return the slice that a valid range asks for; None for what is to be answered with the whole."""
    first, last = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted, re.ASCII).groups()  # type: ignore[union-attr]
    if first and last:
        return body[int(first) : int(last) + 1] if int(first) <= int(last) else None
    if first:
        return body[int(first) :]
    return None if not last or (not body and int(last)) else body[-int(last) :] if int(last) else b""


numbers = st.one_of(st.just(""), st.integers(0, 1100).map(str), st.integers(0, 10**19).map(str), st.just("007"))


@settings(max_examples=100, deadline=None)
@given(size=st.sampled_from(SIZES), first=numbers, last=numbers)
@example(size=0, first="0", last="")
@example(size=0, first="", last="5")
@example(size=10, first="", last="0")
@example(size=10, first="10", last="")
@example(size=10, first="9", last="99")
@example(size=10, first="5", last="4")
def test_a_range_is_a_slice(sizes: httpx.Client, size: int, first: str, last: str) -> None:
    body, wanted = BODY[:size], f"bytes={first}-{last}"
    response = sizes.get(str(size), headers={"Range": wanted})
    expected = part(body, wanted)
    if expected is None:
        assert (response.status_code, response.content) == (200, body)
        assert "Content-Range" not in response.headers
    elif expected:
        start = int(first) if first else size - len(expected)
        assert (response.status_code, response.content) == (206, expected)
        assert response.headers["Content-Range"] == f"bytes {start}-{start + len(expected) - 1}/{size}"
    else:
        assert (response.status_code, response.content) == (416, b"")
        assert response.headers["Content-Range"] == f"bytes */{size}"
    assert response.headers["ETag"] == f'"sha256:{hashlib.sha256(body).hexdigest()}"'


@settings(max_examples=100, deadline=None)
@given(
    size=st.sampled_from(SIZES),
    wanted=st.one_of(
        st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30).map(
            str.strip
        ),
        st.from_regex(r"(bytes|items|)[= ]{0,2}[-+ ,0-9a-z]{0,20}", fullmatch=True).map(str.strip),
    ),
)
@example(size=10, wanted="bytes=0-1,3-4")
@example(size=10, wanted="bytes=0-1,")
@example(size=10, wanted="bytes=" + "9" * 60_000 + "-")
@example(size=10, wanted="bytes=\N{SUPERSCRIPT TWO}-")
@example(size=10, wanted="items=0-1")
def test_any_range_is_answered(sizes: httpx.Client, size: int, wanted: str) -> None:
    body = BODY[:size]
    response = sizes.get(str(size), headers=[(b"Range", wanted.encode("latin-1"))])
    if response.status_code == 206:
        first, last = re.fullmatch(rf"bytes (\d+)-(\d+)/{size}", response.headers["Content-Range"]).groups()  # type: ignore[union-attr]
        assert response.content == body[int(first) : int(last) + 1]
    else:
        assert (response.status_code, response.content) in {(200, body), (416, b"")}


def test_a_unit_is_known_however_it_is_written(client: httpx.Client) -> None:
    for unit in ("bytes", "Bytes", "BYTES"):
        assert client.get(f"/{URL}", headers={"Range": f"{unit}=1-2"}).content == BODY[1:3]


def test_a_range_of_other_content_is_the_whole(client: httpx.Client) -> None:
    others = (f"W/{TAG}", SHA256, '"other"', "", "Sun, 22 Nov 2026 19:23:56 GMT")
    for validator, expected in {TAG: 206, f'"{SHA256}"': 206, **dict.fromkeys(others, 200)}.items():
        response = client.get(f"/{URL}", headers={"Range": "bytes=5-", "If-Range": validator})
        assert (response.status_code, response.content) == (expected, BODY[5:] if expected == 206 else BODY), validator


@pytest.mark.parametrize(("method", "other"), [("GET", 416), ("HEAD", 200)])
def test_what_is_known_is_not_sent(client: httpx.Client, method: str, other: int) -> None:
    same = (TAG, f'"{SHA256}"', f"W/{TAG}", f'"a", {TAG}', "*")
    for known, expected in {**dict.fromkeys(same, 304), '"a"': other, "": other}.items():
        response = client.request(method, f"/{URL}", headers={"If-None-Match": known, "Range": "bytes=99999-"})
        assert (response.status_code, response.content, response.headers["ETag"]) == (expected, b"", TAG), known


def test_a_connection_serves_many_requests(served: str) -> None:
    with connected(served) as connection, connection.makefile("rb") as file:
        for target, body in ((f"/{URL}", BODY), ("/no", NO_BLOB.encode()), (f"/{URL}", BODY)):
            for method in ("HEAD", "GET"):
                connection.sendall(f"{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                lines = list(iter(file.readline, b"\r\n"))
                assert f"Content-Length: {len(body)}\r\n".encode() in lines
                assert method == "HEAD" or file.read(len(body)) == body
        connection.sendall(f"GET /{URL} HTTP/1.1\r\nIf-None-Match: *\r\n\r\nGET / HTTP/1.1\r\n\r\n".encode())
        assert file.readline() == b"HTTP/1.1 304 Not Modified\r\n"
        assert list(iter(file.readline, b"\r\n"))
        assert file.readline() == b"HTTP/1.1 200 OK\r\n"


def test_what_follows_as_a_body_is_no_request(served: str) -> None:
    inner = b"GET /smuggled HTTP/1.1\r\n\r\n"
    for head in (b"Content-Length: 99", b"content-length: 26", b"Transfer-Encoding: chunked"):
        text = raw(served, b"GET / HTTP/1.1\r\n" + head + b"\r\n\r\n" + inner)
        assert text.count(b"HTTP/1.1 ") == 1


def test_what_is_no_request_is_refused(served: str, capfd: pytest.CaptureFixture[str]) -> None:
    for request, answer in (
        (b"\r\n\r\n", b""),
        (b"garbage\r\n\r\n", b"Bad Request.\n"),
        (b"GET / HTTP/9.9\r\n\r\n", b"HTTP Version Not Supported.\n"),
        (b"GET / nonsense\r\n\r\n", b"Bad Request.\n"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"Request-URI Too Long.\n"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", b"Request Header Fields Too Large.\n"),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", b"Request Header Fields Too Large.\n"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n", b"Bad Request.\n"),  # TLS
    ):
        assert raw(served, request).endswith(answer), request[:50]
    assert asked(served, f"/{URL}").content == BODY
    assert capfd.readouterr().err == ""


def test_old_clients_are_served(served: str) -> None:
    assert raw(served, f"GET /{URL} HTTP/1.0\r\n\r\n".encode()).endswith(b"\r\n\r\n" + BODY)
    assert raw(served, f"GET /{URL}\r\n\r\n".encode()) == BODY


def test_each_request_is_told_of_without_secrets(client: httpx.Client, served: str, said: list[str]) -> None:
    del said[:]
    client.get(f"/{URL}", headers={"Range": "bytes=0-9"})
    for target in ("/https://user:hush@host/a?sig=hush#hush", "/https%3A%2F%2Fuser:hush%40host%2Fa%3Fsig=hush"):
        asked(served, target)
    asked(served, "/ftp://user:hush@host/a?hush")
    asked(served, "/https://host/\x1b[31m%0Aforged%1b%c2%9b")
    raw(served, b"G\x1b[0m\x9b / HTTP/1.1\r\n\r\n")
    raw(served, b"hush\r\n\r\n")
    assert said == [
        f"127.0.0.1 206 10 bytes for GET {URL}",
        "127.0.0.1 404 28 bytes for GET https://host/a?sig=***",
        "127.0.0.1 404 28 bytes for GET https://host/a?sig=***",
        "127.0.0.1 404 28 bytes for GET host/a?***",
        "127.0.0.1 404 28 bytes for GET https://host/\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}forged"
        + "\N{REPLACEMENT CHARACTER}" * 2,
        "127.0.0.1 405 11 bytes for G\N{REPLACEMENT CHARACTER}[0m\N{REPLACEMENT CHARACTER} /",
        "127.0.0.1 400 13 bytes for what is no request",
    ]


def test_a_line_is_never_long(served: str, said: list[str]) -> None:
    asked(served, "/https://host/" + "a" * 60_000)
    assert len(said[-1]) < 600


@pytest.mark.parametrize("taken", [0, 100_000])
def test_a_client_that_goes_away_disturbs_nobody(
    store: Store, served: str, said: list[str], taken: int, capfd: pytest.CaptureFixture[str]
) -> None:
    keep(store, LARGE, LARGE_URL)
    with connected(served) as connection:
        connection.sendall(f"GET /{LARGE_URL} HTTP/1.1\r\n\r\n".encode())
        while taken > 0:
            taken -= len(connection.recv(taken))
    wait_for(lambda: said[-1].endswith(", which broke off"))
    assert said[-1] == f"127.0.0.1 200 {len(LARGE)} bytes for GET {LARGE_URL}, which broke off"
    assert asked(served, f"/{URL}").content == BODY
    assert capfd.readouterr() == ("", "")


def test_a_client_that_goes_away_before_it_asked_disturbs_nobody(
    served: str, capfd: pytest.CaptureFixture[str]
) -> None:
    for begun in (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHo"):
        with connected(served) as connection:
            connection.sendall(begun)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # it hangs up rudely
        assert asked(served, f"/{URL}").content == BODY
    assert capfd.readouterr() == ("", "")


def test_a_client_that_takes_nothing_is_left(
    store: Store, served: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.serve._Handler.timeout", 0.2)
    keep(store, LARGE, LARGE_URL)
    with connected(served) as idle, connected(served) as stalled:
        stalled.sendall(f"GET /{LARGE_URL} HTTP/1.1\r\n\r\n".encode())
        wait_for(lambda: said[-1].endswith(", which broke off"))
        assert idle.recv(1) == b""


def test_an_entry_that_vanishes_is_not_there(store: Store, client: httpx.Client) -> None:
    entry = keep(store, BODY)
    assert client.get(f"/{URL}").status_code == 200
    (entry.path / "entry.json").unlink()
    assert client.get(f"/{URL}").status_code == 404
    keep(store, BODY)
    assert client.get(f"/{URL}").content == BODY


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


def test_a_damaged_blob_is_not_served(store: Store, client: httpx.Client) -> None:
    for damaged in (BODY[::-1], b""):
        write(keep(store, BODY).path, damaged)
        assert client.get(f"/{URL}").status_code == 404


def test_a_blob_that_was_touched_is_read_again_and_served(store: Store, client: httpx.Client) -> None:
    os.utime(keep(store, BODY).path / "blob", (1, 1))
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


def test_what_cannot_be_hashed_again_is_not_served(store: Store, client: httpx.Client, said: list[str]) -> None:
    os.utime(keep(store, BODY).path / "blob", (1, 1))
    shutil.rmtree(store.root / "locks")
    (store.root / "locks").symlink_to("/sys")  # where not even root can make a file
    assert client.get(f"/{URL}").status_code == 404
    assert any("cannot be written" in line for line in said)


def test_what_is_not_being_asked_for_may_be_collected(store: Store, client: httpx.Client) -> None:
    store.close()
    client.get(f"/{URL}")
    client.get("/https://host/other")
    pins = locks.Pins(store.root / "pins")
    for name in (f"blobs-{SHA256}", f"urls-{index_key(URL)}", f"urls-{index_key('https://host/other')}"):
        with pins.seized(name) as free:
            assert free


def test_a_store_that_is_not_there_is_an_empty_one(tmp_path: Path) -> None:
    with serving(Store(tmp_path / "none"), "127.0.0.1", 0, lambda _: None) as url:
        assert ". 0 blobs" in asked(url, "/").text
        assert asked(url, f"/{URL}").status_code == 404
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("host", ["[::1]", "localhost"])
def test_other_hosts_are_served(store: Store, said: list[str], host: str) -> None:
    with serving(store, host, 0, said.append) as url:
        assert httpx.get(f"{url}{URL}", trust_env=False, verify=NO_TLS).content == BODY
    assert re.fullmatch(r"http://(\[::1\]|127\.0\.0\.1):\d+/", url)
    assert len(said) == 3


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104 - while this test runs
def test_everyone_who_can_read_is_told_of(store: Store, said: list[str], host: str) -> None:
    with serving(store, host, 0, said.append) as url:
        port = httpx.URL(url).port
        assert httpx.get(f"http://127.0.0.1:{port}/{URL}", trust_env=False, verify=NO_TLS).content == BODY
    assert said[2] == "everyone who reaches this port can read every blob that was fetched without credentials"
    assert f"https://=http://{os.uname().nodename}:{port}/https://" in said[1]


def test_a_port_in_use_is_refused(store: Store, served: str) -> None:
    port = httpx.URL(served).port or 0
    with pytest.raises(UsageError) as caught:
        run(store, "127.0.0.1", port, lambda _: None)
    expected = f"Port {port} of 127.0.0.1 cannot be had (Address already in use); name another --port or --host."
    assert str(caught.value) == expected


def test_a_place_that_is_none_is_refused(store: Store) -> None:
    hosts = (("host.invalid", 0), ("", 0), ("x" * 70, 0), ("192.0.2.1", 0))
    for host, port in (("127.0.0.1", 65536), ("127.0.0.1", -1), *hosts):
        expected = rf"^Port {port} of {host} cannot be had \(.+\); name another --port or --host"
        with pytest.raises(UsageError, match=expected):
            run(store, host, port, lambda _: None)


def test_a_closed_port_can_be_had_again_at_once(store: Store) -> None:
    with serving(store, "127.0.0.1", 0, lambda _: None) as url:
        asked(url, "/")
    with serving(store, "127.0.0.1", httpx.URL(url).port or 0, lambda _: None) as again:
        assert asked(again, f"/{URL}").content == BODY
    with pytest.raises(ConnectionRefusedError):
        asked(again, "/")


SCRIPT = """
import functools, pathlib, signal, sys
from harness import serve, store
from harness.errors import Terminated
def terminated(*_):
    raise Terminated
signal.signal(signal.SIGTERM, terminated)
serve.run(store.Store(pathlib.Path(sys.argv[1])), "127.0.0.1", 0, functools.partial(print, flush=True))
print("closed")
"""


@contextlib.contextmanager
def process(store: Store) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Serve in a process of its own, and yield the URL too."""
    argv = [sys.executable, "-c", SCRIPT, str(store.root)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().split(" on ")[1].split()[0]
        finally:
            process.kill()


def peak_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_order_to_stop_ends_it_whatever_goes_on(store: Store, number: signal.Signals) -> None:
    keep(store, LARGE, LARGE_URL)
    with process(store) as (child, url), connected(url) as idle, connected(url) as loading:
        assert asked(url, f"/{URL}").content == BODY
        loading.sendall(f"GET /{LARGE_URL} HTTP/1.1\r\n\r\n".encode())
        assert loading.recv(1) == b"H"
        child.send_signal(number)
        out, err = child.communicate(timeout=PATIENCE_S)
        assert (child.returncode, out.splitlines()[-1], err) == (0, "closed", "")
        assert idle.recv(1) == b""


def test_parallel_clients_take_no_memory(store: Store) -> None:
    sha256 = keep(store, LARGE, LARGE_URL).sha256("blob")
    start = threading.Barrier(8)

    def digest(url: str) -> str:
        start.wait()
        digest = hashlib.sha256()
        with httpx.stream("GET", f"{url}{LARGE_URL}", trust_env=False, verify=NO_TLS, timeout=PATIENCE_S) as response:
            for piece in response.iter_raw():
                digest.update(piece)
        return digest.hexdigest()

    with process(store) as (child, url), ThreadPoolExecutor(8) as pool:
        before = peak_bytes(child.pid)
        assert set(pool.map(digest, [url] * 8)) == {sha256}
        assert peak_bytes(child.pid) - before < len(LARGE) / 2
