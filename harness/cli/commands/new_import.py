"""`harness new` with a model of another framework: imports a model into the files and the document of a spec."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.cli.command_options import CommandOptions
from harness.cli.console import clean_console
from harness.cli.settings import Invocation
from harness.core.blobs import Blob, Fetched
from harness.core.cases import Backend
from harness.core.errors import UsageError
from harness.core.provenance import ProgramSource
from harness.core.settings import FetchSettings, ProgramSettings
from harness.core.text import command
from harness.core.values import frozen
from harness.fetch import provision
from harness.host.beneath import Folder
from harness.host.disk import disk_errors
from harness.importers import document, environment, model_import
from harness.importers.frameworks import IMPORTERS, ModelFile
from harness.importers.model_import import ImportedModel, ImportRequest
from harness.iree import releases
from harness.iree.releases import ReleaseWheels
from harness.pipeline.progress import Live
from harness.specs import inline
from harness.specs.catalogue import Folders
from harness.store import scratch
from harness.store.entry import file_sha256
from harness.store.store import Store


@frozen
class NewSpec:
    """The spec of a function of an imported model, before it is written.

    Attributes:
        stem: its name without the backend.
        program: how to compile, run and check it; files are named as they will be beside the spec.
        mlir: the name of its program.
        fields: what else the spec says of it.
    """

    stem: str
    program: ProgramSettings
    mlir: str
    fields: Mapping[str, Any]


@frozen
class NewModel:
    """An imported model, before it is written.

    Attributes:
        specs: a spec for each of its functions.
        files: the files that will be beside the specs, by name.
    """

    specs: Sequence[NewSpec]
    files: Mapping[str, Path]

    def check(self, folder: Path) -> None:
        """Check that each file that is there already is the same.

        Raises:
            UsageError: another file has the name of one.
        """
        for name, path in self.files.items():
            there = folder / name
            if there.exists() and not (there.is_file() and file_sha256(there) == file_sha256(path)):
                raise UsageError(
                    f"{there} exists, and is another file; choose another name for the model, or remove it."
                )

    def save(self, folder: Path, *, replaces: bool = False) -> None:
        """Write the files beside the specs, unless they are there; or all of them, in the place of those there."""
        files = Folder(folder)
        with disk_errors(folder):
            files.make(folder)
            for name, path in self.files.items():
                if not replaces and files.state(folder / name):
                    continue
                with Folder(path.parent).reader(path) as source, files.new(folder / name) as target:
                    shutil.copyfileobj(source, target)


@contextlib.contextmanager
def imported(invocation: Invocation, where: Folders, stem: str, backend: Backend) -> Iterator[NewModel]:
    """Import the model that the command line names; its files are removed afterwards.

    Raises:
        UsageError: a file is missing, or an option does not fit the model.
        NoVerdictError: the importer cannot be installed, or refuses the model.
    """
    settings, options = invocation.settings, invocation.options
    given = settings.cases.program
    model = options.model
    if not model or not model.path.is_file():
        raise UsageError(f"--{model and model.framework} {model and model.path}: no such file; check the path.")
    request = ImportRequest(
        model=replace(model, path=model.path.absolute()),
        seed=options.seed,
        dimensions=dict(options.dimensions),
        inputs=tuple(_array(text, where) for text in given.inputs),
        timeout_s=settings.run.timeout_s,
    )
    weights = _weights(given.weights, where) if given.weights else None
    release = releases.find(options.importer or releases.newest().name)
    with scratch.folder(settings.fetch.store.absolute()) as work:
        made = _imported(request, weights, release, settings.fetch, work)
        again = _command(options, model, given, release.release.name, backend)
        folder = os.path.relpath(request.model.path.parent, (where.specs / options.name).parent)
        source, named = _source(made, request, again, folder), document.names(made, stem)
        specs = [
            NewSpec(
                stem=each.stem,
                program=document.settings(made, call, each, given),
                mlir=each.program,
                fields=document.fields(made, call, given, source),
            )
            for each, call in zip(named, made.reply.calls, strict=True)
        ]
        yield NewModel(specs=specs, files={name: work / file for name, file in document.files(made, named).items()})


def _imported(
    request: ImportRequest, weights: Blob | None, release: ReleaseWheels, fetch: FetchSettings, folder: Path
) -> ImportedModel:
    """Install the importer unless it is installed, fetch the weights, and import into a folder."""
    with (
        Live(clean_console(), id_width=0) as live,
        Store(fetch.store.absolute(), on_wait=provision.waiting(live.notice), on_work=live.worked) as store,
    ):
        with provision.fetcher(fetch, store, live.notice, progress=live.bytes_fetched) as fetcher:

            def fetched(blob: Blob) -> Fetched:
                try:
                    return fetcher.fetch(blob)
                finally:
                    live.fetched(blob)

            framework, offline = request.model.framework, fetch.offline
            importer = environment.installed(framework, release, store, fetch=fetched, offline=offline)
            there = fetched(weights) if weights else None
        asked = replace(request, weights=there.path) if there else request
        made = model_import.imported(asked, importer, folder, on_work=live.worked)
        return replace(made, sha256={**made.sha256, weights.name: there.blob.sha256}) if weights and there else made


def _array(text: str, where: Folders) -> Path:
    """Return the file of an input, which is relative to the folder of specs."""
    name = inline.file_named(text)
    path = where.specs / name
    if not text.startswith("@") or not name.endswith(".npy"):
        raise UsageError(f"--input {text}: expected @FILE.npy for an imported model, relative to {where.specs}.")
    if not path.is_file():
        raise UsageError(f"--input {text}: {path}: no such file; expected a path relative to {where.specs}.")
    return path


def _weights(text: str, where: Folders) -> Blob:
    """Return weights that are there already: at a URL, or in a file that is relative to the folder of specs."""
    if not text.endswith(".safetensors"):
        raise UsageError(f"--weights {text}: expected FILE.safetensors, or a URL of one, for a model of PyTorch.")
    if urlsplit(text).scheme:
        return Blob(url=text)
    if not (path := where.specs / text).is_file():
        raise UsageError(f"--weights {text}: {path}: no such file; expected a path relative to {where.specs}.")
    return Blob(url=path.absolute().as_uri())


def _source(model: ImportedModel, request: ImportRequest, command: str, folder: str) -> ProgramSource:
    return ProgramSource(
        framework=model.framework,
        files=model.sha256,
        folder=folder,
        importer=model.importer,
        reference=model.reference,
        versions=model.reply.versions,
        seed=request.seed if _has_seed(request.model, request.inputs) else None,
        dimensions=request.dimensions,
        command=command,
        date=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def _has_seed(model: ModelFile, inputs: Sequence[object]) -> bool:
    """Whether something may be drawn: by the user's function, or for inputs that are not given."""
    return bool(model.function) or not inputs


def _command(options: CommandOptions, model: ModelFile, given: ProgramSettings, importer: str, backend: Backend) -> str:
    """Return a command that imports the same, without the folders of this machine."""
    words = [
        "harness",
        "new",
        options.name,
        f"--{model.framework}",
        str(model),
    ]
    words += ["--importer", importer] if IMPORTERS[model.framework].is_of_release else []
    words += [f"--backend={backend}"] if backend is not Backend.CPU else []
    words += [f"--seed={options.seed}"] if _has_seed(model, given.inputs) else []
    words += [f"--input={each}" for each in given.inputs]
    words += [f"--weights={given.weights}"] if given.weights else []
    words += [f"--dim={name}={size}" for name, size in options.dimensions]
    words += [f"--threshold={element}={number}" for element, number in given.thresholds]
    words += [f"--compiler-flag={flag}" for flag in given.compiler_flags]
    return command(words)
