"""Cases: a spec, what it is compiled for, and the release that does it."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harness.core.blobs import Blob
from harness.core.tensors import Literal, Tensor, Thresholds

EMPTY: Mapping[str, Any] = MappingProxyType({})


class Backend(enum.StrEnum):
    """What a spec file is written for; the last word of its name."""

    CPU = "cpu"
    ROCM = "rocm"
    CUDA = "cuda"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One spec file, read and checked.

    `outputs` holds None where the spec says "(ignored)"; `flags_for` has flags by comparisons such as `>=3.5,<3.9`;
    `flag_files` has the files that flags name, by the text in the flag; `comment` is for people alone; `lines` has the
    line of each field in the file, by its JSON path.
    """

    path: Path
    model: str
    submodel: str
    backend: Backend
    mlir: Blob
    inputs: tuple[Tensor | Literal, ...] = ()
    outputs: tuple[Tensor | None, ...] = ()
    real_weights: Blob | None = None
    custom_real_weights_group: str | None = None
    pipeline_mlir: Blob | None = None
    pipeline_compiler_flags: tuple[str, ...] = ()
    add_pipeline_module: bool = False
    device: str
    compiler_flags: tuple[str, ...] = ()
    flags_for: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: EMPTY)
    thresholds: Thresholds = field(default_factory=Thresholds)
    threshold_args: tuple[str, ...] = ()
    run_function: str | None = None
    run_test_expecting_to_fail: bool = False
    compile_chip_expecting_to_fail: frozenset[str] = frozenset()
    compile_only: bool = False
    comment: tuple[str, ...] = ()
    tuner_file: Mapping[str, Blob] = field(default_factory=lambda: EMPTY)
    flag_files: Mapping[str, Blob] = field(default_factory=lambda: EMPTY)
    lines: Mapping[str, int] = field(default_factory=lambda: EMPTY)

    @property
    def name(self) -> str:
        """`sd3/clip`, what a selector selects."""
        return f"{self.model}/{self.submodel}"

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """Every blob that it names, each once; a case may need fewer."""
        programs = (self.mlir, self.real_weights, self.pipeline_mlir)
        tensors = (tensor.blob for tensor in (*self.inputs, *self.outputs) if isinstance(tensor, Tensor))
        every = (*programs, *tensors, *self.tuner_file.values(), *self.flag_files.values())
        return tuple(dict.fromkeys(blob for blob in every if blob))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a spec is compiled for and, unless `compile_only`, run on."""

    backend: Backend
    chip: str | None = None
    sku: str | None = None
    compile_only: bool = False

    def __str__(self) -> str:
        """Return `cpu` or `rocm-gfx942`."""
        return f"{self.backend}-{self.chip}" if self.chip else str(self.backend)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A spec on a target: the unit of work everywhere."""

    spec: ModelSpec
    target: Target

    @property
    def id(self) -> str:
        """`sd3/clip[rocm-gfx942]`, the same wherever the case appears."""
        return f"{self.spec.name}[{self.target}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """An IREE release: its name and the date (YYYYMMDD) of its release candidate, by which releases order.

    `date` is None for a build that names no release candidate; it counts as newer than all that do.
    """

    name: str
    date: int | None = None
