"""Makes an archive with a random value for each parameter of programs, as IREE's suite torch_models does.

One generator draws all parameters, in the order of the programs (iree-org/iree-test-suites@612f936: pytest_iree). NumPy
may change what its `normal` draws from a seed, so the numbers are the same for one version of NumPy only.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.errors import DiskError, IntegrityError, ToolError
from harness.core.tensors import TensorType
from harness.core.text import size
from harness.core.values import frozen
from harness.host.beneath import Folder
from harness.host.cancel import Cancelled, CancelToken
from harness.host.disk import free_bytes
from harness.pipeline import archive, parameters
from harness.pipeline.contents import numpy_type
from harness.pipeline.parameters import Parameter
from harness.pipeline.steps import WEIGHTS
from harness.pipeline.tools import ToolRun, Tools

KIND = "weights"
_VERSION = 1  # of all that decides what is written
_FLOATS = frozenset({"f64", "f32", "f16", "bf16", "f8E4M3FN", "f8E4M3FNUZ"})
_INTEGERS = frozenset(f"{sign}{bits}" for sign in ("i", "si", "ui") for bits in (8, 16, 32, 64))
_SCALE = 0.01
_CHUNK = 1 << 18  # numbers drawn at a time
_PRINTED = "parameters.mlir"
_LOG = "parameters.log"


@frozen
class Maker:
    """Makes archives.

    Attributes:
        iree_opt: the program that prints programs.
        tools: runs it.
        timeout_s: limit for each program.
        cancel: an order to stop.
    """

    iree_opt: Path
    tools: Tools
    timeout_s: float
    cancel: CancelToken

    def make(self, programs: Sequence[tuple[str, Path]], seed: int, folder: Path) -> Mapping[str, str]:
        """Write the archive for programs, each with its name for the user, and return its SHA-256 by its name.

        Raises:
            ToolError: iree-opt cannot be started, or does not read a program.
            IntegrityError: the programs have no parameters, or some of a type that cannot be drawn.
            DiskError: there is no space for the archive.
            Cancelled: `cancel` was set.
        """
        found = {each.key: each for shown, path in programs for each in self._parameters(shown, path, folder)}
        if not found:
            raise IntegrityError("No program has parameters; remove 'random' from the weights of the spec.")
        return {WEIGHTS: self._write(list(found.values()), seed, folder)}

    def _parameters(self, shown: str, program: Path, folder: Path) -> list[Parameter]:
        name = "program.mlir"
        asked = ToolRun(
            argv=(str(self.iree_opt), name, *parameters.FLAGS, "-o", _PRINTED),
            reads={name: program},
            writes=(_PRINTED,),
            folder=folder,
            log_path=folder / _LOG,
            timeout_s=self.timeout_s,
        )
        ended = self.tools.run(asked, self.cancel).process
        if ended.exit_code != 0 or ended.timed_out:
            raise ToolError(f"{shown}: iree-opt does not print this program, as random weights need; name an archive.")
        files = Folder(folder)
        with files.reader(folder / _PRINTED) as file:
            found = parameters.read(file)
        for done in (_PRINTED, _LOG):
            files.remove(folder / done)
        return found

    def _write(self, found: Sequence[Parameter], seed: int, folder: Path) -> str:
        for each in found:
            if fault := _fault(each.type):
                raise IntegrityError(f"The parameter {each.key} cannot be random: {fault}.")
        sizes = {each.key: each.type.size_bytes for each in found}
        head, total, free = archive.head(sizes), sum(sizes.values()), free_bytes(folder)
        if total > free:
            raise DiskError(f"Random weights of {size(total)} do not fit on the disk, which has {size(free)} left.")
        digest = hashlib.sha256()
        with Folder(folder).new(folder / WEIGHTS) as file:
            for chunk in _content(head, found, seed):
                if self.cancel.is_set():
                    raise Cancelled
                digest.update(chunk)
                file.write(chunk)
        return digest.hexdigest()


def key(programs: Sequence[str], seed: int) -> str:
    """Return the key of an archive in the store, for programs by their digests."""
    parts = {"programs": [*programs], "seed": seed, "version": _VERSION, "numpy": np.__version__}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _content(head: bytes, found: Sequence[Parameter], seed: int) -> Iterator[bytes]:
    yield head
    written, generator = 0, np.random.default_rng(seed)
    for each in found:
        yield from drawn(generator, each.type)
        written = archive.aligned(written + each.type.size_bytes, archive.ALIGNMENT)
        yield bytes(-each.type.size_bytes % archive.ALIGNMENT)
    yield bytes(-written % archive.FILE_ALIGNMENT)


def drawn(generator: np.random.Generator, type_: TensorType) -> Iterator[bytes]:
    """Yield the raw content of the next parameter, piece by piece."""
    dtype, count = numpy_type(type_.element), math.prod(type_.shape)
    if type_.element in _FLOATS:
        for start in range(0, count, _CHUNK):
            numbers = generator.normal(loc=0, scale=_SCALE, size=min(_CHUNK, count - start))
            yield numbers.astype(dtype).tobytes()
    else:
        # In one piece: numbers of less than 32 bits come from words that a second call would not go on with.
        limits: Any = np.iinfo(dtype)
        yield generator.integers(limits.min, limits.max, size=count, dtype=dtype.type).tobytes()


def _fault(type_: TensorType) -> str | None:
    if type_.element not in _FLOATS | _INTEGERS:
        return f"its type is {type_}; expected elements of {', '.join(sorted(_FLOATS | _INTEGERS))}"
    if type_.element in _INTEGERS and type_.size_bytes > 1 << 32:
        return f"it has {size(type_.size_bytes)}; expected at most 4 GB of integers"
    return None
