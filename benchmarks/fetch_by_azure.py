"""Downloads a public blob with azure-storage-blob, and prints the seconds without Python's start.

python fetch_by_azure.py URL FILE
"""

import sys
import time
from pathlib import Path

from azure.storage.blob import BlobClient


def main() -> None:
    """Download it."""
    url, path = sys.argv[1:]
    started = time.perf_counter()
    with BlobClient.from_blob_url(url) as client, Path(path).open("wb") as file:
        client.download_blob(max_concurrency=8).readinto(file)
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main()
