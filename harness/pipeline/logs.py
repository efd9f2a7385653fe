"""The logs of programs: where they are kept, and the parts of them that are read.

The log of a case begins with the command, as in `+ iree-run-module --device=local-task ...`, and ends with what was
wrong. Logs in the store have only what the compiler printed, because many cases share them.

A container may write where logs are, so none is read or written through a link.
"""

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from harness.core.statuses import Verdict
from harness.core.text import command
from harness.host.beneath import Folder
from harness.host.disk import disk_errors

COMPILE_LOG = "compile.log"
RUN_LOG = "run.log"
BENCHMARK_LOG = "benchmark.log"
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
    Folder(root).remove(root / _FAILED)


def begin(path: Path, argv: Sequence[str]) -> int:
    """Begin a log with the command, and return where the output of the program will start.

    Raises:
        DiskError: it cannot be written.
    """
    with disk_errors(path, removable=True), Folder(path.parent).new(path) as file:
        return file.write(_command(argv))


def mark_empty(path: Path) -> None:
    """Say in an empty log that the program printed nothing.

    Raises:
        DiskError: it cannot be written, so the program could not print anything.
    """
    with disk_errors(path), Folder(path.parent).appended(path) as file:
        if not file.tell():
            file.write(b"(no output)\n")


def conclude(path: Path, verdict: Verdict) -> None:
    """Append what was wrong. If the disk is full the log stays as it is: the results say it too."""
    kind = f"{verdict.kind}: " if verdict.kind else ""
    with contextlib.suppress(OSError), Folder(path.parent).appended(path) as file:
        file.write(f"= {verdict.status}: {kind}{verdict.reason}\n".encode(errors="replace"))


def text(path: Path, *, start: int = 0) -> str:
    """Return a log from a position on; if that is longer than 2 MiB, only the first and the last MiB."""
    with Folder(path.parent).reader(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(start)
        head = file.read(_HEAD_BYTES)
        file.seek(max(start + len(head), size - _HEAD_BYTES))
        return (head + file.read(_HEAD_BYTES)).decode(errors="replace")


def tail(path: Path, *, start: int = 0) -> str:
    """Return the last 64 KiB of a log from a position on."""
    with Folder(path.parent).reader(path) as file:
        file.seek(max(start, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
        return file.read(_TAIL_BYTES).decode(errors="replace")


def copied(path: Path, to: Path, *, root: Path, argv: Sequence[str] = ()) -> Path:
    """Copy a log below the command, if one is given; make the folder for it, and return the path of the copy.

    Args:
        path: the log.
        to: the path of the copy.
        root: folder of the results, which the copy is beneath.
        argv: the command.

    Raises:
        DiskError: it cannot be written there.
    """
    folder = Folder(root if path.is_relative_to(root) else path.parent)
    with (
        disk_errors(to, removable=True),
        Folder(root).within(to.parent, makes=True) as above,
        folder.reader(path) as source,
        above.new(to.name) as target,
    ):
        target.write(_command(argv) if argv else b"")
        shutil.copyfileobj(source, target)
    return to


def written(path: Path, content: str, *, root: Path) -> Path:
    """Write a log of the harness itself beneath a folder of results, make the folder for it, and return its path.

    Raises:
        DiskError: it cannot be written.
    """
    with (
        disk_errors(path, removable=True),
        Folder(root).within(path.parent, makes=True) as above,
        above.new(path.name) as file,
    ):
        file.write(content.encode(errors="replace"))
    return path


def _command(argv: Sequence[str]) -> bytes:
    return f"+ {command(argv)}\n".encode(errors="replace")
