"""The values that cross borders, in the order in which they flow: spec, case, plan, report."""

import dataclasses
import enum
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, Self
from urllib.parse import urlsplit

EMPTY: Mapping[str, Any] = MappingProxyType({})


class Status(enum.StrEnum):
    """What can happen to a case. See the table in README."""

    PASSED = "passed"
    RAN = "ran"
    COMPILED = "compiled"
    FAILED = "failed"
    XFAILED = "xfailed"
    XPASSED = "xpassed"
    UNSUPPORTED = "unsupported"
    SKIPPED = "skipped"
    ERROR = "error"


class Kind(enum.StrEnum):
    """Why a case `failed` (first group) or why there is no verdict, an `error` (second)."""

    NUMERIC = "numeric"
    NAN = "nan"
    SHAPE = "shape"
    COMPILE = "compile"
    CRASH = "crash"
    TIMEOUT = "timeout"
    BUDGET = "budget"

    FETCH = "fetch"
    INTEGRITY = "integrity"
    DEVICE = "device"
    TOOL = "tool"
    ENGINE = "engine"
    DISK = "disk"


class Phase(enum.StrEnum):
    """How far a case came."""

    FETCH = "fetch"
    COMPILE = "compile"
    RUN = "run"
    COMPARE = "compare"


class Backend(enum.StrEnum):
    """What a spec file is written for; the last word of its name."""

    CPU = "cpu"
    ROCM = "rocm"
    CUDA = "cuda"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Why something did not do what it should."""

    status: Status
    kind: Kind | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """Bytes by URL (`https:`, `file:`, `s3:`, ...) and what a lock knows of them.

    `last_modified` is the host's date of the content that was locked, as RFC 9110 writes it.
    """

    url: str
    sha256: str | None = None
    size_bytes: int | None = None
    last_modified: str | None = None

    @property
    def name(self) -> str:
        """The last part of the URL's path."""
        return PurePosixPath(urlsplit(self.url).path).name


