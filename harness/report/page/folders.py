"""Reads what a page shows from folders of results, and from files of results that came from elsewhere."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from harness.core.errors import UsageError
from harness.core.values import frozen
from harness.host import files
from harness.host.beneath import Folder
from harness.report import results
from harness.report.page import documents
from harness.report.page.content import Content, Run
from harness.report.page.documents import BenchDocument, BisectDocument, Document, MatrixDocument

RESULTS = results.NAME
_KINDS: dict[str, type[Document]] = {
    "bisect.json": BisectDocument,
    "matrix.json": MatrixDocument,
    "bench.json": BenchDocument,
}
_MAX_BYTES = 256 << 20
_DEPTH = 6  # of the folders of an artifact
_EXPECTED = "expected a folder of results, or its results.json, bisect.json, matrix.json or bench.json"
_Kind = TypeVar("_Kind", bound=Document)


@frozen
class _Part:
    """A folder of results: its document, if it is of a search or benchmark, and its runs with their paths."""

    document: Document | None
    runs: tuple[Path, ...]


def content(paths: Sequence[Path], beside: Path) -> Content:
    """Return what a page shows.

    Args:
        paths: folders of results, folders of such folders, or the files in them.
        beside: the folder of the page, from which its links begin.

    Raises:
        UsageError: a path has no results, a file is malformed, or there is more than one search or benchmark.
    """
    parts = [part for path in paths for part in _parts(path)]
    known = [part.document for part in parts if part.document]
    if len(known) > 1:
        raise UsageError("There is more than one search or benchmark; make a page of each.")
    return Content(
        runs=tuple(_run(path, beside) for part in parts for path in part.runs),
        bisect=_of(BisectDocument, known),
        matrix=_of(MatrixDocument, known),
        bench=_of(BenchDocument, known),
    )


def _of(kind: type[_Kind], known: Sequence[Document]) -> _Kind | None:
    return next((each for each in known if isinstance(each, kind)), None)


def _parts(path: Path) -> Iterator[_Part]:
    if path.is_dir():
        found = [_part(folder) for folder in _folders(Folder(path), path, _DEPTH)]
        if not found:
            raise UsageError(f"{path}: there are no results in it; {_EXPECTED}.")
        yield from found
    elif path.name in _KINDS:
        yield _part(path.parent)
    else:
        yield _Part(document=None, runs=(path,))


def _folders(root: Folder, folder: Path, depth: int) -> Iterator[Path]:
    """Yield the folders with results; what is below one belongs to it."""
    if any(root.is_regular(folder / name) for name in (RESULTS, *_KINDS)):
        yield folder
    elif depth:
        for path, state in root.content(folder):
            if stat.S_ISDIR(state.st_mode):
                yield from _folders(root, path, depth - 1)


def _part(folder: Path) -> _Part:
    """Return what a folder has. No link in it is followed, because results may come from anywhere."""
    root = Folder(folder)
    name = next((name for name in _KINDS if root.is_regular(folder / name)), "")
    document = _document(folder / name) if name else None
    match document:
        case BisectDocument():
            below = [Path(each.results) / RESULTS for each in document.probes if each.results]
        case BenchDocument():
            below = [Path("sides", str(number), RESULTS) for number, _ in enumerate(document.sides, 1)]
        case _:
            below = [Path(RESULTS)]
    return _Part(document=document, runs=tuple(folder / each for each in below if _is_there(root, folder / each)))


def _is_there(root: Folder, path: Path) -> bool:
    try:
        return root.is_regular(path)
    except OSError:  # a link, or a path that leads out of the folder
        return False


def _document(path: Path) -> Document:
    try:
        return documents.read(_KINDS[path.name], files.read(path, _MAX_BYTES), str(path))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read ({files.reason(error)}); {_EXPECTED}.") from error


def _run(path: Path, beside: Path) -> Run:
    link = os.path.relpath(path.parent.absolute(), beside.absolute())
    return Run(report=results.read(path), folder=path.parent, link="" if link == "." else link)
