"""Folders of results: a new one for each run, and `results/latest`, which points to the newest."""

from datetime import UTC, datetime
from pathlib import Path

from harness.host.disk import disk_errors

RESULTS = Path("results")
LATEST = RESULTS / "latest"


def new_out_dir(out: Path | None) -> Path:
    """Make the folder of the results; without a name, a new one that `results/latest` points to.

    Raises:
        DiskError: it cannot be made.
    """
    with disk_errors(out or RESULTS):
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            return out
        stem = RESULTS / datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        names = (stem, *(stem.with_name(f"{stem.name}-{number}") for number in range(2, 1000)))
        folder = next(name for name in names if not name.exists())
        folder.mkdir(parents=True)
        link = LATEST.with_name(f".{folder.name}.link")
        link.symlink_to(folder.name)
        link.replace(LATEST)
        return folder


def remove_empty(folder: Path) -> None:
    """Remove the empty folders below one, and itself if nothing is left."""
    for each in (*sorted(folder.rglob("*"), reverse=True), folder):
        if each.is_dir() and not any(each.iterdir()):
            each.rmdir()
