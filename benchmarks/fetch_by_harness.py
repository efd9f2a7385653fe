"""Fetches a locked blob with the harness, and prints the seconds without Python's start.

    python fetch_by_harness.py URL SHA256 BYTES STORE [LOOKUPS]

With LOOKUPS, prints instead the median seconds of so many fetches of what the store has, each by a store of its own.
"""

import statistics
import sys
import time
from pathlib import Path

from harness.core.blobs import Blob
from harness.fetch.download import DownloadOptions
from harness.fetch.fetcher import Fetcher
from harness.store.store import Store


def fetched_s(blob: Blob, folder: Path) -> tuple[float, bool]:
    """Fetch a blob into a store; return how long it took, and whether it was there before."""
    started = time.perf_counter()
    with (
        Store(folder) as store,
        Fetcher(store, DownloadOptions(notice=lambda line: print(line, file=sys.stderr))) as fetcher,
    ):
        cached = fetcher.fetch(blob).blob.cached
    return time.perf_counter() - started, cached


def main() -> None:
    """Fetch, or look it up again and again."""
    url, sha256, size, folder, *lookups = sys.argv[1:]
    blob = Blob(url=url, sha256=sha256, size_bytes=int(size))
    times = [fetched_s(blob, Path(folder)) for _ in range(int(lookups[0]) if lookups else 1)]
    assert all(cached is bool(lookups) for _, cached in times), "the store was not as expected"
    print(statistics.median(seconds for seconds, _ in times))


if __name__ == "__main__":
    main()
