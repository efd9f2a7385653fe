"""Downloads the blobs of a command: makes room, fetches several at once and reports each."""

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from harness.core.blobs import Blob, BlobForecast, FetchedBlob, FetchEstimate
from harness.core.callbacks import DownloadProgress, Notice, WaitNotice, ignore
from harness.core.errors import NoVerdictError
from harness.core.settings import FetchSettings
from harness.core.text import counted, size
from harness.fetch import shared_store
from harness.fetch.download import DownloadOptions
from harness.fetch.fetcher import Fetcher
from harness.fetch.policy import FetchPolicy
from harness.fetch.retry import Retry
from harness.host.cancel import Cancelled, CancelToken
from harness.host.waiting import Threads, results_together
from harness.store import gc
from harness.store.store import Store

FETCHES_AT_ONCE = 4
_WAIT_NOTICE_S = 2.0
_LOOK_S, _LOOK_STALL_S = 8.0, 4.0


def fetcher(
    settings: FetchSettings,
    store: Store,
    notice: Notice,
    *,
    progress: DownloadProgress = ignore,
    cancel: CancelToken | None = None,
    refetch: bool = False,
    retry: Retry | None = None,
) -> Fetcher:
    """Return a fetcher for the settings; with `refetch` it downloads each time, as for wheel indexes."""
    policy = FetchPolicy(
        mirrors=() if settings.update else settings.mirrors,
        grants=settings.grants,
        offline=settings.offline,
        locked=settings.locked and not refetch,
        revalidate=settings.update,
        refetch=refetch,
    )
    options = DownloadOptions(
        notice=notice, progress=progress, cancel=cancel, connections=settings.connections, retry=retry or Retry()
    )
    return Fetcher(store, options, policy=policy)


def forecast(settings: FetchSettings, store: Store, blobs: Sequence[Blob]) -> list[BlobForecast]:
    """Return for each blob whether it is in the store and how large it is, asking hosts for at most 8 s."""
    enough, retry = CancelToken(), Retry(stall_s=_LOOK_STALL_S)
    timer = threading.Timer(_LOOK_S, enough.set)
    with fetcher(settings, store, ignore, cancel=enough, retry=retry) as opened:
        timer.start()
        try:
            return opened.forecast(blobs)
        finally:
            timer.cancel()


def waiting(notice: Notice, cancel: CancelToken | None = None) -> WaitNotice:
    """Return a callback for locks that reports each holder once, after 2 s; with `cancel` set it raises Cancelled.

    A holder in this process is not reported: that it installs a release, for example, is shown already.
    """
    told: set[str] = set()

    def tell(holder: str, waited_s: float) -> None:
        if cancel is not None and cancel.is_set():
            raise Cancelled
        if holder and waited_s > _WAIT_NOTICE_S and holder not in told:
            told.add(holder)
            notice(f"waiting for {holder}")

    return tell


def make_room(settings: FetchSettings, fetcher: Fetcher, blobs: Sequence[Blob], notice: Notice) -> FetchEstimate:
    """Return what has to be downloaded. If the cache has a limit, remove its least recently used entries first.

    If the disk has no room for all blobs, every download will fail.
    """
    estimate = fetcher.estimate(blobs)
    if estimate.blobs and not settings.offline:
        total = f" ({size(estimate.bytes)})" if estimate.bytes else ""
        notice(f"fetching {counted(estimate.blobs, 'blob')}{total}")
    if settings.cache_bytes is not None and estimate.bytes:
        begun = {fetcher.entry_key(blob) for blob in blobs}
        gc.collect(fetcher.store, max(0, settings.cache_bytes - estimate.bytes), keep=begun)
    fetcher.check_room(estimate)
    return estimate


def keep_within(settings: FetchSettings, notice: Notice) -> None:
    """Remove the least recently used entries above the limit of the cache, after a command has released its own."""
    if settings.cache_bytes is not None:
        with Store(settings.store) as store:
            removed = gc.collect(store, settings.cache_bytes)
        if removed.freed_bytes:
            notice(f"removed the least recently used entries from the cache ({size(removed.freed_bytes)})")


class Live(Protocol):
    """Shows the progress of downloads. Any thread may call it."""

    def expect(self, estimate: FetchEstimate) -> None:
        """Set what will be fetched."""

    def bytes_fetched(self, blob: Blob, present_bytes: int, total_bytes: int | None) -> None:
        """Show the progress of a blob."""

    def fetched(self, blob: Blob) -> None:
        """End the progress of a blob."""

    def notice(self, text: str) -> None:
        """Show a line."""


def fetch_all(
    settings: FetchSettings, blobs: Sequence[Blob], live: Live, say: Callable[[Sequence[str]], None]
) -> dict[Blob, FetchedBlob]:
    """Fetch blobs and pass lines about them to `say`. A blob that cannot be fetched does not stop the others."""
    fetched: dict[Blob, FetchedBlob] = {}
    cancel = CancelToken()
    upstream = shared_store.opened(settings, live.notice)
    with Store(settings.store, upstream=upstream, on_wait=waiting(live.notice, cancel)) as store:

        def fetch(blob: Blob) -> str:
            if cancel.is_set():
                raise Cancelled
            try:
                fetched[blob] = opened.fetch(blob).blob
                return _line(fetched[blob])
            except NoVerdictError as error:
                return f"ERROR     {error.kind}: {error}"
            finally:
                live.fetched(blob)

        with (
            fetcher(settings, store, live.notice, progress=live.bytes_fetched, cancel=cancel) as opened,
            Threads[None](FETCHES_AT_ONCE) as threads,
        ):
            try:
                live.expect(make_room(settings, opened, blobs, live.notice))
                for lines in results_together(threads, fetch, blobs, at_once=FETCHES_AT_ONCE):
                    say(lines)
            except BaseException:
                cancel.set()
                raise
    keep_within(settings, live.notice)
    return fetched


def _line(blob: FetchedBlob) -> str:
    how = "cached" if blob.cached else "fetched" if blob.attempts else "local"
    notes = [f"attempt {blob.attempts}"] * (blob.attempts > 1) + ["resumed"] * blob.resumed
    notes += [f"from {blob.source}"] * (blob.source not in {None, blob.url})
    return f"{how:<8}  {blob.sha256[:12]}  {blob.bytes:>14,} bytes  {blob.url}" + (
        f" ({', '.join(notes)})" if notes else ""
    )
