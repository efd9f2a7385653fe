"""Downloads a locked blob with the harness, and prints the seconds without Python's start.

    python fetch_by_harness.py URL SHA256 BYTES STORE CONNECTIONS [LOOKUPS]

With LOOKUPS, looks up a blob that is in the store so many times, each with a new `Store`, and prints the median.
"""

import sys
import time
from pathlib import Path

from harness.core.blobs import Blob
from harness.fetch.download import DownloadOptions
from harness.fetch.fetcher import Fetcher
from harness.store.store import Store


def fetched_s(blob: Blob, folder: Path, connections: int) -> tuple[float, bool]:
    """Fetch a blob into a store; return the seconds, and whether the store had it."""
    started = time.perf_counter()
    options = DownloadOptions(notice=lambda line: print(line, file=sys.stderr), connections=connections)
    with Store(folder) as store, Fetcher(store, options) as fetcher:
        cached = fetcher.fetch(blob).blob.cached
    return time.perf_counter() - started, cached


def main() -> None:
    """Fetch a blob, or look it up many times."""
    if {"-h", "--help"} & {*sys.argv}:  # argparse would add to the time and memory that are measured
        print(__doc__)
        return
    url, sha256, size, folder, connections, *lookups = sys.argv[1:]
    blob = Blob(url=url, sha256=sha256, size_bytes=int(size))
    times = [fetched_s(blob, Path(folder), int(connections)) for _ in range(int(lookups[0]) if lookups else 1)]
    assert all(cached is bool(lookups) for _, cached in times), "the store was not as expected"
    print(sorted(seconds for seconds, _ in times)[len(times) // 2])


if __name__ == "__main__":
    main()
