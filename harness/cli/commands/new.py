"""`harness new`."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.cli.commands import fetch, quality
from harness.cli.settings import Invocation
from harness.containers.provider import provider
from harness.core.blobs import LOCK_NAME, Blob
from harness.core.cases import Backend
from harness.core.errors import UsageError
from harness.core.outcomes import EXIT_OK
from harness.core.settings import CaseSettings, FetchSettings, ProgramSettings, Settings
from harness.host.disk import disk_errors, write_atomically
from harness.importers.frameworks import Framework
from harness.pipeline import selection, targets
from harness.report import again
from harness.specs import inline, reader
from harness.specs.catalogue import Folders

_NAME = re.compile(r"([a-z0-9][\w.-]*)/([a-z0-9][\w.-]*)", re.ASCII | re.IGNORECASE)


def main(invocation: Invocation) -> int:
    """Write the spec of a model, lock its blobs and run it once; an invalid spec is not written."""
    settings, options = invocation.settings, invocation.options
    if len(invocation.given & {"mlir", *Framework}) != 1:
        kinds = ", ".join(f"--{each}" for each in Framework)
        raise UsageError(f"expected one of --mlir, {kinds}; see `harness new --help`.")
    if not settings.cases.specs and not selection.default_folder():
        raise UsageError("There is no folder quality_tests here; name the folder of your specs with --specs DIR.")
    where = selection.spec_folders(settings.cases)
    backend = targets.targets(settings.target, selection.gpus(settings.target))[0].backend
    path = _path(options.name, where, backend)
    checked = replace(settings, cases=_cases_of(settings.cases, options.name))
    if not options.no_run:
        provider(checked)  # checks the settings before anything is written
    if options.model:
        _import(invocation, where, path, backend)
    else:
        _write_program(invocation, where, path, backend)
    if (code := _lock(settings.fetch, where, path)) != EXIT_OK:
        _print(f"{path} is written, but some of its blobs are not locked: correct it or try again with `harness lock`.")
    elif not options.no_run:
        code = quality.main(replace(invocation, settings=checked))
        _print(_hint(path, checked, code))
    return code


def _write_program(invocation: Invocation, where: Folders, path: Path, backend: Backend) -> None:
    """Write the spec of a program that there is already."""
    program = invocation.settings.cases.program
    mlir = invocation.options.mlir
    document = inline.document(mlir, program, backend, source=lambda text: _source(text, where, path))
    _check_files(reader.of_document(path, where, backend, document).blobs, where)
    _write(path, document)


def _import(invocation: Invocation, where: Folders, path: Path, backend: Backend) -> None:
    """Import a model; write its files, and then its spec."""
    from harness.cli.commands import new_import  # noqa: PLC0415 - only an import needs it

    stem = path.stem.removesuffix(f"_{backend}")
    with new_import.imported(invocation, where, stem, backend) as model:
        document = {
            **inline.document(
                model.mlir,
                model.program,
                backend,
                source=lambda text: text if text in model.files else _source(text, where, path),
            ),
            **model.fields,
        }
        reader.of_document(path, where, backend, document)
        model.check(path.parent)
        model.save(path.parent)
        _write(path, document)


def _cases_of(settings: CaseSettings, name: str) -> CaseSettings:
    """Return settings that select the new model; its spec has all that the command line said of the program."""
    return replace(settings, selectors=(name,), id_contains=None, markers=None, program=ProgramSettings())


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
    if (":" in text and urlsplit(text).scheme) or Path(text).is_absolute():
        return text
    is_external = where.external_files and not (where.specs / text).exists()
    return text if is_external else os.path.relpath(where.specs / text, path.parent)


def _check_files(named: Sequence[Blob], where: Folders) -> None:
    for path in (blob.local_path for blob in named if blob.url.startswith("file:")):
        if not path.is_file():
            raise UsageError(f"{path}: no such file; expected a URL, or a path relative to {where.specs}.")


def _write(path: Path, document: Mapping[str, Any]) -> None:
    with disk_errors(path):
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, inline.text(document))
    _print(f"written   {path}")


def _lock(settings: FetchSettings, where: Folders, path: Path) -> int:
    """Lock the blobs of the spec, unless all are local files."""
    written = reader.load_all([path], where)
    if all(blob.url.startswith("file:") for each in written for blob in each.blobs):
        return EXIT_OK
    return fetch.lock(replace(settings, locked=False), where, written)


def _hint(path: Path, settings: Settings, code: int) -> str:
    """Return what to do after the run."""
    if code == EXIT_OK:
        return f"{path} is ready; commit it, {LOCK_NAME} if it changed, and the files that the spec names."
    release = settings.release.name
    command = again.search_command(settings) + (f" --iree {release}" if release else "")
    return (
        f"{path} is written. See the reason above and the logs, correct the spec or its files, and run again: {command}"
    )


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
