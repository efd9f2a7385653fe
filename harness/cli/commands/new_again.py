"""`harness new --again`: imports the model of a spec anew, and says what changed."""

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.cli import arguments
from harness.cli.asking import is_wanted
from harness.cli.commands import new_import
from harness.cli.commands.new_import import NewModel, NewSpec
from harness.cli.settings import Invocation
from harness.core import records, strict_json
from harness.core.cases import Backend
from harness.core.errors import UsageError
from harness.core.exit_codes import EXIT_FAILED, EXIT_OK
from harness.core.provenance import ProgramSource
from harness.host import files
from harness.host.disk import disk_errors, write_atomically
from harness.importers.frameworks import ModelFile
from harness.pipeline import selection
from harness.specs import inline, json_edit
from harness.store.entry import file_sha256

_SPEC_BYTES = 16 << 20
_DIGITS = 12
# What an import provides; flags and thresholds stay as they are in the spec.
_PROVIDED = ("mlir", "run_function", "inputs", "outputs", "real_weights", "provenance")


def main(invocation: Invocation, spec: Path) -> tuple[Sequence[Path], int]:
    """Import again, and replace what changed if that is wanted.

    Returns:
        The specs that were written, and the exit code if there are none.

    Raises:
        UsageError: the spec was not written by an import, or its model is not where it was.
        NoVerdictError: the importer cannot be installed, or refuses the model.
    """
    document = _document(spec)
    before, (stem, backend) = _recorded(spec, document), _stem_and_backend(spec, document)
    asked = _asked(invocation, before, spec)
    where = selection.spec_folders(replace(invocation.settings.cases, specs=spec.parent.parent))
    with new_import.imported(asked, where, stem, backend) as model:
        changes = [*_of_source(before, model.specs[0].fields["provenance"]["source"]), *_of_files(model, spec.parent)]
        for line in changes or [f"unchanged  {spec}: program, inputs and expected outputs are the same as before"]:
            _print(line)
        if not changes:
            return [], EXIT_OK
        if not (invocation.options.yes or is_wanted("Write these changes?")):
            _print("Nothing was written; add --yes to write these changes.")
            return [], EXIT_FAILED
        model.save(spec.parent, replaces=True)
        return list(_rewritten(model, spec.parent, where.specs)), EXIT_OK


def _document(spec: Path) -> Mapping[str, Any]:
    try:
        return records.read(dict[str, Any], strict_json.loads(files.read(spec, _SPEC_BYTES)))
    except (OSError, ValueError) as error:
        raise UsageError(f"{spec}: cannot be read ({files.reason(error)}); expected a spec.") from error


def _recorded(spec: Path, document: Mapping[str, Any]) -> ProgramSource:
    """Return what a spec says of its import."""
    try:
        provenance = records.read(dict[str, Any], document.get("provenance", {}), "$.provenance")
        if "source" not in provenance:
            raise UsageError(f"{spec}: was not written by an import; expected a spec with 'provenance.source'.")
        return records.read(ProgramSource, provenance["source"], "$.provenance.source")
    except ValueError as error:
        raise UsageError(f"{spec}: cannot be read ({files.reason(error)}); expected a spec.") from error


def _stem_and_backend(spec: Path, document: Mapping[str, Any]) -> tuple[str, Backend]:
    """Return the name that the files of an import begin with, which is that of its program, and the backend."""
    mlir, backend = str(document.get("mlir")), spec.stem.rpartition("_")[2]
    if "/" in mlir or not mlir.endswith(".mlir") or backend not in list(Backend):
        raise UsageError(f"{spec}: names the program {mlir!r}; expected that of an import, beside the spec.")
    return mlir.removesuffix(".mlir"), Backend(backend)


