"""Serves the blobs of a store over HTTP to other machines, read-only (RFC 9110).

    /https://host/models/a.irpa   the content of this URL

A request path is looked up in the store and never becomes a path on disk: the server offers complete blobs only, and
none that was downloaded with credentials.
"""

import base64
import contextlib
import http.server
import io
import ipaddress
import os
import re
import socket  # noqa: TID251 - to resolve addresses; socketserver listens
import socketserver
import sys
import threading
import time
from collections.abc import Collection, Iterator
from http import HTTPStatus
from typing import Any, BinaryIO
from urllib.parse import unquote

from harness import __version__
from harness.core.callbacks import Notice
from harness.core.errors import DiskError, UsageError
from harness.core.text import counted
from harness.core.urls import REMOTE, index_key, lock_key, redacted
from harness.fetch.mirror_names import LOCAL, Names, shown
from harness.fetch.partial import BLOB
from harness.host.waiting import SLICE_S
from harness.store import inventory, url_index
from harness.store.entry import stat_stamp
from harness.store.store import Store

_SHA256 = re.compile(r"[0-9a-f]{64}")
_URL = re.compile(rf"/({'|'.join(REMOTE)}):/{{1,2}}")  # proxies merge two slashes
_RANGE = re.compile(r"bytes=([0-9]{0,20})-([0-9]{0,20})", re.IGNORECASE)
_ABOUT = """The cache of an IREE quality harness, read-only: {blobs}. Those fetched without credentials are at {url}URL
Use it with: harness quality --mirror https://={url}https://
"""


def run(store: Store, host: str, port: int, say: Notice, known_as: Collection[str] = ()) -> None:
    """Serve until ^C or SIGTERM. Arguments and errors as for `serving`."""
    with contextlib.suppress(KeyboardInterrupt), serving(store, host, port, say, known_as):
        while True:
            time.sleep(SLICE_S)


@contextlib.contextmanager
def serving(store: Store, host: str, port: int, say: Notice, known_as: Collection[str] = ()) -> Iterator[str]:
    """Serve until the context ends, and yield the URL.

    Args:
        store: the store to serve.
        host: name or address to listen on.
        port: port to listen on; 0 for a free one.
        say: called with lines for the user, from any thread: how to use the server, and one line per request.
        known_as: more names by which clients may call the server, with any port.

    Raises:
        UsageError: the server cannot listen on the port.
    """
    with _Server(store, host, port, say, known_as) as server:
        say(f"serving {store.root} read-only on {server.url} (press ^C to stop)")
        say(f"on other machines: harness quality --mirror https://={server.url}https://")
        if server.ip.is_loopback:
            say(f"{server.url} is for this machine alone; to serve others, add --host 0.0.0.0 or one of its addresses")
        else:
            say("anyone who can reach this port can read every blob that was fetched without credentials")
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server.url
        finally:
            server.shutdown()


