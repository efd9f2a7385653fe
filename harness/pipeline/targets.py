"""Chooses targets and GPUs by the settings and the GPUs of this machine."""

import difflib
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.core.cases import Backend, Case, ModelSpec, Target
from harness.core.errors import UsageError
from harness.core.settings import Settings, TargetSettings
from harness.host import emulators
from harness.host.devices import SKUS, Gpu, Vendor
from harness.iree import flags

# By backend: a pattern for the names of chips, and examples.
_CHIPS = {
    Backend.ROCM: (re.compile(r"gfx[0-9a-f]{3,5}|(?!gfx)[a-z]+[0-9]+[a-z]*"), "gfx942 or mi300x"),
    Backend.CUDA: (re.compile(r"sm_[0-9]{2,3}[af]?"), "sm_80"),
    Backend.VULKAN: (re.compile(r"[a-z][a-z0-9_-]*"), "llvmpipe or rdna3"),
}
VENDORS = {Backend.ROCM: Vendor.AMD, Backend.CUDA: Vendor.NVIDIA}
_SOFTWARE = "llvmpipe"  # the device of Vulkan that any machine can have


def cases(specs: Iterable[ModelSpec], targets: tuple[Target, ...]) -> list[Case]:
    """Return a case for each spec and each target that it is for."""
    return [Case(spec=spec, target=target) for spec in specs for target in targets if _is_for(spec, target)]


def _is_for(spec: ModelSpec, target: Target) -> bool:
    """Whether a spec is for the backend of a target, and for its chip if both say one."""
    chips = {spec.chip, target.chip} - {None}
    return target.backend is spec.backend and (not spec.chip or len(chips) == 1)


def selected_gpus(settings: TargetSettings, gpus: Sequence[Gpu]) -> tuple[Gpu, ...]:
    """Return the GPUs that may be used: those of `--gpu` in its order, else those that the environment shows.

    Raises:
        UsageError: the machine has no GPU of this number.
    """
    by_index = {gpu.index: gpu for gpu in gpus}
    if not settings.gpus or _backend(settings) is Backend.VULKAN:
        return tuple(gpu for vendor in Vendor for gpu in _lent(gpus, vendor, settings.visible.get(vendor, "")))
    if wrong := [index for index in settings.gpus if index not in by_index]:
        raise UsageError(_no_gpu(wrong, gpus))
    return tuple(by_index[index] for index in dict.fromkeys(settings.gpus))


def selected_vulkan(settings: TargetSettings, listed: Sequence[Gpu]) -> tuple[Gpu, ...]:
    """Return the devices of Vulkan that may be used, of those that an environment has: those of `--gpu`, else all.

    Raises:
        UsageError: the environment has no device of this number.
    """
    by_index = {gpu.index: gpu for gpu in listed}
    if wrong := [index for index in settings.gpus if index not in by_index]:
        raise UsageError(_no_gpu(wrong, listed))
    return tuple(by_index[index] for index in dict.fromkeys(settings.gpus)) or tuple(listed)


def _no_gpu(wrong: Sequence[int], known: Sequence[Gpu]) -> str:
    expected = f"expected one of {', '.join(map(str, known))}"
    none = "no GPU is visible on this machine (see harness doctor)"
    return f"--gpu {','.join(map(str, wrong))}: no such GPU; {expected if known else none}."


def _lent(gpus: Sequence[Gpu], vendor: Vendor, names: str) -> tuple[Gpu, ...]:
    """Return the GPUs of a vendor that an environment variable leaves visible, by index or UUID; all if it is empty.

    As in the vendors' own runtimes, names after an unknown one are ignored.
    """
    own = [gpu for gpu in gpus if gpu.vendor is vendor]
    known = {str(index): gpu for index, gpu in enumerate(own)} | {gpu.uuid: gpu for gpu in own if gpu.uuid}
    wanted = [name.strip() for name in names.split(",")] if names.strip() else map(str, range(len(own)))
    return tuple(known[name] for name in itertools.takewhile(known.__contains__, wanted))


