"""Serves a folder over HTTP/1.1 on 127.0.0.1, like a host of blobs, until its standard input ends. Prints its port.

    python fetch_server.py FOLDER [--link MIB/S]

`/<MiB/s>/<container>/<name>` is the file of that name in the folder, sent at so many MiB/s per connection; 0 is no
limit. `--link` limits all connections together, as a slow network does. Ranges, validators and headers are those of
RFC 9110, and those of "Get Blob" that `azure-storage-blob` needs
(learn.microsoft.com/rest/api/storageservices/get-blob).
"""

import argparse
import contextlib
import os
import re
import sys
import threading
import time
from collections.abc import Sequence
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO

_TICKS_PER_S = 50
_BLOCK_BYTES = 8 << 20
_MIB = 1 << 20


class Pace:
    """A limit of bytes per second, for any number of threads."""

    def __init__(self, bytes_per_s: float) -> None:
        """Begin.

        Args:
            bytes_per_s: the limit; 0 is none.
        """
        self.block = int(bytes_per_s / _TICKS_PER_S) or _BLOCK_BYTES
        self._bytes_per_s, self._due_s, self._mutex = bytes_per_s, 0.0, threading.Lock()

    def wait(self, size: int) -> None:
        """Wait until so many bytes may be sent after those before."""
        if not self._bytes_per_s:
            return
        with self._mutex:
            now_s = time.monotonic()
            begin_s = max(self._due_s, now_s - 1 / _TICKS_PER_S)
            self._due_s = begin_s + size / self._bytes_per_s
        time.sleep(max(0.0, begin_s - now_s))


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    folder: Path
    link = Pace(0)

    def setup(self) -> None:
        """Begin a connection."""
        super().setup()
        self._paces: dict[float, Pace] = {}

    def do_GET(self) -> None:
        """Answer with headers and body."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer with the headers only."""
        self._answer(with_body=False)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, *, with_body: bool) -> None:
        match = re.fullmatch(r"/([0-9]+)/[\w.-]+/([\w.-]+)", self.path)
        path = self.folder / match[2] if match else None
        if match is None or path is None or not path.is_file():
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            etag, date = f'"{state.st_mtime_ns:x}-{state.st_size:x}"', formatdate(state.st_mtime, usegmt=True)
            start, stop = self._headers(state.st_size, etag, date)
            if with_body:
                try:
                    own = self._paces.setdefault(float(match[1]), Pace(float(match[1]) * _MIB))
                    self._send(file, start, stop, (own, self.link))
                except ConnectionError:  # the client hung up
                    self.close_connection = True

    def _headers(self, size: int, etag: str, date: str) -> tuple[int, int]:
        """Send the headers; return from where to where the body goes."""
        start, stop, code = 0, size, HTTPStatus.OK
        asked = re.fullmatch(r"bytes=([0-9]+)-([0-9]*)", self.headers.get("x-ms-range") or self.headers["Range"] or "")
        if self.headers.get("If-Match", etag) not in {etag, "*"}:
            start, stop, code = 0, 0, HTTPStatus.PRECONDITION_FAILED
        elif asked and self.headers.get("If-Range", etag) in {etag, date}:
            start, stop = int(asked[1]), min(size, int(asked[2] or size) + 1)
            code = HTTPStatus.PARTIAL_CONTENT if start < stop else HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
        self.send_response(code)
        if code is HTTPStatus.PARTIAL_CONTENT:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{size}")
        elif code is HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            start, stop = 0, 0
            self.send_header("Content-Range", f"bytes */{size}")
        said = {"Content-Length": stop - start, "Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
        said |= {"ETag": etag, "Last-Modified": date, "x-ms-version": "2025-01-05", "x-ms-blob-type": "BlockBlob"}
        for name, value in said.items():
            self.send_header(name, str(value))
        self.end_headers()
        return start, stop

    def _send(self, file: BinaryIO, start: int, stop: int, paces: Sequence[Pace]) -> None:
        """Send a range, no faster than the limits allow after what was sent before."""
        block = min(each.block for each in paces)
        while start < stop:
            size = min(block, stop - start)
            for each in paces:
                each.wait(size)
            end = start + size
            while start < end:
                start += os.sendfile(self.connection.fileno(), file.fileno(), start, end - start)


class Server(ThreadingHTTPServer):
    """Serves any number of connections, each in a thread."""

    daemon_threads = True
    request_queue_size = 128

    def server_bind(self) -> None:
        """Bind without asking DNS for the name of the host."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that hang up; print every other error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder to serve")
    parser.add_argument("--link", type=float, default=0, metavar="MIB/S", help="limit of all connections together")
    arguments = parser.parse_args()
    Handler.folder, Handler.link = arguments.folder, Pace(arguments.link * _MIB)
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        sys.stdin.read()


if __name__ == "__main__":
    main()