class _Server(socketserver.ThreadingTCPServer):
    """One thread per connection. The class of http.server would ask DNS for this machine's name, which may be slow."""

    allow_reuse_address, daemon_threads, request_queue_size = True, True, 128

    def __init__(self, store: Store, host: str, port: int, say: Notice, known_as: Collection[str]) -> None:
        self.store, self.say = store, say
        try:
            found = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
            self.address_family, (address, _, *scope) = found[0][0], found[0][4]
            super().__init__((address, port, *scope), _Handler)  # type: ignore[arg-type]  # IPv6 addresses have four parts
        except (OSError, OverflowError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or error
            raise UsageError(
                f"Cannot listen on port {port} of {host} ({why}); choose another --port or --host."
            ) from error
        self.ip = ipaddress.ip_address(str(address).partition("%")[0])
        machine, listens_at = os.uname().nodename, int(self.server_address[1])
        name = machine if self.ip.is_unspecified else str(address)
        self.url = f"http://{f'[{name}]' if ':' in name else name}:{listens_at}/"
        own = {*LOCAL, host, name, machine, machine.partition(".")[0]}
        self.names = Names(own=own, known_as=known_as, port=listens_at)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # clients may disconnect; anything else is a bug
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    """One connection, with any number of requests."""

    server: _Server
    protocol_version, server_version, sys_version = "HTTP/1.1", f"iree-quality-harness/{__version__}", ""
    timeout = 60.0
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # the body is not read: what follows is not a request
        if not self._is_called_by_its_name():
            return self._answer_other_name()
        if self.path == "/":
            count = sum(1 for kind, *_ in inventory.entries(self.server.store) if kind == "blobs")
            about = _ABOUT.format(blobs=counted(count, "blob"), url=self.server.url)
            return self._answer_text(HTTPStatus.OK, about)
        try:
            with Store(self.server.store.root) as store:  # no pin outlives the lookup: the file is open
                file, sha256 = _opened(store, self.path)
        except (OSError, ValueError, LookupError, TypeError, DiskError) as error:  # removed meanwhile, or malformed
            if isinstance(error, DiskError):  # hashing it again is needed, but the store is read-only
                self.server.say(str(error))
            return self._answer_text(HTTPStatus.NOT_FOUND, "No such blob.\n")
        with file:
            return self._answer_blob(file, sha256)

    do_HEAD = do_GET  # noqa: N815 - http.server looks for this name

    def _is_called_by_its_name(self) -> bool:
        """Return whether the Host header is a name of this server. Browsers always send one; old clients do not."""
        hosts, address = self.headers.get_all("Host", []), self.connection.getsockname()[0]
        return all(self.server.names.include(host, address) for host in hosts) and len(hosts) <= 1

    def _answer_other_name(self) -> None:
        self.close_connection = True
        name = shown(self.headers["Host"])
        hint = f", or start it with `harness store serve --known-as {name}`" if name else ""
        text = f"This server is not known by that name: use {self.server.url}{hint}.\n"
        self._answer_text(HTTPStatus.MISDIRECTED_REQUEST, text)

    def send_error(self, code: int, *_: Any, **__: Any) -> None:
        """Answer a malformed request, or one with another method."""
        self.close_connection = True
        if code == HTTPStatus.NOT_IMPLEMENTED:
            return self._answer_text(HTTPStatus.METHOD_NOT_ALLOWED, "Read only.\n", Allow="GET, HEAD")
        return self._answer_text(HTTPStatus(code), f"{HTTPStatus(code).phrase}.\n")

    def log_message(self, *_: Any) -> None: ...  # `_answer` logs instead, without secrets

    def _answer_blob(self, file: BinaryIO, sha256: str) -> None:
        size_bytes, tags = os.fstat(file.fileno()).st_size, (f'"sha256:{sha256}"', f'"{sha256}"')
        status, selection = self._status(range(size_bytes), tags)
        headers = {"ETag": tags[0], "Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
        headers["Repr-Digest"] = f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"
        if status in {HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE}:
            shown = f"{selection.start}-{selection.stop - 1}" if selection else "*"
            headers["Content-Range"] = f"bytes {shown}/{size_bytes}"
        self._answer(status, headers, file, selection)

    def _status(self, whole: range, tags: tuple[str, ...]) -> tuple[HTTPStatus, range]:
        """Return the status and the bytes of the answer (RFC 9110, section 13.2.2)."""
        known, selection = self.headers.get("If-None-Match", ""), selected(self.headers.get("Range", ""), len(whole))
        if known == "*" or {*tags} & {*re.findall(r'"[^"]*"', known)}:
            return HTTPStatus.NOT_MODIFIED, whole
        if selection is None or self.command != "GET" or self.headers.get("If-Range", tags[0]) not in tags:
            return HTTPStatus.OK, whole
        return (HTTPStatus.PARTIAL_CONTENT if selection else HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE), selection

    def _answer_text(self, status: HTTPStatus, text: str, **headers: str) -> None:
        headers["Content-Type"] = "text/plain; charset=utf-8"
        self._answer(status, headers, io.BytesIO(text.encode()), range(len(text.encode())))

    def _answer(self, status: HTTPStatus, headers: dict[str, str], body: BinaryIO, selection: range) -> None:
        """Send a response and log it; close the connection if the client does not take all of it."""
        is_sent = False
        headers["Content-Length"] = str(len(selection))
        with contextlib.suppress(OSError):
            self.send_response(status)
            for each in (headers | {"Connection": "close"} if self.close_connection else headers).items():
                self.send_header(*each)
            self.end_headers()
            has_no_body = not selection or self.command == "HEAD" or status == HTTPStatus.NOT_MODIFIED
            is_sent = has_no_body or self.connection.sendfile(body, selection.start, len(selection)) == len(selection)
        self.close_connection |= not is_sent
        asked = f"{redacted(self.command)} {_shown(self.path)}" if self.command else "a malformed request"
        asked += " of another host" if status == HTTPStatus.MISDIRECTED_REQUEST else ""
        end = "" if is_sent else ", aborted"
        self.server.say(f"{self.client_address[0]} {status.value} {len(selection)} bytes for {asked}{end}")


def selected(wanted: str, size_bytes: int) -> range | None:
    """Return the bytes of a Range header, which may be none; None if the header is ignored. No I/O."""
    found = _RANGE.fullmatch(wanted)
    first, last = (int(each) if each else None for each in found.groups()) if found else (None, None)
    if last is not None and first is None:
        return range(max(0, size_bytes - last), size_bytes) if size_bytes or not last else None
    if first is None or (last is not None and last < first):
        return None
    return range(first, size_bytes if last is None else min(last + 1, size_bytes))


def _urls(target: str) -> Iterator[str]:
    """Return the URLs that a request target may mean: as sent, and decoded."""
    matches = map(_URL.match, dict.fromkeys((target, unquote(target))))
    return (f"{each[1]}://{each.string[each.end() :]}" for each in matches if each)


def _shown(target: str) -> str:
    """Return a request target for the log, without secrets."""
    url = next(_urls(unquote(target)), None)
    return (redacted(url) if url else redacted(unquote(target)).rpartition("@")[2])[:500]


def _opened(store: Store, target: str) -> tuple[BinaryIO, str]:
    """Open the blob of a request target; return it and its SHA-256. Raises LookupError if there is no public one."""
    keys = (index_key(url) for url in _urls(target) if lock_key(url) is not None)
    known = next((known for key in keys if (known := url_index.found(store, key))), None)
    if known is None or known.private or (entry := store.find("blobs", sha256 := known.sha256)) is None:
        raise LookupError
    file = store.files.reader(entry.path / BLOB)
    if {**stat_stamp(os.fstat(file.fileno())), "sha256": sha256} != entry.files.get(BLOB):
        file.close()
        raise LookupError
    return file, sha256
