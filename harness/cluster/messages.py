"""What a command asks of a worker, and what it gets back. Dask pickles both, between machines that trust each other."""

from collections.abc import Mapping
from dataclasses import field

from harness.core.blobs import Blob, FetchedBlob
from harness.core.errors import NoVerdictError
from harness.core.values import frozen
from harness.iree.releases import ReleaseWheels
from harness.iree.toolchain import Toolchain
from harness.pipeline.step_results import CompileResult, DrawResult, StepResult
from harness.pipeline.steps import Compile, Draw, Step

# The content of files, by path relative to a folder.
Files = Mapping[str, bytes]


@frozen
class Request:
    """A step for a worker.

    Attributes:
        step: the step.
        release: the release that does it.
        timeout_s: limit for each program.
        recompile: whether to compile again what failed to compile before.
        offline: whether the worker downloads nothing.
        fetched: what the command knows of the blobs that the step needs.
        compiled: how the compilations ended that it needs.
        drawn: the archives of random weights that it needs.
    """

    step: Step
    release: ReleaseWheels
    timeout_s: float
    recompile: bool = False
    offline: bool = False
    fetched: Mapping[Blob, FetchedBlob] = field(default_factory=dict)
    compiled: Mapping[Compile, CompileResult] = field(default_factory=dict)
    drawn: Mapping[Draw, DrawResult] = field(default_factory=dict)


@frozen
class Reply:
    """A step that a worker did.

    Attributes:
        worker: the address of the worker.
        cpu: the identity of its CPU.
        result: how it ended, with the paths of the worker.
        root: the folder on the worker that the paths of the files are relative to.
        files: what it left: logs and outputs, or a module and all that belongs to it.
    """

    worker: str
    cpu: str
    result: StepResult
    root: str = ""
    files: Files = field(default_factory=dict)


@frozen
class Described:
    """The release of a worker: which build it is, or why it is not there.

    Attributes:
        worker: the address of the worker.
        toolchain: the build.
        error: why there is none.
    """

    worker: str
    toolchain: Toolchain | None = None
    error: NoVerdictError | None = None


@frozen
class Offer:
    """What a worker is, and how much it does at once.

    Attributes:
        name: what users see, such as `node03`.
        version: of the harness.
        cpu: identity of its CPU.
        slots: by label (`compile`, `cpu`, or a chip such as `gfx942`), the number of steps at once.
        gpus: its GPUs in words, such as `GPU 0 (gfx942, mi300)`.
        chips: by vendor, such as `amd`, the chips of its GPUs.
        drivers: by driver of devices, such as `hip`, a digest of what runs with it depend on there.
    """

    name: str
    version: str
    cpu: str
    slots: Mapping[str, int]
    gpus: tuple[str, ...] = ()
    chips: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    drivers: Mapping[str, str] = field(default_factory=dict)

    @property
    def at_once(self) -> int:
        """The number of steps that it does at once; a GPU has several labels."""
        return self.slots["compile"] + self.slots["cpu"] + len(self.gpus)