def _asked(invocation: Invocation, source: ProgramSource, spec: Path) -> Invocation:
    """Return what the recorded command asked for, with the options of this command line; its folders do not count."""
    recorded = arguments.invocation(shlex.split(source.command)[1:], {})
    model = recorded.options.model
    if recorded.command != "new" or model is None:
        raise UsageError(f"{spec}: its provenance has the command {source.command!r}; expected `harness new ...`.")
    path = spec.parent / source.folder / model.path.name
    if not path.is_file():
        raise UsageError(f"{path}: no such file; put the model there, where it was when {spec} was written.")
    options = replace(
        invocation.options,
        name=f"{spec.parent.name}/{recorded.options.name.rpartition('/')[2]}",
        model=ModelFile(framework=model.framework, path=path, function=model.function),
        seed=recorded.options.seed,
        dimensions=recorded.options.dimensions,
    )
    cases = replace(invocation.settings.cases, program=recorded.settings.cases.program)
    return replace(invocation, settings=replace(invocation.settings, cases=cases), options=options)


def _of_source(before: ProgramSource, after: Mapping[str, Any]) -> Iterator[str]:
    """Yield what changed of the model's files, and of the packages that took part."""
    yield from _differing("source", before.files, after["files"])
    packages = {"importer": before.importer, "reference": before.reference} | dict(before.versions)
    yield from _differing(
        "version", packages, {"importer": after["importer"], "reference": after["reference"], **after["versions"]}
    )


def _differing(kind: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in dict.fromkeys((*before, *after)):
        old, new = (str(each.get(name, "none"))[:_DIGITS] for each in (before, after))
        if before.get(name) != after.get(name):
            yield f"{kind:<9} {name}: {old} -> {new}"


def _of_files(model: NewModel, folder: Path) -> Iterator[str]:
    """Yield what changed of the files beside the spec."""
    for name, path in model.files.items():
        there = folder / name
        if not there.is_file():
            yield f"{'new':<9} {name}"
        elif file_sha256(there) != file_sha256(path):
            yield f"{'changed':<9} {name}{_difference(there, path)}"


def _difference(before: Path, after: Path) -> str:
    """Return how far two arrays differ; empty for other files."""
    if after.suffix != ".npy":
        return ""
    import numpy as np  # noqa: PLC0415

    try:
        old, new = (np.load(path, allow_pickle=False) for path in (before, after))
    except (OSError, ValueError):
        return ""
    if (old.shape, old.dtype) != (new.shape, new.dtype):
        return f": {old.dtype}{list(old.shape)} -> {new.dtype}{list(new.shape)}"
    wide = np.complex128 if old.dtype.kind == "c" else np.float64
    largest = np.max(np.abs(new.astype(wide) - old.astype(wide)), initial=0)
    return f": largest difference {largest:.3g}, largest value {np.max(np.abs(new.astype(wide)), initial=0):.3g}"


def _rewritten(model: NewModel, folder: Path, specs: Path) -> Iterator[Path]:
    """Write what an import provides into the specs that name its files, of all backends, and yield them."""
    for each in model.specs:
        for backend in Backend:
            path = folder / f"{each.stem}_{backend}.json"
            if path.is_file():
                _rewrite(path, each, backend, specs, set(model.files))
                _print(f"written   {path}")
                yield path


def _rewrite(path: Path, new: NewSpec, backend: Backend, specs: Path, names: set[str]) -> None:
    def source(text: str) -> str:
        return text if text in names else inline.relative(text, specs, path)

    document = {**inline.document(new.mlir, new.program, backend, source=source), **new.fields}
    text = files.read(path, _SPEC_BYTES).decode()
    old = strict_json.loads(text)
    provided = {name: document[name] for name in _PROVIDED if name in document}
    for name in ("inputs", "outputs"):  # a user may have added thresholds or formulas to what is still the same
        if len(old.get(name, [])) == len(provided.get(name, [])):
            provided.pop(name, None)
    recorded = {**old.get("provenance", {}), **provided["provenance"]}
    with disk_errors(path):
        write_atomically(path, json_edit.with_members(text, {**provided, "provenance": recorded}))


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
