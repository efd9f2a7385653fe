"""Finds out what the flags of a suite are for: the backend, the chip and the devices."""

import re
from collections.abc import Iterator, Sequence

from harness.core.cases import Backend
from harness.core.values import frozen
from harness.iree import flag_classes
from harness.iree.flag_classes import FlagClass, Word
from harness.specs import flag_fields

_DEVICE = "--iree-hal-target-device"
_BACKENDS = {"--iree-hal-target-backends", "--iree-hal-local-target-device-backends"}
_CHIP = {"--iree-rocm-target", "--iree-hip-target", "--iree-cuda-target", "--iree-vulkan-target"}
_KNOWN = {
    **dict.fromkeys(("local", "llvm-cpu", "vmvx"), Backend.CPU),
    **dict.fromkeys(("hip", "amdgpu", "rocm"), Backend.ROCM),
    "cuda": Backend.CUDA,
    **dict.fromkeys(("vulkan", "vulkan-spirv"), Backend.VULKAN),
}
_CHIP_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_TOOL_DEVICE = "--device"


@frozen
class CompilerFlags:
    """Flags of iree-compile.

    Attributes:
        backend: what they are for.
        chip: the same; None on the CPU, and where no flag says it.
        others: the flags without those that say the chip, which the harness adds by release.
    """

    backend: Backend
    chip: str | None
    others: tuple[str, ...]


def compiler_flags(flags: Sequence[str]) -> CompilerFlags:
    """Return what flags of iree-compile are for.

    Raises:
        ValueError: no flag says it, or they are for a backend that the harness does not have, or for several.
    """
    words = list(map(Word.read, flags))
    named = [value for word in words for value in _targets(word)]
    if not named:
        raise ValueError(f"no flag says what to compile for; expected {_DEVICE}=local, hip, cuda or vulkan")
    if unknown := [each for each in named if each not in _KNOWN]:
        known = ", ".join(Backend)
        raise ValueError(f"compiles for {unknown[0]}, for which the harness has no backend; it has {known}")
    if len(backends := {_KNOWN[each] for each in named}) > 1:
        raise ValueError(f"compiles for several backends ({', '.join(sorted(backends))}); expected one")
    chips = dict.fromkeys(word.value for word in words if word.name in _CHIP and word.value)
    if len(chips) > 1 or not all(map(_CHIP_NAME.fullmatch, chips)):
        raise ValueError(f"compiles for {' and '.join(map(repr, chips))}; expected one chip, such as gfx942 or sm_80")
    others = tuple(flag for flag, word in zip(flags, words, strict=True) if word.name not in _CHIP)
    return CompilerFlags(backend=backends.pop(), chip=next(iter(chips), None), others=others)


def _targets(word: Word) -> Iterator[str]:
    """Yield the devices or backends that a flag names; that of the devices of this machine may have several."""
    if word.name == _DEVICE:
        yield word.value or ""
    elif word.name in _BACKENDS:
        yield from (word.value or "").split(",")


def refusal(flag: str, *, trusted: bool) -> str | None:
    """Return why a suite must not have a flag of iree-compile, as the predicate of a sentence about the flag."""
    if Word.read(flag).name in _CHIP:
        return None
    if flag_classes.of(flag) in {FlagClass.FILE, FlagClass.FILES}:
        return "names a file, which flags of a suite cannot do here; write a spec for these cases"
    return flag_classes.refusal(flag, trusted=trusted)


def devices(flags: Sequence[str]) -> tuple[str, ...]:
    """Return the devices that flags of iree-run-module name; without one the tool takes local-task."""
    named = (word.value or "" for word in map(Word.read, flags) if word.name == _TOOL_DEVICE)
    return tuple(named) or ("local-task",)


def run_arguments(flags: Sequence[str]) -> tuple[str, ...]:
    """Return the flags of iree-run-module without those that name devices."""
    return tuple(flag for flag in flags if Word.read(flag).name != _TOOL_DEVICE)


def run_refusal(flag: str, *, trusted: bool) -> str | None:
    """Return why a suite must not have a flag of iree-run-module, as the predicate of a sentence about the flag."""
    if Word.read(flag).name != _TOOL_DEVICE:
        return flag_fields.refused_argument(flag, trusted=trusted)
    return None if re.fullmatch(r"--device=[a-z][A-Za-z0-9_:/.?=&-]*", flag) else "names no device, such as local-task"
