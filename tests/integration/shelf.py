"""What the tests of serving work with: blobs to put into a store, and requests to the letter."""

import contextlib
import hashlib
import json
import socket
import ssl
from pathlib import Path
from typing import Any

import httpx

from harness.core.urls import index_key
from harness.store.entry import Entry
from harness.store.store import Store

BODY = bytes(range(256)) * 40
SHA256 = hashlib.sha256(BODY).hexdigest()
TAG = f'"sha256:{SHA256}"'
URL = "https://host/models/clip.irpa"
LARGE = bytes(range(251)) * 130_000  # more than a connection holds that nobody reads
LARGE_URL = "https://host/models/large.irpa"
NO_BLOB = "No such blob.\n"
PATIENCE_S = 300  # no test depends on how fast the machine is
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # to read the certificates takes longer than most tests


def keep(store: Store, body: bytes, *urls: str, **record: Any) -> Entry:
    """Have a store hold a blob, and remember that URLs had it."""
    sha256 = hashlib.sha256(body).hexdigest()
    for url in urls:
        remember(store, url, json.dumps({"sha256": sha256, **record}))
    return store.provide("blobs", sha256, lambda folder: write(folder, body))


def remember(store: Store, url: str, text: str) -> None:
    """Have a store remember of a URL what may be wrong."""

    def make(folder: Path) -> None:
        (folder / "url.json").write_text(text)

    store.provide("urls", index_key(url), make)


def write(folder: Path, body: bytes) -> None:
    """Write what an entry of a blob has."""
    (folder / "blob").write_bytes(body)


def client_of(url: str) -> httpx.Client:
    """Return a client that asks a server without proxies and certificates."""
    return httpx.Client(base_url=url, trust_env=False, verify=NO_TLS, timeout=PATIENCE_S)


def connected(url: str) -> socket.socket:
    """Connect to a server, and say nothing yet."""
    address = httpx.URL(url)
    return socket.create_connection((address.host, address.port or 0), timeout=PATIENCE_S)


def raw(url: str, request: bytes) -> bytes:
    """Send bytes and return all that comes until the server hangs up."""
    with connected(url) as connection:
        connection.sendall(request)
        with contextlib.suppress(ConnectionResetError), connection.makefile("rb") as file:
            return file.read()
    return b""


def asked(url: str, target: str, *hosts: str) -> httpx.Response:
    """Ask for a target to the letter, by the server's own name or by others: httpx would tidy it up."""
    named = "".join(f"Host: {host}\r\n" for host in hosts or [httpx.URL(url).netloc.decode()])
    text = raw(url, f"GET {target} HTTP/1.1\r\n{named}Connection: close\r\n\r\n".encode("latin-1"))
    head, _, body = text.partition(b"\r\n\r\n")
    return httpx.Response(int(head.split()[1]), content=body)
