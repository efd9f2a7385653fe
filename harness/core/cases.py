"""Cases: a spec, what it is compiled for, and the IREE release that compiles it."""

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harness.core.blobs import Blob
from harness.core.budgets import EVERY, Budget, Limit, Quantity
from harness.core.formulas import Formula
from harness.core.judges import Judge
from harness.core.provenance import ImportedProgram, ProgramSource, Provenance
from harness.core.quarantines import Quarantine
from harness.core.tensors import Literal, Tensor, Thresholds
from harness.core.values import frozen

ONNX = ".onnx"  # the suffix of a program that has to be imported
MAIN, PIPELINE = "model", "pipeline"  # names of the program of a spec, and of the second one
EMPTY: Mapping[str, Any] = MappingProxyType({})


class Backend(enum.StrEnum):
    """What a spec file is written for; its name ends with the backend."""

    CPU = "cpu"
    ROCM = "rocm"
    CUDA = "cuda"
    VULKAN = "vulkan"


@frozen
class Expectation:
    """A failure that a spec expects.

    Attributes:
        fails: the kinds of the failure, such as `numeric`.
        chips: the chips on which it is expected; empty for all.
        backends: the backends on which it is expected; empty for all.
        iree: the releases with which it is expected, such as `>=3.6,<3.9`; None for all.
        reason: why, for the reader.
        issue: the URL of a report.
        until: the last day on which it is expected; None for no end.
    """

    fails: tuple[str, ...]
    chips: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    iree: str | None = None
    reason: str = ""
    issue: str = ""
    until: dt.date | None = None


@frozen
class Weights:
    """An archive of weights, and the scope under which the program loads them; empty for parameters without one."""

    blob: Blob
    scope: str = ""


@frozen
class RandomWeights:
    """Random values for all parameters of the programs, from a seed, and the scope under which they are loaded."""

    seed: int
    scope: str = ""


@frozen
class Program:
    """A program of a spec, and the flags of iree-compile and the tuning specs by SKU for it."""

    mlir: Blob
    compiler_flags: tuple[str, ...] = ()
    tuner_file: Mapping[str, Blob] = field(default_factory=lambda: EMPTY, hash=False)


@frozen
class Place:
    """An entry of a list in a config.

    Attributes:
        json_path: its JSON path, such as `$.skip_run_tests[3]`.
        line: its line, from 1.
        is_shared: whether it is about other cases as well.
    """

    json_path: str
    line: int
    is_shared: bool = False


@frozen
class Listing:
    """What the config of a suite says of a case: where its lists name the case.

    Attributes:
        config: the config.
        name: what it calls the case.
        skip: the entry for which nothing is done with the case.
        import_failure: the entry that expects the import of its program to fail.
        compile_failure: the entry that expects its compilation to fail.
        run_failure: the entry that expects its run, or its comparison, to fail.
    """

    config: Path
    name: str = ""
    skip: Place | None = None
    import_failure: Place | None = None
    compile_failure: Place | None = None
    run_failure: Place | None = None


