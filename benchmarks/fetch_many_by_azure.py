"""Downloads public blobs of one container with azure-storage-blob, several at once.

    python fetch_many_by_azure.py CONTAINER_URL LIST FOLDER CONNECTIONS

LIST is a file with a name in each line. All threads share one client, and so its connections.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def main() -> None:
    """Download them."""
    if {"-h", "--help"} & {*sys.argv}:  # argparse would add to the time and memory that are measured
        print(__doc__)
        return
    from azure.storage.blob import ContainerClient  # noqa: PLC0415 - help needs no library

    url, names, folder, connections = sys.argv[1:]
    with ContainerClient.from_container_url(url) as client, ThreadPoolExecutor(int(connections)) as pool:

        def download(name: str) -> None:
            with Path(folder, name).open("wb") as file:
                client.download_blob(name).readinto(file)

        for _ in pool.map(download, Path(names).read_text().split()):
            pass


if __name__ == "__main__":
    main()
