"""The logs of programs: where they are kept, and the parts of them that are read."""

import shutil
from pathlib import Path

from harness.host.disk import disk_errors

COMPILE_LOG = "compile.log"
RUN_LOG = "run.log"
_TAIL_BYTES = 64 * 1024
_HEAD_BYTES = 1024 * 1024


def case_dir(root: Path, case_id: str) -> Path:
    """Return the folder of a case: `ROOT/sd3/clip-rocm-gfx942` for `sd3/clip[rocm-gfx942]`."""
    return root / case_id.replace("[", "-").removesuffix("]")


def text(path: Path) -> str:
    """Return a log; if it is longer than 2 MiB, only the first and the last MiB."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        file.seek(max(len(head), size - _HEAD_BYTES))
        return (head + file.read(_HEAD_BYTES)).decode(errors="replace")


def tail(path: Path) -> str:
    """Return the last 64 KiB of a log."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return file.read(_TAIL_BYTES).decode(errors="replace")


def moved(path: Path, to: Path) -> Path:
    """Move a log, make the folder for it, and return its new path.

    Raises:
        DiskError: it cannot be written there.
    """
    with disk_errors(to):
        to.parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.move(path, to))


def copied(path: Path, to: Path) -> Path:
    """Copy a log, make the folder for it, and return the path of the copy.

    Raises:
        DiskError: it cannot be written there.
    """
    with disk_errors(to):
        to.parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copyfile(path, to))
