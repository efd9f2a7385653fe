"""Which targets a command line asks for, given the GPUs of this machine (pure)."""

import argparse
import itertools
import re
from collections.abc import Iterable, Sequence

from harness.core.cases import Backend, Target
from harness.core.errors import UsageError
from harness.host.devices import SKUS, Gpu, Vendor

# By backend: what a chip's name looks like, and examples of it.
_CHIPS = {
    Backend.ROCM: (re.compile(r"gfx[0-9a-f]{3,5}|(?!gfx)[a-z]+[0-9]+[a-z]*"), "gfx942 or mi300x"),
    Backend.CUDA: (re.compile(r"sm_[0-9]{2,3}[af]?"), "sm_80"),
}


def selected_gpus(arguments: argparse.Namespace, gpus: Sequence[Gpu]) -> tuple[Gpu, ...]:
    """Return the GPUs of this machine that may be used: those of `--gpu` in its order, else those lent to us.

    Raises:
        UsageError: the machine has no GPU of such a number.
    """
    by_index = {gpu.index: gpu for gpu in gpus}
    if not arguments.gpu:
        return tuple(gpu for vendor, names in arguments.visible.items() for gpu in _lent(gpus, vendor, names))
    if wrong := [index for index in arguments.gpu if index not in by_index]:
        known = (
            f"expected of {', '.join(map(str, gpus))}" if gpus else "none of this machine can be seen (harness doctor)"
        )
        raise UsageError(f"--gpu {','.join(map(str, wrong))}: no such GPU; {known}.")
    return tuple(by_index[index] for index in dict.fromkeys(arguments.gpu))


def _lent(gpus: Sequence[Gpu], vendor: Vendor, names: str) -> tuple[Gpu, ...]:
    """Return the GPUs of a vendor that a variable of the environment leaves, by place or UUID; all if it is empty.

    As for the vendors' own runtimes, what comes after a name that there is not does not count.
    """
    own = [gpu for gpu in gpus if gpu.vendor is vendor]
    known = {str(place): gpu for place, gpu in enumerate(own)} | {gpu.uuid: gpu for gpu in own if gpu.uuid}
    wanted = [name.strip() for name in names.split(",")] if names.strip() else map(str, range(len(own)))
    return tuple(known[name] for name in itertools.takewhile(known.__contains__, wanted))


def targets(arguments: argparse.Namespace, gpus: Sequence[Gpu]) -> tuple[Target, ...]:
    """Return what the command line asks to compile for and to run on.

    Args:
        arguments: of a command that takes cases.
        gpus: those that may be used; their chips are the default, and so is the SKU that all of a chip have.

    Raises:
        UsageError: chips without a GPU's backend, or a backend, a chip or a SKU that nobody knows.
    """
    named = [*arguments.chip, *arguments.compile_chip]
    backend = _backend(arguments.backend or _backend_of(named))
    if arguments.sku and arguments.sku not in SKUS:
        raise UsageError(f"--sku {arguments.sku}: no such SKU; expected one of {', '.join(SKUS)}.")
    if backend is Backend.CPU:
        if named:
            raise UsageError("--chip and --compile-chip are for --backend rocm or cuda; a CPU has no chip to choose.")
        return (Target(backend=backend, sku=arguments.sku, compile_only=arguments.compile_only),)
    run_chips = arguments.chip or (() if arguments.compile_chip else _default_chips(arguments, backend, gpus))
    wanted = dict.fromkeys(run_chips, arguments.compile_only)
    wanted |= {chip: True for chip in arguments.compile_chip if chip not in wanted}
    _check_chips(wanted, backend)
    return tuple(
        Target(backend=backend, chip=chip, sku=arguments.sku or _sku(chip, gpus), compile_only=compile_only)
        for chip, compile_only in wanted.items()
    )


def _backend(name: str) -> Backend:
    if name not in list(Backend):  # argparse checks the choices of an option, not of its default
        raise UsageError(f"BACKEND={name}: no such backend; expected one of {', '.join(Backend)}.")
    return Backend(name)


def _backend_of(chips: Sequence[str]) -> Backend:
    """Return the backend that the named chips are for: CUDA if one looks like it, so that others are refused."""
    is_cuda = any(chip.startswith("sm_") for chip in chips)
    return Backend.CUDA if is_cuda else Backend.ROCM if chips else Backend.CPU


def _default_chips(arguments: argparse.Namespace, backend: Backend, gpus: Sequence[Gpu]) -> tuple[str | None, ...]:
    """Return the chips that are here. NVIDIA's driver tells none, so that one must be named."""
    if backend is Backend.CUDA:
        return (None,)
    if arguments.environment_chip:
        return (arguments.environment_chip,)
    return tuple(dict.fromkeys(gpu.chip for gpu in gpus if gpu.vendor is Vendor.AMD and gpu.chip)) or (None,)


def _check_chips(chips: Iterable[str | None], backend: Backend) -> None:
    pattern, examples = _CHIPS[backend]
    if wrong := [chip for chip in chips if chip is not None and not pattern.fullmatch(chip)]:
        raise UsageError(f"{', '.join(map(repr, wrong))}: no name of a chip; expected one such as {examples}.")


def _sku(chip: str | None, gpus: Sequence[Gpu]) -> str | None:
    """Return the SKU of the GPUs that have a chip if they all are of one."""
    skus = {gpu.sku for gpu in gpus if chip and gpu.chip == chip}
    return skus.pop() if len(skus) == 1 else None
