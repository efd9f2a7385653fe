"""The steps of a plan: fetch, compile, run and compare, as frozen values. Equal steps are done once."""

from dataclasses import dataclass

import msgspec

from harness.core.blobs import Blob
from harness.core.cases import Case, Release
from harness.core.outcomes import Verdict
from harness.core.tensors import TensorType, Thresholds

# The archive of weights, in the folder of a compilation (stand-ins made there) and of a run.
WEIGHTS = "weights.irpa"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A blob under the plain name by which a tool finds it in the folder where it runs."""

    name: str
    blob: Blob


class Fetch(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Step: have a blob on disk, verified."""

    blob: Blob


class Compile(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Step: one MLIR program to one module by a release. Steps of equal fields are one step, done once."""

    release: str
    argv: tuple[str, ...]
    links: tuple[Link, ...]
    module: str
    products: tuple[str, ...]


class Run(msgspec.Struct, frozen=True, kw_only=True, tag=True):
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


class Compare(msgspec.Struct, frozen=True, kw_only=True, tag=True):
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
