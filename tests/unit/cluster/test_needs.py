import hashlib
from pathlib import Path
from typing import Any

import pytest

from harness.cluster.messages import Request
from harness.cluster.needs import CONTENT, Needs
from harness.core.blobs import Blob, FetchedBlob
from harness.core.cases import Release
from harness.core.errors import IntegrityError
from harness.iree.releases import ReleaseWheels
from harness.pipeline.steps import Fetch
from harness.store.entry import Entry
from harness.store.store import Store

RELEASE = ReleaseWheels(release=Release(name="3.13.0"), release_candidate="", commit="", wheels=())
SHA256 = hashlib.sha256(b"sent").hexdigest()
BLOB = Blob(url="file:///not/on/this/worker.bin")


class Told(Store):
    """A store that notes what it would tell a shared one."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.private: list[bool] = []

    def provide(self, *args: Any, private: bool = False, **options: Any) -> Entry:
        self.private.append(private)
        return super().provide(*args, private=private, **options)


def needs(store: Store, content: bytes) -> Needs:
    known = FetchedBlob(url=BLOB.url, sha256=SHA256, bytes=4)
    request = Request(step=Fetch(blob=BLOB), release=RELEASE, timeout_s=1, fetched={BLOB: known})

    def fetch(_: Blob) -> Any:
        raise AssertionError("what is sent is not downloaded")

    return Needs(request=request, held={SHA256: {CONTENT: content}}, store=store, fetch=fetch)


def test_what_is_sent_is_kept_and_no_shared_store_is_told(tmp_path: Path) -> None:
    store = Told(tmp_path)
    found = needs(store, b"sent").results(None)  # type: ignore[arg-type]  # nothing is drawn
    assert found.fetched(BLOB).path.read_bytes() == b"sent"
    assert store.private == [True]


def test_other_content_than_was_told_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="another content"):
        needs(Store(tmp_path), b"else").results(None)  # type: ignore[arg-type]
