"""What the tests of fetching from hosts of objects work with: contents, and fetches by the function and the command."""

import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.core.blobs import Blob, Fetched
from harness.fetch.download import DownloadOptions
from harness.fetch.fetcher import Fetcher
from harness.fetch.policy import FetchPolicy
from harness.fetch.retry import Retry
from harness.store.store import Store
from tests.integration.laboratory import Laboratory, Result

SMALL = b"a small model"
BIG = hashlib.shake_256(b"a large model").digest(40 << 20)
BODIES = {"small.irpa": SMALL, "big.irpa": BIG}
QUICK = Retry(attempts=2, first_wait_s=0.01, longest_wait_s=0.05, stall_s=20)
OF_THIS_MACHINE = re.compile(r"(?i)(https?|all|no)_proxy|(aws|azure|google|hf|storage)_.*|ssl_cert_file")

Fetch = Callable[..., Fetched]


def fetch_into(folder: Path) -> Fetch:
    """Return a function that fetches a URL, of which the lock may know the content, into a store."""

    def fetch(url: str, body: bytes | None = None, **policy: Any) -> Fetched:
        options = DownloadOptions(notice=notices.append, retry=QUICK, chunk_bytes=1 << 20)
        with Store(folder) as store, Fetcher(store, options, policy=FetchPolicy(**policy)) as fetcher:
            return fetcher.fetch(Blob(url=url, sha256=hashlib.sha256(body).hexdigest() if body else None))

    notices: list[str] = []
    return fetch


def check(fetched: Fetched, body: bytes) -> None:
    """See that a content came, and at once."""
    assert fetched.path.read_bytes() == body
    assert (fetched.blob.sha256, fetched.blob.bytes) == (hashlib.sha256(body).hexdigest(), len(body))
    assert fetched.blob.attempts == 1


def md5(body: bytes) -> str:
    """Return the MD5 that hosts tell of a content."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def run_alone(lab: Laboratory, command: str, environment: Mapping[str, str]) -> Result:
    """Run the command with a store of its own."""
    options = ["--blobs-only"] if command == "fetch" else []
    return lab.run("--store", str(lab.root / "own"), *options, command=command, environment=environment)
