"""Which targets the settings ask for, given the GPUs of this machine."""

import itertools
import re
from collections.abc import Iterable, Sequence

from harness.core.cases import Backend, Target
from harness.core.errors import UsageError
from harness.core.settings import TargetSettings
from harness.host.devices import SKUS, Gpu, Vendor

# By backend: what a chip's name looks like, and examples of it.
_CHIPS = {
    Backend.ROCM: (re.compile(r"gfx[0-9a-f]{3,5}|(?!gfx)[a-z]+[0-9]+[a-z]*"), "gfx942 or mi300x"),
    Backend.CUDA: (re.compile(r"sm_[0-9]{2,3}[af]?"), "sm_80"),
}


def selected_gpus(settings: TargetSettings, gpus: Sequence[Gpu]) -> tuple[Gpu, ...]:
    """Return the GPUs of this machine that may be used: those of `--gpu` in its order, else those lent to us.

    Raises:
        UsageError: the machine has no GPU of such a number.
    """
    by_index = {gpu.index: gpu for gpu in gpus}
    if not settings.gpus:
        return tuple(gpu for vendor in Vendor for gpu in _lent(gpus, vendor, settings.visible.get(vendor, "")))
    if wrong := [index for index in settings.gpus if index not in by_index]:
        known = (
            f"expected of {', '.join(map(str, gpus))}" if gpus else "none of this machine can be seen (harness doctor)"
        )
        raise UsageError(f"--gpu {','.join(map(str, wrong))}: no such GPU; {known}.")
    return tuple(by_index[index] for index in dict.fromkeys(settings.gpus))


def _lent(gpus: Sequence[Gpu], vendor: Vendor, names: str) -> tuple[Gpu, ...]:
    """Return the GPUs of a vendor that a variable of the environment leaves, by place or UUID; all if it is empty.

    As for the vendors' own runtimes, what comes after a name that there is not does not count.
    """
    own = [gpu for gpu in gpus if gpu.vendor is vendor]
    known = {str(place): gpu for place, gpu in enumerate(own)} | {gpu.uuid: gpu for gpu in own if gpu.uuid}
    wanted = [name.strip() for name in names.split(",")] if names.strip() else map(str, range(len(own)))
    return tuple(known[name] for name in itertools.takewhile(known.__contains__, wanted))


def targets(settings: TargetSettings, gpus: Sequence[Gpu]) -> tuple[Target, ...]:
    """Return what the command line asks to compile for and to run on.

    Args:
        settings: what is asked for.
        gpus: those that may be used; their chips are the default, and so is the SKU that all of a chip have.

    Raises:
        UsageError: chips without a GPU's backend, or a backend, a chip or a SKU that nobody knows.
    """
    named = [*settings.chips, *settings.compile_chips]
    backend = settings.backend or _backend_of(named)
    if settings.sku and settings.sku not in SKUS:
        raise UsageError(f"--sku {settings.sku}: no such SKU; expected one of {', '.join(SKUS)}.")
    if backend is Backend.CPU:
        if named:
            raise UsageError("--chip and --compile-chip are for --backend rocm or cuda; a CPU has no chip to choose.")
        return (Target(backend=backend, sku=settings.sku, compile_only=settings.compile_only),)
    run_chips = settings.chips or (() if settings.compile_chips else _default_chips(settings, backend, gpus))
    wanted = dict.fromkeys(run_chips, settings.compile_only)
    wanted |= {chip: True for chip in settings.compile_chips if chip not in wanted}
    _check_chips(wanted, backend)
    return tuple(
        Target(backend=backend, chip=chip, sku=settings.sku or _sku(chip, gpus), compile_only=compile_only)
        for chip, compile_only in wanted.items()
    )


def _backend_of(chips: Sequence[str]) -> Backend:
    """Return the backend that the named chips are for: CUDA if one looks like it, so that others are refused."""
    is_cuda = any(chip.startswith("sm_") for chip in chips)
    return Backend.CUDA if is_cuda else Backend.ROCM if chips else Backend.CPU


def _default_chips(settings: TargetSettings, backend: Backend, gpus: Sequence[Gpu]) -> tuple[str | None, ...]:
    """Return the chips that are here. NVIDIA's driver tells none, so that one must be named."""
    if backend is Backend.CUDA:
        return (None,)
    if settings.default_chip:
        return (settings.default_chip,)
    return tuple(dict.fromkeys(gpu.chip for gpu in gpus if gpu.vendor is Vendor.AMD and gpu.chip)) or (None,)


def _check_chips(chips: Iterable[str | None], backend: Backend) -> None:
    pattern, examples = _CHIPS[backend]
    if wrong := [chip for chip in chips if chip is not None and not pattern.fullmatch(chip)]:
        raise UsageError(f"{', '.join(map(repr, wrong))}: no name of a chip; expected one such as {examples}.")


def _sku(chip: str | None, gpus: Sequence[Gpu]) -> str | None:
    """Return the SKU of the GPUs that have a chip if they all are of one."""
    skus = {gpu.sku for gpu in gpus if chip and gpu.chip == chip}
    return skus.pop() if len(skus) == 1 else None