@frozen
class ModelSpec:
    """One spec file, or a case of a suite, read and checked. docs/spec.md explains the fields of the file.

    Attributes:
        path: the spec file.
        model: name of its folder, such as `sd3`.
        submodel: name of the model in the folder, such as `clip`.
        backend: what the file is written for.
        mlir: the program; an ONNX file is imported first.
        external_data: the files of an ONNX file's external data, by the names in it.
        seed: of the inputs that are drawn for an ONNX file.
        dimensions: sizes of dynamic dimensions of these inputs, by name.
        default_dimension: size of those that have none there; None if each has to be named.
        is_uniform: whether the floats that are drawn are between 0 and 1, and not normally distributed.
        has_reference: whether its outputs are compared with those of its framework, whatever the user asks for.
        imported: how the program was imported; None while it is an ONNX file, and for all others.
        modules: programs whose functions it calls; a run loads them before it, in order.
        inputs: arguments of `run_function`, in order.
        outputs: expected outputs, in order; None where the spec says "(ignored)".
        provenance: what made the expected outputs; None if the spec does not say it.
        program_source: what `harness new` imported; None if the spec does not say it.
        real_weights: the weights, an .irpa file, whose scope is `model`.
        weights: archives of weights with their scopes, in place of `real_weights`.
        custom_real_weights_group: a field of the original suite; not used.
        pipeline_mlir: a second program.
        pipeline_compiler_flags: flags of iree-compile for the second program.
        add_pipeline_module: whether `run_function` is in the second program, which calls the first.
        devices: devices of iree-run-module, in order, such as `hip`.
        compiler_flags: flags of iree-compile.
        flags_for: more flags, by the releases that get them, such as `>=3.5,<3.9`.
        thresholds: largest accepted differences from the expected outputs.
        threshold_args: the same, as flags of iree-run-module.
        judges: the statistics by which each output is judged, None for one whose thresholds decide; empty for none.
        run_args: further arguments of iree-run-module.
        run_function: the exported function to run.
        run_test_expecting_to_fail: whether the run or its comparison is expected to fail.
        compile_chip_expecting_to_fail: chips for which the compilation is expected to fail.
        expect: failures that are expected, by kind.
        markers: names by which `-m` selects it.
        compile_only: whether the program is compiled and not run.
        comment: lines for the reader; not used.
        tuner_file: tuning specs by SKU.
        flag_files: files that flags name, by the text in the flag.
        trust_flags: whether the user accepts flags that can do harm.
        lines: where its file says what is expected to fail: lines by JSON path.
        bases: the files of these lines that are not in `path`, but in a file that it extends, by JSON path.
        listing: what the config of a suite says of the case; None for a spec.
        chip: the chip that its flags are for; None if it is for all that the backend has.
        ignored_chips: chips for which nothing is done with it.
        budget: how much it may take of each quantity.
        remarks: what is odd in its file, and does no harm.
    """

    path: Path
    model: str
    submodel: str
    backend: Backend
    mlir: Blob
    external_data: Mapping[str, Blob] = field(default_factory=lambda: EMPTY)
    seed: int = 0
    dimensions: Mapping[str, int] = field(default_factory=lambda: EMPTY)
    default_dimension: int | None = None
    is_uniform: bool = False
    has_reference: bool = False
    imported: ImportedProgram | None = None
    modules: tuple[Program, ...] = ()
    inputs: tuple[Tensor | Literal | Formula, ...] = ()
    outputs: tuple[Tensor | Literal | None, ...] = ()
    provenance: Provenance | None = None
    program_source: ProgramSource | None = None
    real_weights: Blob | None = None
    weights: tuple[Weights | RandomWeights, ...] = ()
    custom_real_weights_group: str | None = None
    pipeline_mlir: Blob | None = None
    pipeline_compiler_flags: tuple[str, ...] = ()
    add_pipeline_module: bool = False
    devices: tuple[str, ...]
    compiler_flags: tuple[str, ...] = ()
    flags_for: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: EMPTY)
    thresholds: Thresholds = field(default_factory=Thresholds)
    threshold_args: tuple[str, ...] = ()
    judges: tuple[Judge | None, ...] = ()
    run_args: tuple[str, ...] = ()
    run_function: str | None = None
    run_test_expecting_to_fail: bool = False
    compile_chip_expecting_to_fail: tuple[str, ...] = ()
    expect: tuple[Expectation, ...] = ()
    markers: tuple[str, ...] = ()
    compile_only: bool = False
    comment: tuple[str, ...] = ()
    tuner_file: Mapping[str, Blob] = field(default_factory=lambda: EMPTY)
    flag_files: Mapping[str, Blob] = field(default_factory=lambda: EMPTY)
    trust_flags: bool = False
    lines: Mapping[str, int] = field(default_factory=lambda: EMPTY)
    bases: Mapping[str, Path] = field(default_factory=lambda: EMPTY)
    listing: Listing | None = None
    chip: str | None = None
    ignored_chips: tuple[str, ...] = ()
    budget: Budget = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`sd3/clip`, the name that selectors match."""
        return f"{self.model}/{self.submodel}"

    @property
    def is_onnx(self) -> bool:
        """Whether the program is an ONNX file, which has to be imported before the case can be planned in full."""
        return self.mlir.name.endswith(ONNX)

    @property
    def programs(self) -> Mapping[str, Program]:
        """All programs by the names of their files, in the order in which their modules are loaded."""
        before = {f"module_{index}": each for index, each in enumerate(self.modules)}
        own = {MAIN: Program(mlir=self.mlir, compiler_flags=self.compiler_flags, tuner_file=self.tuner_file)}
        if self.pipeline_mlir:
            own[PIPELINE] = Program(mlir=self.pipeline_mlir, compiler_flags=self.pipeline_compiler_flags)
        return before | own

    @property
    def config_path(self) -> str:
        """The path of the config of a suite that lists the case; empty for a spec."""
        return str(self.listing.config) if self.listing else ""

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """Every blob that the spec names, each once; a case may need fewer."""
        programs = self.programs.values()
        archives = (self.real_weights, *(each.blob for each in self.weights if isinstance(each, Weights)))
        tensors = (tensor.blob for tensor in (*self.inputs, *self.outputs) if isinstance(tensor, Tensor))
        tuners = (blob for each in programs for blob in each.tuner_file.values())
        own = (each.mlir for each in programs)
        every = (*own, *self.external_data.values(), *archives, *tensors, *tuners, *self.flag_files.values())
        return tuple(dict.fromkeys(blob for blob in every if blob))


@frozen
class Target:
    """What a spec is compiled for and run on.

    Attributes:
        backend: the spec's backend.
        chip: such as `gfx942`; None on the CPU.
        sku: product whose tuning specs apply, such as `mi300`.
        compile_only: whether nothing is run.
        config: name of the config of a suite that says all of it, such as `onnx_ops_cpu_llvm_sync_O0`.
    """

    backend: Backend
    chip: str | None = None
    sku: str | None = None
    compile_only: bool = False
    config: str = ""

    def __str__(self) -> str:
        """Return `cpu`, `rocm-gfx942` or the name of the config."""
        return self.config or (f"{self.backend}-{self.chip}" if self.chip else str(self.backend))

    @property
    def names(self) -> tuple[str, ...]:
        """Its names in budgets, the most special one first; a SKU is that of a GPU."""
        of_gpu = () if self.backend is Backend.CPU else (self.sku, self.chip)
        return (*filter(None, of_gpu), str(self.backend))


@frozen
class Case:
    """A spec on a target: the unit of work.

    Attributes:
        spec: the spec.
        target: what it is compiled for.
        quarantine: why it fails nothing; None if it counts.
    """

    spec: ModelSpec
    target: Target
    quarantine: Quarantine | None = None

    @property
    def id(self) -> str:
        """`sd3/clip[rocm-gfx942]`, the same in console, files and code."""
        return f"{self.spec.name}[{self.target}]"

    @property
    def is_compile_only(self) -> bool:
        """Whether nothing is run, because of the spec, the target, or an expected compile failure."""
        return self.spec.compile_only or self.target.compile_only or self.expects_compile_failure

    @property
    def expects_compile_failure(self) -> bool:
        """Whether the spec expects compiling for this chip to fail."""
        return self.target.chip in self.spec.compile_chip_expecting_to_fail

    @property
    def limits(self) -> dict[Quantity, Limit]:
        """The most that it may take of each quantity that has a budget for its target."""
        if not self.spec.budget:
            return {}
        names = (*self.target.names, EVERY)
        found = {
            quantity: next((limits[name] for name in names if name in limits), None)
            for quantity, limits in self.spec.budget.items()
        }
        return {quantity: limit for quantity, limit in found.items() if limit}


@frozen
class Release:
    """An IREE release. Releases are ordered by `date`.

    Attributes:
        name: such as `3.13.0`.
        date: date (YYYYMMDD) of its release candidate; None for a build without one, which counts as the newest.
    """

    name: str
    date: int | None = None
