"""Downloads blobs into the store, complete and verified.

    file:      stays where it is; the store remembers its digest
    locked     ROOT/blobs/../<sha256 of the content>/blob, and beside it the journal of its chunks, if several;
               ROOT/notes/<key of the URL>.json records what the host said of it
    unlocked   the same; ROOT/urls/../<key of the URL>/url.json records the digest of the first download

The first content of a URL that is not in the lock file is trusted, and expected as long as the store keeps it.
"""

import contextlib
import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from harness.core import urls
from harness.core.blobs import LOCK_NAME, Blob, BlobForecast, Fetched, FetchedBlob, FetchEstimate
from harness.core.errors import DiskError, FetchError, IntegrityError
from harness.core.text import counted, size
from harness.core.urls import redacted
from harness.fetch import journal, local_files
from harness.fetch.download import DownloadOptions, Received, download
from harness.fetch.hosts import Hosts
from harness.fetch.partial import BLOB, JOURNAL, expectation
from harness.fetch.policy import FetchPolicy
from harness.fetch.source import AttemptError, Head
from harness.host import waiting
from harness.host.beneath import Folder
from harness.host.cancel import Cancelled
from harness.host.disk import allocated_bytes, free_bytes
from harness.store import url_index
from harness.store.entry import Entry
from harness.store.store import Store
from harness.store.url_index import UrlRecord

_REQUESTS_AT_ONCE = 8
_SEEN_S = 30.0


