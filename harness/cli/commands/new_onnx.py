"""`harness new --onnx`: imports an ONNX file into the files and the document of a spec."""

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.cli.command_options import CommandOptions
from harness.cli.console import clean_console
from harness.cli.settings import Invocation
from harness.core.errors import UsageError
from harness.core.provenance import ProgramSource
from harness.core.settings import ProgramSettings
from harness.core.text import command
from harness.fetch import provision
from harness.host.beneath import Folder
from harness.host.disk import disk_errors
from harness.importers import document, environment, onnx_import
from harness.importers.document import Names
from harness.importers.onnx_import import OnnxImport, OnnxRequest
from harness.iree import releases
from harness.pipeline.progress import Live
from harness.specs import inline
from harness.specs.catalogue import Folders
from harness.store import scratch
from harness.store.entry import sha256
from harness.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class NewModel:
    """An imported model, before it is written.

    Attributes:
        program: how to compile, run and check it; files are named as they will be beside the spec.
        mlir: the name of its program.
        fields: what else the spec says of it.
        files: the files that will be beside the spec, by name.
    """

    program: ProgramSettings
    mlir: str
    fields: Mapping[str, Any]
    files: Mapping[str, Path]

    def check(self, folder: Path) -> None:
        """Check that no other file would be replaced.

        Raises:
            UsageError: another file has the name of one.
        """
        for name, path in self.files.items():
            there = folder / name
            if there.exists() and not (there.is_file() and _digest(there) == _digest(path)):
                raise UsageError(
                    f"{there} exists, and is another file; choose another name for the model, or remove it."
                )

    def save(self, folder: Path) -> None:
        """Write the files beside the spec."""
        files = Folder(folder)
        with disk_errors(folder):
            files.make(folder)
            for name, path in self.files.items():
                with Folder(path.parent).reader(path) as source, files.new(folder / name) as target:
                    shutil.copyfileobj(source, target)


@contextlib.contextmanager
def imported(invocation: Invocation, where: Folders, stem: str) -> Iterator[NewModel]:
    """Import the ONNX file that the command line names; its files are removed afterwards.

    Raises:
        UsageError: a file is missing, or an option does not fit the model.
        NoVerdictError: the importer cannot be installed, or refuses the model.
    """
    settings, options = invocation.settings, invocation.options
    given = settings.cases.program
    request = OnnxRequest(
        model=(options.onnx or Path()).absolute(),
        seed=options.seed,
        dimensions=dict(options.dimensions),
        inputs=tuple(_array(text, where) for text in given.inputs),
        timeout_s=settings.run.timeout_s,
    )
    release = releases.find(options.importer or releases.newest().name)
    folder = settings.fetch.store.absolute()
    with (
        Live(clean_console(), id_width=0) as live,
        Store(folder, on_wait=provision.waiting(live.notice), on_work=live.worked) as store,
        scratch.folder(folder) as work,
    ):
        onnx_import.check(request)
        importer = environment.installed(onnx_import.FRAMEWORK, release, store, offline=settings.fetch.offline)
        model = onnx_import.imported(request, importer, work)
        names = Names(stem=stem, model=model)
        yield NewModel(
            program=document.settings(names, given),
            mlir=names.by_file[model.program.program],
            fields=document.fields(model, given, _source(model, request, importer.release, invocation)),
            files={name: work / file for file, name in names.by_file.items()},
        )


def _array(text: str, where: Folders) -> Path:
    """Return the file of an input, which is relative to the folder of specs."""
    name = inline.file_named(text)
    path = where.specs / name
    if not text.startswith("@") or not name.endswith(".npy"):
        raise UsageError(f"--input {text}: with --onnx, expected @FILE.npy, relative to {where.specs}.")
    if not path.is_file():
        raise UsageError(f"--input {text}: {path}: no such file; expected a path relative to {where.specs}.")
    return path


def _source(model: OnnxImport, request: OnnxRequest, release: str, invocation: Invocation) -> ProgramSource:
    versions = model.reference.versions
    return ProgramSource(
        framework=onnx_import.FRAMEWORK,
        files=model.sha256,
        importer=f"IREE {release}",
        reference=f"ONNX Runtime {versions['onnxruntime']}",
        versions=versions,
        seed=None if request.inputs else request.seed,
        dimensions=request.dimensions,
        command=_command(invocation.options, invocation.settings.cases.program, release),
        date=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def _command(options: CommandOptions, given: ProgramSettings, release: str) -> str:
    """Return a command that imports the same, without the folders of this machine."""
    words = ["harness", "new", options.name, "--onnx", (options.onnx or Path()).name, "--importer", release]
    words += [f"--input={each}" for each in given.inputs] or [f"--seed={options.seed}"]
    words += [f"--dim={name}={size}" for name, size in options.dimensions]
    words += [f"--threshold={element}={number}" for element, number in given.thresholds]
    words += [f"--compiler-flag={flag}" for flag in given.compiler_flags]
    return command(words)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return sha256(file)
