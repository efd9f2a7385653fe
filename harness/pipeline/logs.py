"""The logs of programs: where they are kept, and the parts of them that are read.

The log of a case begins with the command, as in `+ iree-run-module --device=local-task ...`, and ends with what was
wrong. Logs in the store have only what the compiler printed, because many cases share them.
"""

import contextlib
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from harness.core.outcomes import Verdict
from harness.host.disk import disk_errors

COMPILE_LOG = "compile.log"
RUN_LOG = "run.log"
_FAILED = ".compilations"
_TAIL_BYTES = 64 * 1024
_HEAD_BYTES = 1024 * 1024


def case_dir(root: Path, case_id: str) -> Path:
    """Return the folder of a case: `ROOT/sd3/clip-rocm-gfx942` for `sd3/clip[rocm-gfx942]`."""
    return root / case_id.replace("[", "-").removesuffix("]")


def failed_compilation(root: Path, key: str) -> Path:
    """Return where the log of a compilation that failed waits until it is copied for each of its cases."""
    return root / _FAILED / f"{key[:16]}.log"


def remove_failed(root: Path) -> None:
    """Remove the logs of compilations that failed, after they were copied for their cases."""
    shutil.rmtree(root / _FAILED, ignore_errors=True)


def begin(path: Path, argv: Sequence[str]) -> int:
    """Begin a log with the command, and return where the output of the program will start.

    Raises:
        DiskError: it cannot be written.
    """
    with disk_errors(path, removable=True):
        return path.write_bytes(_command(argv))


def conclude(path: Path, verdict: Verdict) -> None:
    """Append what was wrong. If the disk is full the log stays as it is: the results say it too."""
    kind = f"{verdict.kind}: " if verdict.kind else ""
    with contextlib.suppress(OSError), path.open("a", encoding="utf-8", errors="replace") as file:
        file.write(f"= {verdict.status}: {kind}{verdict.reason}\n")


def text(path: Path, *, start: int = 0) -> str:
    """Return a log from a position on; if that is longer than 2 MiB, only the first and the last MiB."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(start)
        head = file.read(_HEAD_BYTES)
        file.seek(max(start + len(head), size - _HEAD_BYTES))
        return (head + file.read(_HEAD_BYTES)).decode(errors="replace")


def tail(path: Path, *, start: int = 0) -> str:
    """Return the last 64 KiB of a log from a position on."""
    with path.open("rb") as file:
        file.seek(max(start, path.stat().st_size - _TAIL_BYTES))
        return file.read(_TAIL_BYTES).decode(errors="replace")


def moved(path: Path, to: Path) -> Path:
    """Move a log, make the folder for it, and return its new path.

    Raises:
        DiskError: it cannot be written there.
    """
    with disk_errors(to, removable=True):
        to.parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.move(path, to))


def copied(path: Path, to: Path, *, argv: Sequence[str] = ()) -> Path:
    """Copy a log below the command, if one is given; make the folder for it, and return the path of the copy.

    Raises:
        DiskError: it cannot be written there.
    """
    with disk_errors(to, removable=True):
        to.parent.mkdir(parents=True, exist_ok=True)
        with path.open("rb") as source, to.open("wb") as target:
            target.write(_command(argv) if argv else b"")
            shutil.copyfileobj(source, target)
    return to


def written(path: Path, content: str) -> Path:
    """Write a log of the harness itself, make the folder for it, and return its path.

    Raises:
        DiskError: it cannot be written.
    """
    with disk_errors(path, removable=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8", errors="replace")
    return path


def _command(argv: Sequence[str]) -> bytes:
    return f"+ {shlex.join(argv)}\n".encode(errors="replace")
