"""Provenance: what a program was imported from, and what made expected outputs."""

from collections.abc import Mapping
from dataclasses import field

from harness.core.blobs import Blob
from harness.core.values import frozen


@frozen
class RecordedOutput:
    """An expected output when it was recorded.

    Attributes:
        sha256: digest of its file.
        max_abs_error: largest absolute difference from the expected output before; None if there was none, or if no
            number could be compared.
        error_ratio: largest quotient of such a difference and its threshold, likewise.
    """

    sha256: str
    max_abs_error: float | None = None
    error_ratio: float | None = None


@frozen
class Provenance:
    """What made the expected outputs of a spec, so that they can be made again.

    Attributes:
        reference: what was asked for: `cpu`, a release, or a device.
        release: the IREE release that compiled and ran.
        compiler_commit: the commit of the compiler, as far as it is known.
        runtime_commit: the commit of the runtime, likewise.
        backend: what the program was compiled for.
        chip: the chip of that, such as `gfx942`; None on the CPU.
        devices: the devices of iree-run-module.
        cpu: the CPU of the machine.
        gpus: the GPUs of the machine.
        image: the tag of the container image; None for none.
        date: when it ran, in UTC.
        outputs: the outputs, in order; None for one that is ignored.
    """

    reference: str
    release: str
    compiler_commit: str | None = None
    runtime_commit: str | None = None
    backend: str
    chip: str | None = None
    devices: tuple[str, ...]
    cpu: str | None = None
    gpus: tuple[str, ...] = ()
    image: str | None = None
    date: str
    outputs: tuple[RecordedOutput | None, ...]

    def __str__(self) -> str:
        """Return it in one line, without what can be looked up."""
        where = f"{self.backend}-{self.chip}" if self.chip else self.backend
        return f"recorded {self.date} with IREE {self.release} for {where} on {', '.join(self.devices)}"


@frozen
class ProgramSource:
    """What the program and the first inputs and expected outputs of a spec were made from.

    Attributes:
        framework: such as `onnx`.
        files: digests of the model and of its external data, by name; the model comes first.
        folder: the folder of the model, relative to that of the spec; empty for the same.
        importer: what wrote the program, such as `IREE 3.13.0`.
        reference: what computed the outputs, such as `ONNX Runtime 1.32.0`.
        versions: of the packages that took part, by name.
        seed: of the inputs; None if they were given.
        dimensions: sizes of dynamic dimensions, by name.
        command: the command.
        date: when it ran, in UTC.
    """

    framework: str
    files: Mapping[str, str]
    folder: str = ""
    importer: str
    reference: str
    versions: Mapping[str, str]
    seed: int | None = None
    dimensions: Mapping[str, int] = field(default_factory=dict)
    command: str
    date: str

    def __str__(self) -> str:
        """Return it in one line, without what can be looked up."""
        return (
            f"imported {self.date} from {next(iter(self.files))} by {self.importer}, with outputs of {self.reference}"
        )


@frozen
class ImportedProgram:
    """How the program of a case was made from that of its spec, in this run or an earlier one.

    Attributes:
        importer: what wrote the program, such as `IREE 3.13.0`.
        sources: the model and its external data.
        reference: what computed the expected outputs, such as `ONNX Runtime 1.32.0`; empty if nothing did.
        seconds: how long it took; 0 if all of it was in the cache.
    """

    importer: str
    sources: tuple[Blob, ...]
    reference: str = ""
    seconds: float = 0.0
