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
