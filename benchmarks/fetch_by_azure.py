"""Downloads a public blob with azure-storage-blob, and prints the seconds without Python's start.

    python fetch_by_azure.py URL FILE CONNECTIONS

The file is replaced if it exists.
"""

import sys
import time
from pathlib import Path


def main() -> None:
    """Download it."""
    if {"-h", "--help"} & {*sys.argv}:  # argparse would add to the time and memory that are measured
        print(__doc__)
        return
    from azure.storage.blob import BlobClient  # noqa: PLC0415 - help needs no library

    url, path, connections = sys.argv[1:]
    started = time.perf_counter()
    with BlobClient.from_blob_url(url) as client, Path(path).open("wb") as file:
        client.download_blob(max_concurrency=int(connections)).readinto(file)
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main()
