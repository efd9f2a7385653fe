"""What a model may come from, and what the harness calls each framework (no I/O)."""

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from pathlib import Path

from harness.core.values import frozen


class Framework(StrEnum):
    """A framework; the value names its worker, its lock, and its option where models come from it."""

    ONNX = "onnx"
    JAX = "jax"
    TORCH = "torch"
    MLIR = "mlir"


# Those that models are imported from; the bindings of MLIR read programs that are there.
MODELS = (Framework.ONNX, Framework.JAX, Framework.TORCH)


@frozen
class ModelFile:
    """A model of a framework.

    Attributes:
        framework: the framework.
        path: the file.
        function: the function in it that makes the model; empty if the file is the model.
    """

    framework: Framework
    path: Path
    function: str = ""

    def __str__(self) -> str:
        """Return it as the command line says it, without the folder."""
        return f"{self.path.name}:{self.function}" if self.function else self.path.name


@frozen
class Step:
    """A process of an importer's worker.

    Attributes:
        do: what the worker is asked to do.
        tool: what does it, for messages and provenance; `{release}` is the IREE release of the importer.
        activity: what is shown meanwhile; `{model}` is the name of the model.
    """

    do: str
    tool: str
    activity: str


@frozen
class Importer:
    """How models of a framework are imported.

    Attributes:
        name: of the framework.
        steps: what its worker does, in order; each step answers some of the fields of a `Reply`.
        writer: what writes the program, likewise with `{release}`, or with the versions of packages.
        reference: what computes the expected outputs, with its version from the versions of packages.
        is_of_release: whether the packages of an IREE release are a part of the importer.
        variables: of the environment of its processes.
        program_suffix: of a file that is a model itself, in place of a Python file with a function that returns one.
        python: the Python that its wheels are for, such as `3.11`; None if they are for every Python of the harness.
        modules: what its worker imports, which is compiled to bytecode when it is installed.
        unused: folders of its wheels that no worker needs, which are left out.
    """

    name: str
    steps: tuple[Step, ...]
    writer: str
    reference: str
    is_of_release: bool = True
    variables: Mapping[str, str] = field(default_factory=dict)
    program_suffix: str = ""
    python: str | None = None
    modules: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


_RELEASE = "the importer of IREE {release}"
IMPORTERS = {
    Framework.ONNX: Importer(
        name="ONNX",
        steps=(
            Step(do="run", tool="ONNX Runtime", activity="running {model} with ONNX Runtime"),
            Step(do="import", tool=_RELEASE, activity="importing {model}"),
        ),
        writer="IREE {release}",
        reference="ONNX Runtime {onnxruntime}",
    ),
    Framework.JAX: Importer(
        name="JAX",
        steps=(Step(do="import", tool="JAX", activity="exporting {model} and running it with JAX"),),
        writer="JAX {jax}",
        reference="JAX {jax}",
        is_of_release=False,
        # As plainly as XLA can, whatever the number of cores: threads would change sums.
        variables={
            "JAX_PLATFORMS": "cpu",
            "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false --xla_cpu_enable_fast_math=false",
        },
    ),
    Framework.TORCH: Importer(
        name="PyTorch",
        steps=(Step(do="import", tool="PyTorch", activity="running and exporting {model} with PyTorch"),),
        writer="iree-turbine {iree-turbine} with IREE {release}",
        reference="PyTorch {torch}",
        program_suffix=".pt2",
        python="3.11",
        modules=("torch", "torch.export", "iree.turbine.aot", "safetensors.torch"),
        unused=("torch/include", "torch/share", "torch/test"),
    ),
    Framework.MLIR: Importer(
        name="MLIR",
        steps=(Step(do="cut", tool="IREE {release}", activity="cutting {model}"),),
        writer="IREE {release}",
        reference="",
    ),
}
