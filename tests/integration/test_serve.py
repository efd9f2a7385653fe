"""What others can have of a store that is served to them, asked over real connections."""

import base64
import hashlib
import json

import httpx

from harness.core.blobs import Blob
from harness.core.urls import Grant, Mirror, candidates, index_key
from harness.fetch.mirror_server import serving
from harness.fetch.policy import FetchPolicy
from harness.store.store import Store
from tests.integration.bench import Bench, good, locked
from tests.integration.shelf import BODY, NO_BLOB, SHA256, TAG, URL, asked, keep, raw, remember, write


def test_a_blob_is_served_by_its_url(client: httpx.Client) -> None:
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
    assert said[0].endswith(f" read-only on {client.base_url} (press ^C to stop)")
    assert said[1] == f"on other machines: harness quality --mirror https://={client.base_url}https://"


def test_the_root_says_what_this_is(client: httpx.Client, store: Store) -> None:
    keep(store, b"x")
    response = client.get("/")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "read-only: 2 blobs" in response.text
    assert f"--mirror https://={client.base_url}https://\n" in response.text
    assert str(store.root) not in response.text


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


def test_nothing_can_be_changed(client: httpx.Client) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT", "X"):
        response = client.request(method, f"/{URL}", content=b"x")
        assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")
        assert response.headers["Connection"] == "close"


def test_a_url_that_may_hold_a_secret_is_not_there(store: Store, served: str, said: list[str]) -> None:
    keep(store, BODY, "https://host/a?token=hush")
    assert asked(served, "/https://host/a?token=hush").status_code == 404
    assert asked(served, "/https://host/a%3Ftoken=hush").status_code == 404
    assert said[-2:] == ["127.0.0.1 404 14 bytes for GET https://host/a?token=***"] * 2


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


def test_a_blob_that_is_public_is_served(store: Store, served: str) -> None:
    keep(store, BODY, "https://host/private", private=True)
    keep(store, BODY, "https://host/public", private=False)
    assert asked(served, "/https://host/private").status_code == 404
    assert asked(served, "/https://host/public").content == asked(served, f"/{URL}").content == BODY


def test_what_fetch_has_by_a_signature_is_not_served(bench: Bench, said: list[str]) -> None:
    names = ("signed", "granted", "plain")
    signed, granted, plain = (bench.server.serve(f"/{name}", good(name.encode())) for name in names)
    grants = (Grant(prefix=granted, token="sv=1&sig=2"),)  # noqa: S106 - it opens nothing
    for blob in (Blob(url=f"{signed}?sv=1&sig=2"), locked(granted, b"granted"), locked(plain, b"plain")):
        bench.fetch(blob, policy=FetchPolicy(grants=grants))
    with serving(bench.store, "127.0.0.1", 0, said.append) as url:
        assert [asked(url, f"/{each}").text for each in (signed, granted, plain)] == [NO_BLOB, NO_BLOB, "plain"]


def test_a_malformed_entry_is_not_found(store: Store, served: str) -> None:
    store.provide("blobs", "1" * 64, lambda _: None)
    store.provide("blobs", "2" * 64, lambda folder: write(folder, b"x"))
    other = store.provide("other", "kind", lambda folder: write(folder, b"x")).path
    manifest = other / "entry.json"
    manifest.write_text(manifest.read_text().replace(hashlib.sha256(b"x").hexdigest(), str(other)))
    digests = (None, 1, "", "../..", str(other), SHA256.upper(), f"{SHA256}\n", *(digit * 64 for digit in "012"))
    texts = ["", "[]", "null", "{}", '"sha256"', *(json.dumps({"sha256": each}) for each in digests)]
    for number, text in enumerate(texts):
        remember(store, f"https://host/{number}", text)
    assert {text: asked(served, f"/https://host/{number}").text for number, text in enumerate(texts)} == dict.fromkeys(
        texts, NO_BLOB
    )


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
        "127.0.0.1 404 14 bytes for GET https://host/a?sig=***",
        "127.0.0.1 404 14 bytes for GET https://host/a?sig=***",
        "127.0.0.1 404 14 bytes for GET host/a?***",
        "127.0.0.1 404 14 bytes for GET https://host/\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}forged"
        + "\N{REPLACEMENT CHARACTER}" * 2,
        "127.0.0.1 405 11 bytes for G\N{REPLACEMENT CHARACTER}[0m\N{REPLACEMENT CHARACTER} /",
        "127.0.0.1 400 13 bytes for a malformed request",
    ]


def test_a_line_is_never_long(served: str, said: list[str]) -> None:
    asked(served, "/https://host/" + "a" * 60_000)
    assert len(said[-1]) < 600
