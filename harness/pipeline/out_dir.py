"""Folders of results: a new one for each run, `results/latest` as a link to the newest, and the files in them."""

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from harness.core.errors import DiskError
from harness.core.outcomes import Report
from harness.host import locks
from harness.host.beneath import Folder
from harness.host.disk import check_writable, write_all
from harness.report import junit
from harness.report.results import NAME as REPORT
from harness.report.results import SEARCH_JOURNAL

RESULTS = Path("results")
LATEST = RESULTS / "latest"
LOCK = ".run.lock"  # held while a run writes into a folder; what is left of it is that of a run that was killed


def new_out_dir(out: Path | None) -> Path:
    """Make the folder of the results and return it; without a name, a new one that `results/latest` points to.

    Raises:
        DiskError: it cannot be made, or nothing can be written into it.
    """
    with _unusable(out or RESULTS, "folder with --out"):
        if out is not None:
            check_writable(out / REPORT)
            return out
        stem = RESULTS / datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        names = (stem, *(stem.with_name(f"{stem.name}-{number}") for number in range(2, 1000)))
        folder = next(name for name in names if not name.exists())
        folder.mkdir(parents=True)
        link = LATEST.with_name(f".{folder.name}.link")
        link.symlink_to(folder.name)
        link.replace(LATEST)
        return folder


@contextlib.contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Keep `harness results prune` from a folder while a run writes into it. Without locks there, do nothing."""
    files, descriptor = Folder(folder), None
    with contextlib.suppress(OSError):
        descriptor = locks.try_acquire(files, folder / LOCK)
    try:
        yield
    finally:
        if descriptor is not None:
            files.remove(folder / LOCK)
            os.close(descriptor)


def newest_report() -> Path | None:
    """Return the results.json of the newest run that ended and was no search, or None."""
    results = Folder(RESULTS)
    runs = [path for path, state in results.content(RESULTS) if stat.S_ISDIR(state.st_mode)]
    return next((path / REPORT for path in reversed(runs) if _has_report(results, path)), None)


def _has_report(results: Folder, run: Path) -> bool:
    return results.is_regular(run / REPORT) and results.state(run / SEARCH_JOURNAL) is None


def check_files(files: Mapping[str, Path | None]) -> None:
    """Check, before anything is run, that files can be written, and create their folders.

    Args:
        files: by the option that names the file; None where the option is not given.

    Raises:
        DiskError: a file cannot be written.
    """
    for option, path in files.items():
        if path is not None:
            with _unusable(path, f"file with {option}"):
                check_writable(path)


@contextlib.contextmanager
def _unusable(path: Path, choice: str) -> Iterator[None]:
    """Raise a DiskError that names the path and what to choose instead."""
    try:
        yield
    except OSError as error:
        reason = "Not a directory" if isinstance(error, FileExistsError) else error.strerror
        raise DiskError(f"Cannot write {path}: {reason}. Choose another {choice}.") from error


def write_results(
    folder: Path, texts: Mapping[str, str | Iterable[str]], report: Report, junit_xml: Path | None
) -> None:
    """Write files of results into a folder.

    Args:
        folder: the folder.
        texts: file names, and contents or their parts.
        report: written as junit.xml.
        junit_xml: a second path for junit.xml, if any.

    Raises:
        DiskError: no space is left, or a file cannot be written.
    """
    copies = {path: junit.parts(report) for path in (folder / "junit.xml", junit_xml) if path}
    write_all({**{folder / name: text for name, text in texts.items()}, **copies})


def remove_empty(root: Path, folder: Path) -> None:
    """Remove the empty folders below a folder of the results, and the folder itself if nothing is left in it."""
    files = Folder(root)
    with contextlib.suppress(OSError):  # somebody else may remove them, too
        below = [path for path, state in files.walk(folder) if stat.S_ISDIR(state.st_mode)]
        for path in (*sorted(below, reverse=True), folder):
            if files.is_folder(path) and not files.content(path):
                files.remove(path)