@dataclass(eq=False)
class Fetcher:
    """Downloads blobs, for any number of threads. A blob that several want is downloaded once."""

    store: Store
    options: DownloadOptions
    _: KW_ONLY
    policy: FetchPolicy = field(default_factory=FetchPolicy)
    _no_room: str = field(default="", init=False)

    def __post_init__(self) -> None:
        """Share one limit of connections between all downloads."""
        self._seen: dict[Blob, tuple[Entry, float]] = {}
        self._permits = threading.Semaphore(self.options.connections)
        self._hosts = Hosts(self.policy.mirrors, self.policy.grants, stall_s=self.options.retry.stall_s)

    def __enter__(self) -> Self:
        """Return the fetcher, without connecting."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self._hosts.close()

    def estimate(self, blobs: Iterable[Blob]) -> FetchEstimate:
        """Return what has to be downloaded. Blobs that are in the store already are kept from being removed."""
        missing = [blob for blob in dict.fromkeys(blobs) if blob.is_remote and not self._has(blob)]
        unknown = [blob for blob in missing if blob.size_bytes is None]
        sizes = waiting.mapped(self._known_bytes, unknown, at_once=_REQUESTS_AT_ONCE)
        total = sum(blob.size_bytes or 0 for blob in missing) + sum(filter(None, sizes))
        partials = (self.store.partial_dir(*self.entry_key(blob)) for blob in missing)
        begun = {path for path, _ in self.store.files.content(self.store.root / "tmp")}
        there = (journal.resumable_bytes(self.store.files, folder) for folder in partials if folder in begun)
        return FetchEstimate(blobs=len(missing), bytes=max(0, total - sum(there)))

    def forecast(self, blobs: Iterable[Blob]) -> list[BlobForecast]:
        """Return for each blob whether it is in the store and how large it is, without changing the store.

        Unless `offline`, the hosts are asked for sizes that neither the store nor the lock file has. A size stays
        unknown if that fails, or if `cancel` is set before the host answers.
        """
        return waiting.mapped(self._forecast_blob, dict.fromkeys(blobs), at_once=_REQUESTS_AT_ONCE)

    def check_room(self, estimate: FetchEstimate) -> None:
        """Make every download fail if the disk has no room for all of them together."""
        free = free_bytes(self.store.root)
        if estimate.bytes > free:
            self._no_room = (
                f"{self.store.root}: {counted(estimate.blobs, 'blob')} to fetch ({size(estimate.bytes)}), but only "
                f"{size(free)} free; free some space (`harness store gc --cache-size SIZE`), "
                "or choose another folder with --store."
            )

    def entry_key(self, blob: Blob) -> tuple[str, str]:
        """Return kind and key of the entry of a blob in the store."""
        return ("blobs", blob.sha256) if blob.sha256 else (url_index.KIND, urls.index_key(blob.url))

    def fetch(self, blob: Blob) -> Fetched:
        """Return the file of a blob, downloading it if it is missing. Callers do not write to it.

        Raises:
            FetchError: the blob cannot be downloaded.
            IntegrityError: its content is not that of the lock file.
            DiskError: no space is left or the store cannot be written.
            Cancelled: `options.cancel` was set.
        """
        started = time.monotonic()
        if blob.is_remote:
            path, fetched = self._locked(blob) if blob.sha256 else self._unlocked(blob)
        elif blob.url.startswith("file:"):
            path, fetched = local_files.fetched(blob, self.store)
        else:
            known = ", ".join(urls.REMOTE)
            raise FetchError(f"{redacted(blob.url)}: unknown URL scheme; expected {known} or file.")
        if blob.sha256 not in {None, fetched.sha256} or blob.size_bytes not in {None, fetched.bytes}:
            found = f"its content is sha256:{fetched.sha256}, {fetched.bytes} bytes; expected {expectation(blob)}"
            raise IntegrityError(f"{fetched.url}: {found}; correct the file, or run `harness lock --update`.")
        return Fetched(path=path, blob=fetched, seconds=time.monotonic() - started)

    def _locked(self, blob: Blob) -> tuple[Path, FetchedBlob]:
        downloads: list[Received] = []

        def make(folder: Path) -> Mapping[str, str]:
            downloads.append(self._download(blob, folder))
            return {BLOB: downloads[0].sha256}

        if not re.fullmatch(r"[0-9a-f]{64}", sha256 := blob.sha256 or ""):
            hint = "rewrite it with `harness lock --update`"
            raise IntegrityError(f"{redacted(blob.url)}: {sha256!r} in the lock file is not a SHA-256; {hint}.")
        entry = self._just_seen(blob) or self.store.provide(
            *self.entry_key(blob),
            make,
            resumable=(BLOB, JOURNAL),
            activity=_activity(blob),
            private=self._is_for_us_alone(blob),
            size_bytes=blob.size_bytes,
        )
        received = downloads[0] if downloads else None
        known = url_index.note(self.store, blob.url, lambda: self._record(blob, entry, received), sha256=sha256)
        return entry.path / BLOB, _fetched_blob(blob, known, entry, received)

    def _unlocked(self, blob: Blob) -> tuple[Path, FetchedBlob]:
        """Trust the first content of a URL, and expect it as long as the store keeps it."""
        received: list[Received] = []
        self._check_unlocked(blob)
        known, cached = self._noted(blob), True
        if known is None or not self._is_good(blob, known):
            index = self.store.provide(
                *self.entry_key(blob),
                lambda folder: received.extend(self._make_unlocked(blob, folder)),
                is_good=lambda index: self._is_good(blob, self._read(index)),
                resumable=(BLOB, JOURNAL, url_index.INDEX),
                activity=_activity(blob),
            )
            known, cached = self._read(index), index.cached
        entry = self.store.find("blobs", known.sha256)
        if entry is None:
            return self._locked(replace(blob, sha256=known.sha256))
        entry = replace(entry, cached=cached)
        return entry.path / BLOB, _fetched_blob(blob, known, entry, received[0] if received else None)

    def _check_unlocked(self, blob: Blob) -> None:
        if self.policy.locked:
            hint = "pin it with `harness lock` and commit the lock file, or pass --no-locked"
            if urls.lock_key(blob.url) is None:
                hint = "its query may be secret, so it cannot be pinned: use another URL, or pass --no-locked"
            raise FetchError(f"{redacted(blob.url)}: not in {LOCK_NAME}, as --locked requires; {hint}.")

    def _make_unlocked(self, blob: Blob, folder: Path) -> Iterator[Received]:
        """Download a blob into the partial entry of its URL, store it by content, and leave the record of the URL.

        Yield nothing if a killed process did that before.
        """
        if self.policy.revalidate or self.policy.refetch or not self._is_shared(folder):
            self.store.files.remove(folder / url_index.INDEX)
            received = self._download(blob, folder)
            self._record(blob, self._share(blob, folder, received), received).write(self.store, folder)
            if not self.policy.refetch:
                content = f"sha256:{received.sha256}, {received.bytes} bytes"
                self.options.notice(f"{redacted(blob.url)} is not in the lock file; trusting {content}")
            yield received
        with self.store.files.within(folder) as inside:
            inside.remove_all_but({url_index.INDEX})
        self.store.files.remove(url_index.note_place(urls.index_key(blob.url)))
        self.store.lost_a_name("blobs", url_index.read(self.store, folder / url_index.INDEX).sha256)

    def _share(self, blob: Blob, folder: Path, received: Received) -> Entry:
        """Store a blob by its content. The partial entry keeps it as well until the record of the URL is written."""

        def make(target: Path) -> Mapping[str, str]:
            for name in (BLOB, *([JOURNAL] if self.store.files.state(folder / JOURNAL) else [])):
                try:
                    self.store.files.link(folder / name, target / name)
                except OSError:  # a killed process did so before, or the file system has no links
                    self.store.files.move(folder / name, target / name)
            return {BLOB: received.sha256}

        return self.store.provide(
            "blobs", received.sha256, make, activity="storing a blob", private=self._is_for_us_alone(blob)
        )

    def _is_for_us_alone(self, blob: Blob) -> bool:
        """Return whether a blob is not for other machines: a page that changes, or what may need credentials."""
        return self.policy.refetch or self._hosts.is_private(blob)

    def _is_shared(self, folder: Path) -> bool:
        """Return whether a process was killed after it had written the record of the URL here."""
        with contextlib.suppress(OSError, ValueError):
            return self.store.find("blobs", url_index.read(self.store, folder / url_index.INDEX).sha256) is not None
        return False

    def _has(self, blob: Blob) -> bool:
        if blob.sha256 is None and (known := self._noted(blob)):
            return self._has_content(known)
        found = self.store.find(*self.entry_key(blob))
        if found and blob.sha256 is not None:
            self._seen[blob] = found, time.monotonic()
        return found is not None and (blob.sha256 is not None or self._has_content(self._read(found)))

    def _just_seen(self, blob: Blob) -> Entry | None:
        """Return the entry of a blob that `estimate` has just found: to look at thousands again would take as long."""
        entry, seen_s = self._seen.pop(blob, (None, 0.0))
        return entry if time.monotonic() - seen_s < _SEEN_S else None

    def _noted(self, blob: Blob) -> UrlRecord | None:
        return url_index.noted(self.store, urls.index_key(blob.url))

    def _read(self, index: Entry) -> UrlRecord:
        return url_index.read(self.store, index.path / url_index.INDEX)

    def _forecast_blob(self, blob: Blob) -> BlobForecast:
        if not blob.is_remote:
            size_bytes = local_files.size_bytes(blob)
            return BlobForecast(blob=blob, size_bytes=size_bytes, is_present=size_bytes is not None)
        if entry := self._listed(blob):
            return BlobForecast(blob=blob, size_bytes=entry.files[BLOB]["bytes"], is_present=True)
        size_bytes = blob.size_bytes
        if self.options.cancel is None or not self.options.cancel.is_set():
            with contextlib.suppress(FetchError, Cancelled):  # FetchError: invalid proxies or certificates
                size_bytes = self._known_bytes(blob)
        partial_bytes = _partial_bytes(self.store.files, self.store.partial_dir(*self.entry_key(blob)))
        return BlobForecast(blob=blob, size_bytes=size_bytes, partial_bytes=partial_bytes)

    def _listed(self, blob: Blob) -> Entry | None:
        """Return the entry of a blob's content, without checking its file or marking it as used."""
        found = self.store.listed(*self.entry_key(blob))
        if blob.sha256 is not None:
            return found
        with contextlib.suppress(OSError, ValueError):
            if known := self._read(found) if found else self._noted(blob):
                return self.store.listed("blobs", known.sha256)
        return None

    def _is_good(self, blob: Blob, known: UrlRecord) -> bool:
        if not self._has_content(known) or (self.policy.refetch and not self.policy.offline):
            return False
        return not (self.policy.revalidate and self._is_outdated(blob, known))

    def _is_outdated(self, blob: Blob, known: UrlRecord) -> bool:
        """Return whether the host has other content than before, or gives no way to tell."""
        before = Head(total=known.size, etag=known.etag, last_modified=known.last_modified)
        now = self._hosts.head(blob, self.options.cancel)
        return now is None or before.differs(now) is not None or not (now.etag or now.last_modified)

    def _has_content(self, known: UrlRecord) -> bool:
        return self.store.find("blobs", known.sha256) is not None

    def _record(self, blob: Blob, entry: Entry, received: Received | None) -> UrlRecord:
        """Return the record of a URL; without the answer of its host if another URL or process downloaded the blob."""
        head = received.head if received else Head()
        return UrlRecord(
            url=redacted(blob.url),
            sha256=entry.sha256(BLOB),
            size=entry.files[BLOB]["bytes"],
            etag=head.etag,
            md5=head.md5,
            last_modified=head.last_modified,
            source=received.source if received else None,
            private=self._hosts.is_private(blob),
            fetched=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def _download(self, blob: Blob, folder: Path) -> Received:
        self._check_may(blob)
        try:
            sources = self._hosts.sources(blob)
            with self.store.files.within(folder) as inside:
                return download(blob, sources, inside, self.options, self._permits)
        except AttemptError as error:
            raise error.failure.raises(f"{error}; {error.failure.fix}.") from error

    def _check_may(self, blob: Blob) -> None:
        if self.policy.offline:
            hint = "run `harness fetch` or this command once without --offline"
            raise FetchError(f"{redacted(blob.url)}: not in the cache, and not fetched because of --offline; {hint}.")
        if self._no_room:
            raise DiskError(self._no_room)

    def _known_bytes(self, blob: Blob) -> int | None:
        """Return the size from the lock file or the host; None if neither states it."""
        if blob.size_bytes is not None or self.policy.offline:
            return blob.size_bytes
        head = self._hosts.head(blob, self.options.cancel)
        return head.total if head else None


def is_genuine(entry: Entry) -> bool:
    """Return whether the entry of a blob lists the digest that is its name."""
    return BLOB in entry.files and entry.sha256(BLOB) == entry.path.name


def _fetched_blob(blob: Blob, known: UrlRecord, entry: Entry, received: Received | None) -> FetchedBlob:
    """Return a blob as the results list it."""
    return FetchedBlob(
        url=redacted(blob.url),
        sha256=entry.sha256(BLOB),
        bytes=entry.files[BLOB]["bytes"],
        cached=entry.cached,
        attempts=received.attempts if received else 0,
        resumed=received is not None and received.resumed,
        source=received.source if received else None,
        etag=known.etag,
        md5=known.md5,
        last_modified=known.last_modified,
    )


def _activity(blob: Blob) -> str:
    return f"fetching {redacted(blob.url)}"


def _partial_bytes(root: Folder, folder: Path) -> int:
    """Return the disk space of a partial download, whose file may have holes."""
    try:
        return sum(allocated_bytes(state) for _, state in root.content(folder))
    except OSError:
        return 0
