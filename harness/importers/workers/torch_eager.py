"""Runs a function of PyTorch eagerly: in its own precision, and in float64 where it can."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils import _pytree as trees

from harness.importers.workers import exchange, torch_source, user_code
from harness.importers.workers.exchange import ModelError
from harness.importers.workers.torch_source import Source

_WIDE = {
    torch.float16: torch.float64,
    torch.bfloat16: torch.float64,
    torch.float32: torch.float64,
    torch.complex32: torch.complex128,
    torch.complex64: torch.complex128,
}


@dataclass(frozen=True, kw_only=True)
class Output:
    """An output.

    Attributes:
        tensor: what is expected.
        error: the largest difference between the model's own precision and float64; None if that is not known, or if
            the output has no floats.
        largest: the largest absolute value, likewise.
    """

    tensor: Any
    error: float | None = None
    largest: float | None = None


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a function returns.

    Attributes:
        outputs: its outputs, in the order of the pytree that it returns.
        obstacle: why float64 was not used; empty if it was.
    """

    outputs: Sequence[Output]
    obstacle: str


def be_plain() -> None:
    """Compute as plainly as PyTorch can, whatever the machine: one thread, no fused kernels, no choice by speed."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    torch.backends.mkldnn.enabled = False
    torch.backends.mha.set_fastpath_enabled(False)


def run(source: Source, path: Path, seed: int) -> Run:
    """Run a function.

    Raises:
        ModelError: it raises, or returns something else than tensors, or other numbers each time.
    """
    own = user_code.called(path, _called, source.module, source, seed)
    again = user_code.called(path, _called, source.module, source, seed + 1)
    for index, each in enumerate(own):
        if not isinstance(each, torch.Tensor):
            raise ModelError(
                f"returns a {type(each).__name__} as output {index}; expected tensors, in tuples, lists or dicts"
            )
    if not all(map(_is_same, own, again)):
        raise ModelError("returns other numbers each time: it draws random numbers when it is called")
    if not any(each.dtype in _WIDE for each in own):
        return Run(outputs=[Output(tensor=each) for each in own], obstacle="")
    try:
        wide = _called(copy.deepcopy(source.module)._apply(_widened), source, seed, _widened)  # noqa: SLF001 - `double` is of it
        return Run(outputs=_compared(own, wide), obstacle="")
    except Exception as error:  # noqa: BLE001 - whatever the model raises when it gets float64
        obstacle = exchange.told(error).splitlines()[0]
        return Run(outputs=[Output(tensor=each) for each in own], obstacle=obstacle)


def _called(module: Any, source: Source, seed: int, change: Callable[[Any], Any] = lambda each: each) -> Sequence[Any]:
    """Return the outputs of a call with copies of the arguments, which the module may change."""
    args, kwargs = trees.tree_map_only(
        torch.Tensor, lambda each: change(each.detach().clone()), (source.args, dict(source.kwargs))
    )
    torch_source.seed(seed)
    with torch.no_grad():
        outputs, _ = trees.tree_flatten(module(*args, **kwargs))
    return [each.detach().resolve_conj().resolve_neg() if isinstance(each, torch.Tensor) else each for each in outputs]


def _widened(tensor: Any) -> Any:
    return tensor.to(_WIDE.get(tensor.dtype, tensor.dtype))


def _is_same(one: Any, other: Any) -> bool:
    return bool(one.dtype == other.dtype and one.shape == other.shape and torch.equal(_bits(one), _bits(other)))


def _bits(tensor: Any) -> Any:
    """Return the bytes of a tensor, so that a NaN equals itself."""
    return tensor.contiguous().reshape(-1).view(torch.uint8)


def _compared(own: Sequence[Any], wide: Sequence[Any]) -> Sequence[Output]:
    """Return the outputs in float64, rounded to their types; integers are those of the model's own precision.

    Raises:
        ValueError: float64 was not used throughout, or has other values that are not finite.
    """
    outputs = []
    for index, (each, exact) in enumerate(zip(own, wide, strict=True)):
        if each.dtype not in _WIDE:
            outputs.append(Output(tensor=each))
            continue
        if (exact.dtype, exact.shape) != (_WIDE[each.dtype], each.shape):
            raise ValueError(f"output {index} is {exact.dtype} there, so the model chooses its types by itself")
        rounded, finite = exact.to(each.dtype), torch.isfinite(each)
        if not torch.equal(finite, torch.isfinite(rounded)):
            raise ValueError(f"output {index} is finite there where it is not in {each.dtype}, or the reverse")
        error = (exact[finite] - each[finite].to(exact.dtype)).abs()
        outputs.append(Output(tensor=rounded, error=_largest(error), largest=_largest(exact[finite].abs())))
    return outputs


def _largest(tensor: Any) -> float:
    return float(tensor.max()) if tensor.numel() else 0.0
