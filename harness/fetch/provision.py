"""Has the blobs of a command on disk: makes room, fetches several at once, and tells how each came."""

import argparse
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from rich.console import Console

from harness.cli import arguments
from harness.core.blobs import Blob, BlobForecast, FetchedBlob
from harness.core.errors import NoVerdictError
from harness.core.text import size
from harness.fetch.download import DownloadOptions
from harness.fetch.fetcher import Fetcher, FetchEstimate, FetchPolicy
from harness.fetch.retry import Retry
from harness.host.process import Cancelled, CancelToken
from harness.pipeline.progress import Live
from harness.store import gc
from harness.store.store import Store

FETCHES_AT_ONCE = 4
_WAIT_NOTICE_S = 2.0
_LOOK_S, _LOOK_STALL_S = 8.0, 4.0
Progress = Callable[[Blob, int, int | None], None]


def fetcher(
    parsed: argparse.Namespace,
    store: Store,
    notice: Callable[[str], None],
    *,
    progress: Progress = lambda *_: None,
    cancel: CancelToken | None = None,
    anew: bool = False,
    retry: Retry | None = None,
) -> Fetcher:
    """Return what has blobs on disk as the command line asks; `anew` each time, for what no lock ever vouches for.

    Raises:
        UsageError: a mirror of the environment is none.
    """
    update = getattr(parsed, "update", False)
    policy = FetchPolicy(
        mirrors=() if update else arguments.mirrors(parsed),
        grants=parsed.grants,
        offline=parsed.offline,
        locked=parsed.locked and parsed.command != "lock" and not anew,
        fresh=update,
        anew=anew,
    )
    options = DownloadOptions(
        notice=notice, progress=progress, cancel=cancel, connections=parsed.connections, retry=retry or Retry()
    )
    return Fetcher(store, options, policy=policy)


def forecast(parsed: argparse.Namespace, store: Store, blobs: Sequence[Blob]) -> list[BlobForecast]:
    """Say of each blob whether it is here and how large it is, without patience for hosts that do not answer.

    Raises:
        UsageError: a mirror of the environment is none.
    """
    enough, retry = CancelToken(), Retry(stall_s=_LOOK_STALL_S)
    timer = threading.Timer(_LOOK_S, enough.set)
    with fetcher(parsed, store, lambda _: None, cancel=enough, retry=retry) as opened:
        timer.start()
        try:
            return opened.forecast(blobs)
        finally:
            timer.cancel()


def waiting(
    notice: Callable[[str], None], cancel: CancelToken | None = None, *, why: str = "makes the same thing"
) -> Callable[[str, float], None]:
    """Return what says once for what or whom we wait, and why; an order to stop ends the wait."""
    told: set[str] = set()

    def tell(holder: str, waited_s: float) -> None:
        if cancel is not None and cancel.is_set():
            raise Cancelled
        if waited_s > _WAIT_NOTICE_S and holder not in told:
            told.add(holder)
            notice(f"waiting for {holder}, which {why}")

    return tell


def make_room(
    parsed: argparse.Namespace, fetcher: Fetcher, blobs: Sequence[Blob], notice: Callable[[str], None]
) -> FetchEstimate:
    """Return what is to come and, where the cache may not grow, remove what was last used longest ago.

    Should there be no room for all of it, nothing of it will be fetched.
    """
    estimate = fetcher.estimate(blobs)
    if estimate.blobs and not parsed.offline:
        notice(f"blobs to fetch: {estimate.blobs}" + (f", {size(estimate.bytes)}" if estimate.bytes else ""))
    if parsed.cache_size is not None and estimate.bytes:
        begun = {fetcher.entry_key(blob) for blob in blobs}
        gc.collect(fetcher.store, max(0, parsed.cache_size - estimate.bytes), keep=begun)
    fetcher.check_room(estimate)
    return estimate


def keep_within(parsed: argparse.Namespace, notice: Callable[[str], None]) -> None:
    """Bring the cache back to the size that it may have, once we use nothing of it any more."""
    if parsed.cache_size is not None:
        with Store(parsed.store) as store:
            removed = gc.collect(store, parsed.cache_size)
        if removed.freed_bytes:
            notice(f"{size(removed.freed_bytes)} that were last used longest ago left the cache")


def fetch_all(parsed: argparse.Namespace, blobs: Sequence[Blob], console: Console) -> dict[Blob, FetchedBlob]:
    """Fetch blobs and say how each came; one that cannot be had does not stop the others."""
    fetched: dict[Blob, FetchedBlob] = {}
    cancel = CancelToken()
    with Live(console, id_width=0) as live, Store(parsed.store, on_wait=waiting(live.notice, cancel)) as store:

        def fetch(blob: Blob) -> str:
            try:
                fetched[blob] = opened.fetch(blob).blob
                return _line(fetched[blob])
            except NoVerdictError as error:
                return f"ERROR     {error.kind}: {error}"
            finally:
                live.fetched(blob)

        with (
            fetcher(parsed, store, live.notice, progress=live.bytes_came, cancel=cancel) as opened,
            ThreadPoolExecutor(FETCHES_AT_ONCE) as pool,
        ):
            try:
                live.expect(make_room(parsed, opened, blobs, live.notice))
                for ended in as_completed([pool.submit(fetch, blob) for blob in blobs]):
                    console.print(ended.result(), markup=False, soft_wrap=True)
            except BaseException:
                cancel.set()
                raise
    keep_within(parsed, lambda text: console.print(text, style="dim", markup=False, soft_wrap=True))
    return fetched


def _line(blob: FetchedBlob) -> str:
    how = "cached" if blob.cached else "fetched" if blob.attempts else "local"
    notes = [f"attempt {blob.attempts}"] * (blob.attempts > 1) + ["resumed"] * blob.resumed
    notes += [f"from {blob.source}"] * (blob.source not in {None, blob.url})
    return f"{how:<8}  {blob.sha256[:12]}  {blob.bytes:>14,} bytes  {blob.url}" + (
        f" ({', '.join(notes)})" if notes else ""
    )
