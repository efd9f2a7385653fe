"""Writes the folder of a small program that fails as a case does: a spec with its files, and how to run it."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.core.blobs import Blob
from harness.core.cases import ModelSpec, RandomWeights, Weights
from harness.core.statuses import Phase
from harness.core.tensors import Literal, Tensor, Thresholds
from harness.host import files
from harness.host.beneath import Folder
from harness.host.disk import disk_errors
from harness.localize import reproducing
from harness.localize.laboratory import BAD, BOTH, Experiment, Input, Laboratory, calls_pipeline
from harness.packing import case_folder
from harness.packing.plain_names import plain, unused
from harness.packing.private_text import without_folders
from harness.packing.script import REPRODUCER
from harness.pipeline import planner
from harness.pipeline.options import Options
from harness.reduction import keeping, minimal_text
from harness.reduction.candidate import Given
from harness.reduction.keeping import Begun
from harness.reduction.minimal_text import ToldSide
from harness.reduction.reducer import State
from harness.reduction.symptom import signature
from harness.specs import inline

_CHUNK = 1 << 20
_PARAMETER = ".parameter.named<"


def write(to: Path, laboratory: Laboratory, state: State, begun: Begun) -> None:
    """Write the folder. What was written is removed if that fails.

    Raises:
        UsageError: the folder is in use.
        FetchError: a blob that the program needs cannot be downloaded.
        DiskError: no space is left, or a file cannot be written.
    """
    case_folder.check_new(to)
    folder = Folder(to.absolute())
    with disk_errors(to):
        try:
            folder.make(folder.path)
            _Writer(folder, laboratory, state, begun).write()
        except BaseException:
            for path, _ in folder.content(folder.path):
                folder.remove(path)
            raise


@dataclass
class _Copies:
    """Files in a folder, each once, under plain names."""

    to: Folder
    path: Path
    laboratory: Laboratory
    names: dict[str, str] = field(default_factory=dict)

    def written(self, name: str, content: bytes) -> Blob:
        """Write a file."""
        self.names[name] = name
        self.to.write(self.path / name, content)
        return _blob(self.path / name)

    def copied(self, blob: Blob) -> Blob:
        """Copy what a blob has."""
        if blob.url not in self.names:
            name = self.names[blob.url] = unused(blob.name, set(self.names.values()))
            source = self.laboratory.prepared[BAD].steps.fetch(blob).path
            with files.opened(source) as file, self.to.new(self.path / name) as copy:
                shutil.copyfileobj(file, copy, _CHUNK)
        return _blob(self.path / self.names[blob.url])

    def tensor(self, stem: str, given: Given) -> Input:
        """Write a tensor, unless it is written out in the spec."""
        if isinstance(given, Literal):
            return given
        blob = self.written(stem + keeping.suffix(given), keeping.content(given))
        return Tensor(blob=blob, type=None if blob.name.endswith(".npy") else given.type)


class _Writer:
    def __init__(self, to: Folder, laboratory: Laboratory, state: State, begun: Begun) -> None:
        self._to, self._laboratory, self._state, self._begun = to, laboratory, state, begun
        self._case = laboratory.cases[BAD]
        self._folder = to.path / plain(self._case.spec.model)

    def write(self) -> None:
        self._to.make(self._folder)
        specs = list(self._specs(_Copies(self._to, self._folder, self._laboratory)))
        own = specs[BAD]
        name = f"{own.submodel}_{own.backend}.json"
        self._to.write(self._folder / name, inline.text(minimal_text.document(own)).encode())
        sides = [self._told(side, spec) for side, spec in zip(BOTH, specs, strict=True)]
        found = self._reproducer(specs[BAD])
        names = sorted(path.name for path, _ in self._to.content(self._folder))
        text = minimal_text.readme(self._case, self._state, self._begun, sides, names, pass_=found)
        self._to.write(self._to.path / "README.md", self._clean(text).encode())

    def _reproducer(self, spec: ModelSpec) -> str:
        """Write the reproducer of a failure to compile if it fails in the same way; return what is to be said of it."""
        symptom, cancel = self._begun.symptom, self._laboratory.cancel
        if symptom.phase is not Phase.COMPILE or cancel.is_set():
            return ""
        program = (spec.pipeline_mlir if calls_pipeline(spec) else None) or spec.mlir
        experiment = Experiment(program=program, inputs=(), function=self._begun.function, compiles_only=True)
        found = reproducing.reproduced(self._laboratory, experiment, is_run=True)
        if not found.text:
            return minimal_text.NO_REPRODUCER
        again = found.again
        if not again or (again.kind, signature(again.reason)) != (symptom.kind, symptom.signature):
            return minimal_text.other_reproducer(found.said if again else "")
        self._to.write(self._folder / REPRODUCER, self._clean(found.text).encode())
        return minimal_text.reproducer(found.part)

    def _specs(self, copies: _Copies) -> Iterator[ModelSpec]:
        """Yield the spec of the small program on each side."""
        program = copies.written("program.mlir", self._state.candidate.text.encode())
        inputs = tuple(copies.tensor(f"input{index}", each) for index, each in enumerate(self._state.candidate.inputs))
        outputs = tuple(copies.tensor(f"output{index}", each) for index, each in enumerate(self._state.outputs))
        limits = minimal_text.rounded(self._state.limits)
        for side, case in zip(self._laboratory.sides, self._laboratory.cases, strict=True):
            spec = self._copied(case.spec, program, copies)
            yield replace(
                spec,
                model=plain(spec.model),
                submodel=plain(spec.submodel),
                inputs=inputs,
                outputs=tuple(each for each in outputs if isinstance(each, Tensor | Literal)),
                threshold_args=minimal_text.flags(limits, side.release.release) or spec.threshold_args,
                thresholds=Thresholds(atol=limits, rtol=0) if limits else spec.thresholds,
                run_function=self._begun.function,
                compile_only=not self._state.outputs,
                comment=(self._comment(),),
                judges=(),
                expect=(),
                run_test_expecting_to_fail=False,
                compile_chip_expecting_to_fail=(),
                budget={},
                markers=(),
                listing=None,
            )

    def _copied(self, spec: ModelSpec, program: Blob, copies: _Copies) -> ModelSpec:
        """Return a spec with the small program, and copies of the files that it needs."""
        has_weights = _PARAMETER in self._state.candidate.text or calls_pipeline(spec)
        flag_files = {text: copies.copied(blob) for text, blob in spec.flag_files.items()}
        return replace(
            spec,
            mlir=copies.copied(spec.mlir) if calls_pipeline(spec) else program,
            pipeline_mlir=program if calls_pipeline(spec) else None,
            modules=tuple(replace(each, mlir=copies.copied(each.mlir)) for each in spec.modules),
            tuner_file={sku: copies.copied(blob) for sku, blob in spec.tuner_file.items()},
            flag_files={blob.name: blob for blob in flag_files.values()},
            compiler_flags=tuple(_renamed(each, flag_files) for each in spec.compiler_flags),
            real_weights=copies.copied(spec.real_weights) if spec.real_weights and has_weights else None,
            weights=tuple(_of_weights(each, copies) for each in spec.weights) if has_weights else (),
        )

    def _comment(self) -> str:
        bad, good = self._laboratory.sides
        return f"Reduced from {self._case.id}: right with {good.label}, wrong with {bad.label}."

    def _told(self, number: int, spec: ModelSpec) -> ToldSide:
        side = self._laboratory.sides[number]
        options = replace(Options.of(side.settings), tool_verdict=True, oracle=None)
        plan = planner.plan(replace(self._laboratory.cases[number], spec=spec), side.release.release, options)
        return ToldSide(label=side.label, release=side.release.release.name, lines=list(minimal_text.lines(plan)))

    def _clean(self, text: str) -> str:
        store = self._laboratory.prepared[BAD].steps.store.root
        return without_folders(text, {Path.home(): "~", store: "store", Path.cwd(): "."})


def _of_weights(each: Weights | RandomWeights, copies: _Copies) -> Weights | RandomWeights:
    return replace(each, blob=copies.copied(each.blob)) if isinstance(each, Weights) else each


def _renamed(flag: str, flag_files: Mapping[str, Blob]) -> str:
    for text, blob in flag_files.items():
        flag = flag.replace(text, blob.name)
    return flag


def _blob(path: Path) -> Blob:
    return Blob(url=path.as_uri())
