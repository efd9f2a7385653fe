"""`harness new`."""

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.cli.commands import fetch, quality
from harness.cli.settings import Invocation
from harness.containers.provider import provider
from harness.core.blobs import LOCK_NAME, Blob
from harness.core.cases import Backend
from harness.core.errors import UsageError
from harness.core.exit_codes import EXIT_OK
from harness.core.settings import FetchSettings, ProgramSettings, Settings
from harness.host.disk import disk_errors, write_atomically
from harness.importers.frameworks import MODELS
from harness.pipeline import selection, targets
from harness.report import again
from harness.specs import inline, reader
from harness.specs.catalogue import Folders

_NAME = re.compile(r"([a-z0-9][\w.-]*)/([a-z0-9][\w.-]*)", re.ASCII | re.IGNORECASE)


def main(invocation: Invocation) -> int:
    """Write the spec of a model, lock its blobs and run it once; an invalid spec is not written."""
    settings, options = invocation.settings, invocation.options
    if options.again:
        return _again(invocation, options.again)
    if not options.name or len(invocation.given & {"mlir", *MODELS}) != 1:
        kinds = ", ".join(f"--{each}" for each in MODELS)
        raise UsageError(f"expected MODEL/SUBMODEL and one of --mlir, {kinds}; see `harness new --help`.")
    if not settings.cases.specs and not selection.default_folder():
        raise UsageError("There is no folder quality_tests here; name the folder of your specs with --specs DIR.")
    where = selection.spec_folders(settings.cases)
    backend = targets.targets(settings.target, selection.gpus(settings.target))[0].backend
    path = _path(options.name, where, backend)
    if not options.no_run:
        provider(_checked(settings, [path]))  # checks the settings before anything is written
    write = _import if options.model else _write_program
    paths = write(invocation, where, path, backend)
    written = " and ".join(map(str, paths))
    verb = "is" if len(paths) == 1 else "are"
    if (code := _lock(settings.fetch, where, paths)) != EXIT_OK:
        some = "some of its blobs" if len(paths) == 1 else "some of their blobs"
        _print(f"{written} {verb} written, but {some} are not locked: correct it or try again with `harness lock`.")
    elif not options.no_run:
        checked = _checked(settings, paths)
        code = quality.main(replace(invocation, settings=checked))
        _print(f"{written} {verb} {_hint(checked, code)}")
    return code


def _again(invocation: Invocation, spec: Path) -> int:
    """Import the model of a spec again; if something changed, run what was written."""
    from harness.cli.commands import new_again  # noqa: PLC0415 - only this needs it

    paths, code = new_again.main(invocation, spec.absolute())
    if not paths or invocation.options.no_run:
        return code
    own = [path for path in paths if path.stem.endswith(spec.stem.rpartition("_")[2])]
    settings = _checked(invocation.settings, own)
    settings = replace(settings, cases=replace(settings.cases, specs=spec.absolute().parent.parent))
    return quality.main(replace(invocation, settings=settings))


def _write_program(invocation: Invocation, where: Folders, path: Path, backend: Backend) -> Sequence[Path]:
    """Write the spec of a program that there is already."""
    program = invocation.settings.cases.program
    mlir = invocation.options.mlir
    document = inline.document(mlir, program, backend, source=lambda text: _source(text, where, path))
    _check_files(reader.of_document(path, where, backend, document).blobs, where)
    _write(path, document)
    return [path]


def _import(invocation: Invocation, where: Folders, path: Path, backend: Backend) -> Sequence[Path]:
    """Import a model; write its files, and then the spec of each of its functions."""
    from harness.cli.commands import new_import  # noqa: PLC0415 - only an import needs it

    folder, stem = path.parent, path.stem.removesuffix(f"_{backend}")
    with new_import.imported(invocation, where, stem, backend) as model:
        documents = {}
        for each in model.specs:
            spec = _path(f"{folder.name}/{each.stem}", where, backend)
            document = inline.document(
                each.mlir,
                each.program,
                backend,
                source=lambda text: text if text in model.files else _source(text, where, path),
            )
            documents[spec] = {**document, **each.fields}
            reader.of_document(spec, where, backend, documents[spec])
        model.check(folder)
        model.save(folder)
        for spec, document in documents.items():
            _write(spec, document)
    return list(documents)


def _checked(settings: Settings, paths: Sequence[Path]) -> Settings:
    """Return settings that select new specs, which have all that the command line said of their programs."""
    cases = replace(
        settings.cases,
        selectors=tuple(f"{path.parent.name}/{path.stem.rpartition('_')[0]}" for path in paths),
        id_contains=None,
        markers=None,
        program=ProgramSettings(),
    )
    return replace(settings, cases=cases)


def _path(name: str, where: Folders, backend: Backend) -> Path:
    """Return the path of the spec for a name.

    Raises:
        UsageError: the name is invalid or taken, or its folder is a file.
    """
    if not (found := _NAME.fullmatch(name)):
        raise UsageError(
            f"{name}: expected MODEL/SUBMODEL of letters, digits, '.', '_' and '-' in ASCII, such as sd3/clip."
        )
    model, stem = found[1], f"{found[2]}_{backend}"
    if (where.specs / model).exists() and not (where.specs / model).is_dir():
        raise UsageError(f"{where.specs / model} is not a folder; choose another name, or remove it.")
    for path in where.paths():
        if (path.parent.name, path.stem) == (model, stem):
            raise UsageError(f"{path} exists already; choose another name, or remove it.")
    return where.specs / model / f"{stem}.json"


def _source(text: str, where: Folders, path: Path) -> str:
    """Return a source relative to the spec, given one relative to the folder of specs."""
    is_external = where.external_files and not (where.specs / text).exists()
    return text if is_external else inline.relative(text, where.specs, path)


def _check_files(named: Sequence[Blob], where: Folders) -> None:
    for path in (blob.local_path for blob in named if blob.url.startswith("file:")):
        if not path.is_file():
            raise UsageError(f"{path}: no such file; expected a URL, or a path relative to {where.specs}.")


def _write(path: Path, document: Mapping[str, Any]) -> None:
    with disk_errors(path):
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, inline.text(document))
    _print(f"written   {path}")


def _lock(settings: FetchSettings, where: Folders, paths: Sequence[Path]) -> int:
    """Lock the blobs of the specs, unless all are local files."""
    written = reader.load_all(list(paths), where)
    if all(blob.url.startswith("file:") for each in written for blob in each.blobs):
        return EXIT_OK
    return fetch.lock(replace(settings, locked=False), where, written)


def _hint(settings: Settings, code: int) -> str:
    """Return what to do after the run: the end of the sentence `PATH is ...`."""
    if code == EXIT_OK:
        return f"ready; commit it, {LOCK_NAME} if it changed, and the files that the spec names."
    release = settings.release.name
    command = again.search_command(settings) + (f" --iree {release}" if release else "")
    return f"written. See the reason above and the logs, correct the spec or its files, and run again: {command}"


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