# Bits of each element type that IREE's tools can read and write.
# iree@b48a5955:runtime/src/iree/hal/buffer_view_util.c and the facts of `iree-run-module --help`.
ELEMENT_BITS: Mapping[str, int] = MappingProxyType(
    {"i1": 8, "f16": 16, "bf16": 16, "f32": 32, "f64": 64, "complex<f32>": 64, "complex<f64>": 128}
    | {f"{sign}{bits}": bits for sign in ("i", "si", "ui") for bits in (8, 16, 32, 64)}
    | {f"f8{form}": 8 for form in ("E4M3FN", "E4M3FNUZ", "E5M2", "E5M2FNUZ")}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorType:
    """A static tensor type in IREE's notation, e.g. `2x64x2048xf16`; a scalar has no dimensions."""

    shape: tuple[int, ...]
    element: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `2x64x2048xf16`.

        Raises:
            ValueError: the text is no such type; the message says what was expected.
        """
        dimensions, element = re.fullmatch(r"((?:[0-9]+x)*)(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
        if element not in ELEMENT_BITS:
            known = ", ".join(sorted(ELEMENT_BITS))
            raise ValueError(f"{text!r} is no static tensor type such as 2x64x2048xf16; element types are {known}")
        return cls(shape=tuple(int(size) for size in dimensions.split("x")[:-1]), element=element)

    @property
    def size_bytes(self) -> int:
        """Bytes of its raw contents (an i1 is stored as one byte)."""
        return math.prod(self.shape) * ELEMENT_BITS[self.element] // 8

    def __str__(self) -> str:
        """Return IREE's notation."""
        return "x".join([*map(str, self.shape), self.element])


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """An input or an expected output: its bytes and, unless the file itself says it, its type."""

    blob: Blob
    type: TensorType | None = None

    @property
    def is_npy(self) -> bool:
        """Whether the file carries its own type, as NumPy's .npy does."""
        return self.type is None or self.blob.name.endswith(".npy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """An input that is written out, as `iree-run-module --input` reads it: `4xf32=2`, `2x2xi32=1 2 3 4`, `4xf32`."""

    text: str


# iree-run-module's own defaults; bf16 has one from 3.12.0 on (iree@f895d3535d). What is not here
# (integers, i1, f8, complex) must match exactly.
DEFAULT_ATOL: Mapping[str, float] = MappingProxyType({"f16": 1e-3, "f32": 1e-4, "f64": 1e-4, "bf16": 1e-2})


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """How far an actual value may be from the expected: `|a - e| <= atol + rtol * |e|`."""

    atol: Mapping[str, float] = field(default_factory=lambda: DEFAULT_ATOL, hash=False)
    rtol: float = 0.0

    def of(self, element: str) -> tuple[float, float]:
        """Return (atol, rtol) for an element type; both are 0 where only equality will do."""
        return (self.atol[element], self.rtol) if element in self.atol else (0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """One spec file, read and checked.

    `outputs` holds None where the spec says "(ignored)"; `flags_for` has flags by comparisons such as `>=3.5,<3.9`;
    `flag_files` has the files that flags name, by the text in the flag; `comment` is for people alone; `lines` has the
    line of each JSON path in the file.
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
    """An IREE release: its name and the date (YYYYMMDD) of its candidate, by which releases order.

    `date` is None for a build that names no candidate; it counts as newer than all that do.
    """

    name: str
    date: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What is known of a blob before any of it is fetched.

    `size_bytes` is None if nobody says; `is_here` whether all of it is on disk; `begun_bytes` is what there is of an
    unfinished one.
    """

    blob: Blob
    size_bytes: int | None
    is_here: bool = False
    begun_bytes: int = 0

    @property
    def is_local(self) -> bool:
        """Whether it is a file of this machine, which stays where it is."""
        return self.blob.url.startswith("file:")

    @property
    def lacking_bytes(self) -> int:
        """What is to come, as far as anybody says."""
        return 0 if self.is_here or self.is_local else max(0, (self.size_bytes or 0) - self.begun_bytes)


# The archive of weights, in the folder of a compilation (stand-ins made there) and of a run.
WEIGHTS = "weights.irpa"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A blob under the plain name by which a tool finds it in the folder where it runs."""

    name: str
    blob: Blob


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """Step: have a blob on disk, verified."""

    blob: Blob


@dataclass(frozen=True, slots=True, kw_only=True)
class Compile:
    """Step: one MLIR program to one module by a release. Steps of equal fields are one step, done once."""

    release: str
    argv: tuple[str, ...]
    links: tuple[Link, ...]
    module: str
    products: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Step: run the modules (dependencies first) and keep every output as a raw file.

    `chip` is what the modules are for; None on the CPU.
    """

    case_id: str
    argv: tuple[str, ...]
    links: tuple[Link, ...]
    inputs: tuple[tuple[str, TensorType | None], ...]
    compiles: tuple[Compile, ...]
    device: str
    chip: str | None = None
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare:
    """Step: judge the outputs of a run. `expected` holds None where an output is ignored."""

    run: Run
    expected: tuple[tuple[Link, TensorType | None] | None, ...]
    thresholds: Thresholds


Step = Fetch | Compile | Run | Compare


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that will be done for a case, in an order in which it can be done.

    `blocked` says why nothing can be: the steps are empty then. `notes` are for the reader.
    """

    case: Case
    steps: tuple[Step, ...]
    release: Release | None = None
    blocked: Verdict | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One output against its expectation. Errors are absolute unless named otherwise.

    `headroom` is the largest error over its own threshold: above 1 is a failure. A number that
    has no meaning (an ignored output, a wrong size, nothing finite to compare) is None.
    """

    index: int
    type: str | None
    ignored: bool = False
    kind: Kind | None = None
    reason: str = ""
    atol: float = 0.0
    rtol: float = 0.0
    elements: int = 0
    max_abs_error: float | None = None
    mean_abs_error: float | None = None
    max_rel_error: float | None = None
    cosine_similarity: float | None = None
    headroom: float | None = None
    mismatches: int = 0
    first_mismatch: tuple[int, ...] | None = None
    nan: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A compiled module as the results quote it; times and memory are those of its compilation."""

    key: str
    bytes: int
    cached: bool
    sha256: str
    dispatches: int | None = None
    compile_seconds: float = 0.0
    compile_cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedBlob:
    """A blob as the results quote it: where it came from, and how hard it was to get.

    `attempts` counts requests that failed, and the one that did not; `source` is the mirror that had it, or the URL.
    """

    url: str
    sha256: str
    bytes: int
    attempts: int = 0
    resumed: bool = False
    cached: bool = False
    source: str | None = None
    etag: str | None = None
    md5: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """Where a blob is, how the results quote it, and how long it took to have it."""

    path: Path
    blob: FetchedBlob
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What happened to one case. `log_tail` is the end of the log of the step that decided."""

    id: str
    model: str
    submodel: str
    backend: str
    chip: str | None
    release: str | None = None
    status: Status
    kind: Kind | None = None
    phase: Phase | None = None
    reason: str = ""
    path: str = ""
    seconds: Mapping[str, float] = field(default_factory=lambda: EMPTY)
    modules: tuple[Module, ...] = ()
    outputs: tuple[Measurement, ...] = ()
    commands: Mapping[str, Any] = field(default_factory=lambda: EMPTY)
    logs: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    blobs: tuple[FetchedBlob, ...] = ()
    peak_memory_bytes: int | None = None
    notes: tuple[str, ...] = ()
    log_tail: str = ""


EXIT_OK, EXIT_FAILED, EXIT_NO_VERDICT = 0, 1, 3
EXIT_BUG, EXIT_INTERRUPTED, EXIT_TERMINATED = 70, 130, 143


def exit_code(outcomes: tuple[Outcome, ...]) -> int:
    """Return 1 when any case failed, else 3 when any ended in error, else 0."""
    statuses = {outcome.status for outcome in outcomes}
    if statuses & {Status.FAILED, Status.XPASSED}:
        return EXIT_FAILED
    return EXIT_NO_VERDICT if Status.ERROR in statuses else EXIT_OK


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole run: what it ran on and what came of each case. `started` is UTC, ISO 8601."""

    started: str
    seconds: float
    exit_code: int
    environment: Mapping[str, Any]
    cases: tuple[Outcome, ...]


def as_json(value: Any) -> Any:
    """Return a value of this module as JSON data: mappings, lists, strings, numbers and None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = (each.name for each in dataclasses.fields(value))
        return {name: as_json(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {str(key): as_json(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [as_json(each) for each in value]
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)