def targets(settings: TargetSettings, gpus: Sequence[Gpu]) -> tuple[Target, ...]:
    """Return the targets to compile for and to run on.

    Args:
        settings: the target settings.
        gpus: those that may be used. Their chips are the default, and so is the SKU that all GPUs of a chip share.

    Raises:
        UsageError: a chip for the backend `cpu`, or an unknown chip or SKU.
    """
    named = [*settings.chips, *settings.compile_chips]
    backend = _backend(settings)
    if settings.sku and settings.sku not in SKUS:
        raise UsageError(f"--sku {settings.sku}: no such SKU; expected one of {', '.join(SKUS)}.")
    if backend is Backend.CPU:
        if named:
            raise UsageError("--chip and --compile-chip are for --backend rocm, cuda or vulkan, not for the CPU.")
        if settings.gpus:
            raise UsageError("--gpu is for --backend rocm, cuda or vulkan, not for the CPU.")
        return (Target(backend=backend, sku=settings.sku, compile_only=settings.compile_only),)
    run_chips = settings.chips or (() if settings.compile_chips else _default_chips(settings, backend, gpus))
    wanted = dict.fromkeys(run_chips, settings.compile_only)
    wanted |= {chip: True for chip in settings.compile_chips if chip not in wanted}
    _check_chips(wanted, backend)
    return tuple(
        Target(backend=backend, chip=chip, sku=settings.sku or _sku(chip, gpus), compile_only=compile_only)
        for chip, compile_only in wanted.items()
    )


def _backend(settings: TargetSettings) -> Backend:
    """Return the backend of the settings, else that of the chips: CUDA if one looks like it, to refuse the others.

    A chip of which only Vulkan knows is one of Vulkan; AMD's chips, which it shares with ROCm, are ROCm's.
    """
    chips = (*settings.chips, *settings.compile_chips)
    if settings.backend or not chips:
        return settings.backend or Backend.CPU
    if any(chip.startswith("sm_") for chip in chips):
        return Backend.CUDA
    has_own = any(chip in flags.chips(Backend.VULKAN) and chip not in flags.chips(Backend.ROCM) for chip in chips)
    return Backend.VULKAN if has_own else Backend.ROCM


def _default_chips(settings: TargetSettings, backend: Backend, gpus: Sequence[Gpu]) -> tuple[str | None, ...]:
    """Return the chips of this machine; None stands for an unknown one. Without a GPU, Vulkan has a software driver."""
    if backend is Backend.ROCM and settings.default_chip:
        return (settings.default_chip,)
    if backend is Backend.VULKAN:
        fitting = dict.fromkeys(chip for gpu in gpus if (chip := _vulkan_chip(gpu)))
        return tuple(fitting) or (_SOFTWARE,)
    return tuple(dict.fromkeys(gpu.chip for gpu in gpus if gpu.vendor is VENDORS[backend] and gpu.chip)) or (None,)


def _vulkan_chip(gpu: Gpu) -> str | None:
    """Return what to compile for to run on a GPU with Vulkan; None if no release knows. AMD's gfx9 have no driver."""
    known = gpu.chip and (gpu.chip in flags.chips(Backend.VULKAN) or flags.older(Backend.VULKAN, gpu.chip))
    return gpu.chip if known and not str(gpu.chip).startswith("gfx9") else None


def _check_chips(chips: Iterable[str | None], backend: Backend) -> None:
    pattern, examples = _CHIPS[backend]
    if wrong := [chip for chip in chips if chip is not None and not pattern.fullmatch(chip)]:
        raise UsageError(f"{', '.join(map(repr, wrong))}: not the name of a chip; expected e.g. {examples}.")


def emulated(target: TargetSettings, settings: Settings) -> TargetSettings:
    """Return what to run on: with an emulator, by default the chips that it has a configuration for.

    What an image has is not known before it runs, so in a container these are the usual ones.

    Raises:
        UsageError: the backend is another one.
        DeviceError: there is no such emulator.
    """
    run = settings.run
    if not run.emulator:
        return target
    if target.backend not in {None, Backend.ROCM}:
        raise UsageError(f"--emulator is for --backend rocm, not for {target.backend}; remove one of them.")
    here = emulators.found(run.emulator, run.emulator_root) if settings.emulates_here else None
    known = tuple(filter(flags.is_known_chip, here.chips if here else emulators.USUAL))
    return replace(target, backend=Backend.ROCM, chips=target.chips or (() if target.compile_chips else known))


def check_known(settings: TargetSettings, backend: Backend) -> None:
    """Check the chips that the settings name against those that locked releases compile for.

    Raises:
        UsageError: none of them compiles for a chip; the message has similar ones.
    """
    named = (*settings.chips, *settings.compile_chips, *filter(None, [settings.default_chip]))
    if backend is not Backend.ROCM:  # its variable
        named = (*settings.chips, *settings.compile_chips)
    known = flags.chips(backend)
    for chip in named:
        if chip not in known and not (chip in settings.chips and flags.older(backend, chip)):
            near = difflib.get_close_matches(chip, known, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"expected one of {', '.join(known)}."
            raise UsageError(f"{chip}: no IREE release compiles for this chip; {hint}")


def _sku(chip: str | None, gpus: Sequence[Gpu]) -> str | None:
    """Return the SKU of the GPUs with a chip, if all of them have the same."""
    skus = {gpu.sku for gpu in gpus if chip and gpu.chip == chip}
    return skus.pop() if len(skus) == 1 else None
