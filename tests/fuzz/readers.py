"""What reads files and messages that others wrote: each returns a value or raises a HarnessError, whatever it reads."""

import io
import json
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from random import Random
from typing import Any

from harness.containers import protocol
from harness.core.blobs import LOCK_NAME
from harness.core.errors import EngineError, HarnessError, IntegrityError, UsageError
from harness.core.tensors import TensorType
from harness.fetch import journal as downloads
from harness.host.beneath import Folder
from harness.iree import wheel_links
from harness.iree.wheel_links import Source
from harness.localize import code_objects, exports
from harness.pipeline import contents, parameters, tensor_files
from harness.report import console, junit, results, summary
from harness.report.page import folders as page_folders
from harness.report.page import page as html
from harness.report.page.content import Content, Run
from harness.search import journal as searches
from harness.specs import json_edit, lock, overlays, reader
from harness.specs.catalogue import Folders
from harness.store import gc, url_index
from harness.store.store import Store
from harness.suites import config, onnx_ops, torch_ops
from harness.suites import reader as suites
from tests.fuzz import mutations, samples

Read = Callable[[bytes, Path], None]
Make = Callable[[Random], bytes]


@dataclass(frozen=True)
class Reader:
    """Something that reads: what it does with a content in an empty folder, and how contents are made at random."""

    read: Read
    make: Make


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let a UsageError pass, which has to name the file."""
    try:
        yield
    except UsageError as error:
        if str(path) not in str(error):
            raise AssertionError(f"{error} does not name {path}") from error


def _spec(content: bytes, folder: Path) -> None:
    path = folder / "toy" / "clip_cpu.json"
    path.parent.mkdir()
    path.write_bytes(content)
    with _named(path):
        reader.load_all([path], Folders(folder))


def _base(content: bytes, folder: Path) -> None:
    """A file that a spec extends; it may itself extend the spec."""
    spec, path = folder / "toy" / "clip_cpu.json", folder / "toy" / "shared" / "base.json"
    path.parent.mkdir(parents=True)
    spec.write_text(json.dumps(samples.OVERLAY | {"extends": "shared/base.json"}))
    path.write_bytes(content)
    folders = Folders(folder)
    assert spec in folders.paths()
    with _named(folder):
        (found,) = reader.load_all([spec], folders)
        spec.write_text(json.dumps(overlays.document(spec, folders)))
        (again,) = reader.load_all([spec], folders)
        assert replace(found, lines={}, bases={}) == replace(again, lines={}, bases={})


def _config(content: bytes, folder: Path) -> None:
    """A config of a suite; an expectation that is taken out of it leaves a config without it."""
    path = folder / "cpu.json"
    path.write_bytes(content)
    with _named(path):
        (found,) = config.read_all([path])
        before = found.lists["expected_run_failures"]
        if "$.expected_run_failures[0]" in {place.json_path for place in before.values()}:
            path.write_bytes(json_edit.without_json5(content.decode(), [("expected_run_failures", 0)]).encode())
            (left,) = config.read_all([path])
            assert before.keys() - left.lists["expected_run_failures"].keys() <= {next(iter(before))}


def _suite(content: bytes, folder: Path) -> None:
    path = folder / "onnx_ops" / "a" / "test_b" / onnx_ops.FLAG_FILE
    path.parent.mkdir(parents=True)
    path.with_name("model.mlir").write_text("")
    path.write_bytes(content)
    found = suites.find(Folders(folder))
    assert found
    with _named(path):
        found.read(list(found.paths))


def _case(place: str) -> Callable[[bytes, Path], None]:
    """Return what reads a JSON file at a place in a suite; it may be no case any more."""

    def read(content: bytes, folder: Path) -> None:
        for other, value in samples.BESIDE.items():
            (folder / other).parent.mkdir(parents=True, exist_ok=True)
            (folder / other).write_text(json.dumps(value))
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        root = next(folder / each for each in _SUITES if place.startswith(each))
        with _named(root):
            if found := suites.find(Folders(root)):
                found.read(list(found.paths))

    return read


_SUITES = ("torch_ops", "torch_models", "sharktank_models")


def _lock(content: bytes, folder: Path) -> None:
    path = folder / LOCK_NAME
    path.write_bytes(content)
    with _named(path):
        for url, each in lock.read(path).items():
            assert lock.blob(url, each).size_bytes is not None


def _results(content: bytes, folder: Path) -> None:
    path = folder / "results.json"
    path.write_bytes(content)
    with _named(path):
        found = results.read(path)
        for render in (results.render, junit.render, summary.render, console.render, console.annotations):
            render(found)
        html.render(Content(runs=(Run(report=found),)))


def _document(name: str) -> Read:
    """A document of a search or a benchmark, beside the results that it names."""

    def read(content: bytes, folder: Path) -> None:
        path = folder / name
        path.write_bytes(content)
        (folder / "results.json").write_text(json.dumps(samples.RESULTS[1]))
        with _named(path):
            html.render(page_folders.content([folder], beside=folder))

    return read


def _entry(content: bytes, folder: Path) -> None:
    """A damaged description of an entry: it is made again if need be, and then all is good."""
    with Store(folder) as store:
        made = store.provide("blobs", samples.DIGEST, samples.blob)
        (made.path / "entry.json").write_bytes(content)
        gc.usage(store)
        found = store.provide("blobs", samples.DIGEST, samples.blob)
        assert (found.path / "blob").read_bytes() == b"x"
        assert found.sha256("blob") == samples.DIGEST
        (made.path / "entry.json").write_bytes(content)
        list(gc.verify(store))
        store.provide("blobs", samples.DIGEST, samples.blob)
        assert all(each.ok for each in gc.verify(store))


def _url(content: bytes, folder: Path) -> None:
    """A damaged record of a URL: it is written again if need be."""
    known = url_index.UrlRecord(sha256=samples.DIGEST)
    with Store(folder) as store:
        url_index.note(store, "https://h/x", lambda: known, sha256=samples.DIGEST)
        (path,) = folder.rglob(f"{url_index.NOTES}/*.json")
        path.write_bytes(content)
        gc.collect(store, None)
        assert url_index.note(store, "https://h/x", lambda: known, sha256=samples.DIGEST).sha256 == samples.DIGEST


def _digest(content: bytes, folder: Path) -> None:
    """A damaged record of a file: the file is read again if need be."""
    (folder / "file").write_bytes(b"x")
    with Store(folder / "store") as store:
        store.digest(folder / "file")
        (path,) = folder.rglob("digests/*.json")
        path.write_bytes(content)
        store.digest(folder / "file")
        gc.collect(store, None)


def _download(content: bytes, folder: Path) -> None:
    (folder / downloads.NAME).write_bytes(content)
    downloads.resumable_bytes(Folder(folder), folder)
    found = downloads.parsed(content)
    assert found.total is None or sum(stop - start for start, stop in downloads.gaps(found.chunks, found.total)) >= 0


def _search(content: bytes, folder: Path) -> None:
    (folder / searches.NAME).write_bytes(content)
    searches.read(folder)


def _page(content: bytes, _folder: Path) -> None:
    with suppress(ValueError):  # as the function says; who calls it names the page
        page = wheel_links.page(content.decode(errors="replace"), "https://host/simple/", "x86_64")
        wheel_links.paired([Source(name="page", wheels=page.wheels)])


def _message(content: bytes, _folder: Path) -> None:
    kinds: tuple[Any, ...] = (protocol.Hello, protocol.Order, protocol.Reply)
    for kind in kinds:
        with suppress(EngineError):
            protocol.read(kind, content)


def _npy(content: bytes, folder: Path) -> None:
    (folder / "a.npy").write_bytes(content)
    for declared in (None, TensorType.parse("2x2xf32")):
        with suppress(IntegrityError):
            tensor_files.file_type(folder / "a.npy", declared, is_npy=True)


def _literal(content: bytes, _folder: Path) -> None:
    with suppress(ValueError):  # as the function says; who calls it names the spec
        literal = contents.of_literal(content.decode(errors="replace"))
        literal.read(0, 8)


def _journal_lines(random: Random) -> bytes:
    """Return lines with the right checksum but odd contents, or with damaged bytes."""
    lines = (mutations.documents(random.choice(samples.JOURNAL), random) for _ in range(3))
    text = b"".join(b"\n%08x %b\n" % (zlib.crc32(line), line) for line in lines)
    return mutations.contents(text, random) if random.random() < 0.3 else text


def _search_lines(random: Random) -> bytes:
    return b"\n".join(mutations.documents(random.choice(samples.SEARCH), random) for _ in range(3)) + b"\n"


def _json(values: tuple[Any, ...]) -> Make:
    return lambda random: mutations.documents(random.choice(values), random)


def _bytes(values: tuple[bytes, ...]) -> Make:
    return lambda random: mutations.contents(random.choice(values), random)


def _parameters(content: bytes, _folder: Path) -> None:
    for each in parameters.read(io.BytesIO(content)):
        assert each.type.size_bytes >= 0


def _code_object(content: bytes, _folder: Path) -> None:
    for name, each in code_objects.launches(content).items():
        assert each.name == name


def _exports(content: bytes, _folder: Path) -> None:
    for each in exports.read(content.decode(errors="replace").splitlines()):
        assert PurePosixPath(each.file).name == each.file


READERS: Mapping[str, Reader] = {
    "spec": Reader(_spec, _json(samples.SPECS)),
    "base": Reader(_base, _json((*samples.SPECS, samples.OVERLAY))),
    "config": Reader(_config, _bytes(samples.CONFIGS)),
    "suite": Reader(_suite, _bytes(samples.FLAGS)),
    "op": Reader(_case(f"torch_ops/generated/AB/a/{torch_ops.CASE_FILE}"), _json(samples.OPS)),
    "model": Reader(_case("torch_models/toy/case.json"), _json(samples.MODELS)),
    "module": Reader(_case("torch_models/toy/modules/toy.json"), _json(samples.MODULES)),
    "benchmark": Reader(_case("sharktank_models/benchmarks/toy/clip_cpu.json"), _json(samples.BENCHMARKS)),
    "lock": Reader(_lock, _json(samples.LOCKS)),
    "results": Reader(_results, _json(samples.RESULTS)),
    **{name: Reader(_document(name), _json((document,))) for name, document in samples.DOCUMENTS.items()},
    "entry": Reader(_entry, _json(samples.ENTRIES)),
    "url": Reader(_url, _json(samples.URLS)),
    "digest": Reader(_digest, _json(samples.DIGESTS)),
    "download": Reader(_download, _journal_lines),
    "search": Reader(_search, _search_lines),
    "page": Reader(_page, _bytes(samples.PAGES)),
    "message": Reader(_message, _json(samples.MESSAGES)),
    "npy": Reader(_npy, _bytes(samples.NPYS)),
    "literal": Reader(_literal, _bytes(samples.LITERALS)),
    "code object": Reader(_code_object, _bytes(samples.CODE_OBJECTS)),
    "exports": Reader(_exports, _bytes(samples.EXPORTS)),
    "parameters": Reader(_parameters, _bytes(samples.PARAMETERS)),
}


def check(name: str, content: bytes) -> None:
    """Let a reader read a content in an empty folder.

    Raises:
        Exception: it is not what the reader says that it may raise.
    """
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, suppress(HarnessError):
        READERS[name].read(content, Path(folder))


def example(name: str, seed: int) -> bytes:
    """Return the content that a seed stands for."""
    return READERS[name].make(Random(f"{name} {seed}"))  # noqa: S311 - no secret
