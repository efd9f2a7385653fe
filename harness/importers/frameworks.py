"""What a model may come from, and what the harness calls each framework (no I/O)."""

from dataclasses import dataclass
from enum import StrEnum


class Framework(StrEnum):
    """A framework; the value names its lock and, with a prefix, its option."""

    ONNX = "onnx"


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Importer:
    """How models of a framework are imported.

    Attributes:
        name: of the framework.
        steps: what its worker does, in order; each step answers some of the fields of a `Reply`.
        writer: what writes the program, likewise with `{release}`.
        reference: what computes the expected outputs, with its version from the versions of packages.
    """

    name: str
    steps: tuple[Step, ...]
    writer: str
    reference: str


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
}
