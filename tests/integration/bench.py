"""What the tests of fetching work with: a store, a server that misbehaves on command, and what was said."""

import hashlib
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.core.blobs import Blob, Fetched
from harness.core.urls import index_key
from harness.fetch.download import DownloadOptions
from harness.fetch.fetcher import Fetcher
from harness.fetch.policy import FetchPolicy
from harness.fetch.retry import Retry
from harness.host.cancel import CancelToken
from harness.store.store import Store
from tests.integration.faulty_server import Content, FaultyServer, Request

PROXIES = [name for each in ("HTTP", "HTTPS", "ALL", "NO") for name in (f"{each}_PROXY", f"{each.lower()}_proxy")]

CHUNK_BYTES = 64 << 10
SMALL = random.Random(1).randbytes(20_000)  # noqa: S311 - below one part, several pieces on the wire
LARGE = random.Random(2).randbytes(12 * CHUNK_BYTES + 1234)  # noqa: S311 - many parts, the last one short
# It has as many parts as a blob has spans: each is asked for once, and none is ever halved.
SINGLE_CHUNKS = random.Random(3).randbytes(64 * CHUNK_BYTES)  # noqa: S311

QUICK = Retry(attempts=3, first_wait_s=0.001, longest_wait_s=0.001)
STALLED = Retry(attempts=3, first_wait_s=0.001, longest_wait_s=0.001, stall_s=0.25)


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def locked(url: str, body: bytes) -> Blob:
    """Return a blob as the lock has it."""
    return Blob(url=url, sha256=sha256(body), size_bytes=len(body))


def inverted(body: bytes) -> bytes:
    """Return other bytes of the same length, none of them right."""
    return body.translate(bytes(range(255, -1, -1)))


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A store, a server, and the notices of all fetches."""

    server: FaultyServer
    store: Store
    notices: list[str] = field(default_factory=list)

    def fetcher(
        self, *, policy: FetchPolicy | None = None, retry: Retry = QUICK, chunk_bytes: int = CHUNK_BYTES, **options: Any
    ) -> Fetcher:
        options = {"notice": self.notices.append, "retry": retry, "chunk_bytes": chunk_bytes, **options}
        return Fetcher(self.store, DownloadOptions(**options), policy=policy or FetchPolicy())

    def fetch(self, blob: Blob, **options: Any) -> Fetched:
        """Fetch a blob as one run would; the options are those of `fetcher`."""
        with self.fetcher(**options) as fetcher:
            return fetcher.fetch(blob)

    def interrupted(self, blob: Blob, at: int, **options: Any) -> None:
        """Fetch a blob and stop once so many of its bytes are there."""
        cancel = CancelToken()

        def stop(_: Blob, so_far: int, __: int | None) -> None:
            if so_far >= at and not cancel.is_set():
                cancel.set()

        self.fetch(blob, cancel=cancel, progress=stop, **options)

    def partial(self, blob: Blob) -> Path:
        """Return where what there is of an unfinished blob is."""
        kind, key = ("blobs", blob.sha256) if blob.sha256 else ("urls", index_key(blob.url))
        return self.store.partial_dir(kind, key)

    def files(self) -> list[Path]:
        """Return what is in the store besides locks, pins and partial downloads."""
        apart = {"locks", "pins", "tmp"}
        found = (path.relative_to(self.store.root) for path in self.store.root.rglob("*") if path.is_file())
        return [path for path in found if path.parts[0] not in apart]

    def partials(self) -> list[Path]:
        """Return the files of unfinished blobs that have any content."""
        return [path for path in (self.store.root / "tmp").rglob("*") if path.is_file() and path.stat().st_size]

    def assert_no_wrong_byte(self, *secrets: str) -> None:
        """See that each blob of the store is what its name says, and that no secret is in the store."""
        for path in (self.store.root / "blobs").glob("*/*/blob"):
            assert sha256(path.read_bytes()) == path.parent.name
        for path in self.store.root.rglob("*"):
            text = str(path).encode() + (path.read_bytes() if path.is_file() and path.name != "blob" else b"")
            assert [secret for secret in secrets if secret.encode() in text] == []


def asked_chunks(requests: list[Request], size: int) -> set[int]:
    """Return the parts, by their numbers, of which any byte was asked for."""
    chunks: set[int] = set()
    for each in requests:
        chunks.update(range(each.start // CHUNK_BYTES, -(-(each.stop or size) // CHUNK_BYTES)))
    return chunks


def child(code: str, *arguments: str) -> "subprocess.Popen[str]":
    """Start another process of the harness."""
    modules = ("harness.fetch.fetcher", "harness.fetch.download")
    imports = "\n".join(("import sys; from pathlib import Path", *(f"from {name} import *" for name in modules)))
    argv = [sys.executable, "-c", f"{imports}\n{code}", *arguments]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def until(condition: Callable[[], bool]) -> None:
    """Return once the condition holds."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def good(body: bytes, **options: Any) -> Content:
    """Return what serves a content as it should be served."""
    return Content(body=body, **options)
