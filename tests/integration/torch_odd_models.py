"""Models that cannot be imported; the importer reads this file as it would a user's."""

# mypy: disable-error-code="misc, untyped-decorator"

import os
import sys
from collections.abc import Callable
from typing import Any

import torch

X = (torch.ones(2, 3),)


class Net(torch.nn.Module):
    """Calls a function."""

    def forward(self, x: Any) -> Any:
        return self.function(x)


def net(function: Callable[[Any], Any]) -> Any:
    made = Net()
    made.function = function
    return made, X


def failing(_: Any) -> Any:
    print("error: of the model itself")  # noqa: T201 - a model may print
    raise RuntimeError("bad\nshape")


@torch.library.custom_op("acme::frob", mutates_args=())
def frob(x: torch.Tensor) -> torch.Tensor:
    return x * 2


@frob.register_fake
def _(x: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(x)


def leaves() -> None:
    sys.exit(0)


def dies() -> None:
    os._exit(0)


class Sum(torch.nn.Module):
    """Adds up two arguments, of which one is a number."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 2)

    def forward(self, x: Any, y: Any, *, times: int) -> Any:
        return self.layer(x) * times + y


def saves() -> None:
    """Write programs of torch.export, with dynamic dimensions: with example inputs, without, and garbage."""
    batch = torch.export.Dim("batch")
    shapes = {"x": {0: batch}, "y": {0: batch}, "times": None}
    program = torch.export.export(Sum(), (torch.ones(4, 3), torch.ones(4, 2)), {"times": 3}, dynamic_shapes=shapes)
    torch.export.save(program, "whole.pt2")
    program._example_inputs = None
    torch.export.save(program, "bare.pt2")
    with open("garbage.pt2", "wb") as file:  # noqa: PTH123
        file.write(b"garbage")


def nothing() -> None:
    """Return nothing."""


def raises() -> Any:
    return net(failing)


def numbers() -> Any:
    return net(lambda x: {"a": x, "n": 3})


def random() -> Any:
    return {"a": net(lambda x: x + 1), "b": net(lambda x: x + torch.rand(3))}


def branches() -> Any:
    return net(lambda x: x if x.sum() > 0 else -x)


def custom() -> Any:
    return net(frob)


def name() -> Any:
    return {"a b": net(lambda x: x)}
