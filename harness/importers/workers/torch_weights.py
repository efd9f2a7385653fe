"""Reads weights that are there already, and copies them into a model of PyTorch."""

from collections.abc import Mapping
from typing import Any

import safetensors.torch
import torch

from harness.importers.workers import exchange
from harness.importers.workers.exchange import RequestError

_MOST = 3


def read(path: str) -> Mapping[str, Any]:
    """Return the tensors of a `.safetensors` archive by name.

    Raises:
        RequestError: it is none.
    """
    try:
        tensors: Mapping[str, Any] = safetensors.torch.load_file(path)
    except Exception as error:
        raise RequestError(f"--weights is not a safetensors archive: {exchange.told(error)}") from error
    return tensors


def fill(state: Mapping[str, Any], weights: Mapping[str, Any]) -> None:
    """Copy weights into the parameters and buffers of the same names; of tied ones, one has to be there.

    Args:
        state: the state of a module, or of an exported program, by name.
        weights: the weights; further ones have no effect.

    Raises:
        RequestError: one is missing, or has another shape or type.
    """
    filled = set()
    for name, mine in state.items():
        if (given := weights.get(name)) is None:
            continue
        if _described(mine) != _described(given):
            raise RequestError(f"--weights has {name!r} as {_described(given)}, and the model as {_described(mine)}")
        with torch.no_grad():
            mine.copy_(given)
        filled.add(mine.data_ptr())
    missing = [name for name, each in state.items() if each.numel() and each.data_ptr() not in filled]
    if missing:
        more = f" and {len(missing) - _MOST} more" if len(missing) > _MOST else ""
        raise RequestError(f"--weights lacks {', '.join(missing[:_MOST])}{more}, which the model has")


def _described(tensor: Any) -> str:
    return f"{tensor.dtype}{list(tensor.shape)}".removeprefix("torch.")
