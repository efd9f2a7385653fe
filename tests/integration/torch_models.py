"""Small models of PyTorch of many kinds; the importer reads this file as it would a user's."""

# mypy: disable-error-code="misc"

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional


class Cnn(nn.Module):
    """Convolutions, normalisation, pooling and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, groups=2),
            nn.AdaptiveAvgPool2d(1),
        )
        self.head = nn.Linear(16, 5)

    def forward(self, image: Any) -> Any:
        return self.head(self.features(image).flatten(1))


class Recurrent(nn.Module):
    """An embedding, a recurrent layer and a head; the state is a nested result."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 8)
        self.layer = layer(8, 12, batch_first=True)
        self.head = nn.Linear(12, 20)

    def forward(self, ids: Any) -> Any:
        states, last = self.layer(self.embed(ids))
        return self.head(states), last


class Block(nn.Module):
    """A transformer layer between an embedding and a head, which share a weight; the result is a dict."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.embed = nn.Embedding(64, width)
        self.layer = nn.TransformerEncoderLayer(width, 4, 2 * width, batch_first=True, activation="gelu")
        self.head = nn.Linear(width, 64)
        self.head.weight = self.embed.weight

    def forward(self, ids: Any) -> Mapping[str, Any]:
        hidden = self.layer(self.embed(ids))
        return {"logits": self.head(hidden), "hidden": hidden}


class Unet(nn.Module):
    """A block as of a diffusion model: time embedding, group norm, attention, down and up."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.time = nn.Sequential(nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width))
        self.norm = nn.GroupNorm(4, width)
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.down = nn.Conv2d(width, width, 3, stride=2, padding=1)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.out = nn.Conv2d(2 * width, 4, 3, padding=1)

    def forward(self, x: Any, time: Any) -> Any:
        h = self.conv(functional.silu(self.norm(x))) + self.time(time)[:, :, None, None]
        d = self.down(h)
        tokens = d.flatten(2).transpose(1, 2)
        attended = self.attention(tokens, tokens, tokens, need_weights=False)[0]
        d = d + attended.transpose(1, 2).reshape(d.shape)
        return self.out(torch.cat([self.up(d), h], 1))


class Kinds(nn.Module):
    """Arguments and results of many types, some of them no tensors."""

    def forward(self, x: Any, scale: int, *, pair: Any, flag: Any = None, wide: Any) -> Any:
        real, turn = pair
        if flag is not None:
            return None
        return {"bf16": x * scale, "integers": (wide.sum(), [real > 0]), "complex": turn * turn}


def make() -> Mapping[str, Any]:
    """Return the models, as `torch.export.export` takes each."""
    batch = torch.export.Dim("batch")
    kinds = {"wide": torch.arange(6), "pair": (torch.randn(3), torch.randn(3, dtype=torch.complex64))}
    return {
        "cnn": (Cnn(), (torch.randn(2, 3, 16, 16),), {}, ({0: batch},)),
        "lstm": (Recurrent(nn.LSTM), (torch.randint(0, 20, (2, 6)),)),
        "gru": (Recurrent(nn.GRU), (torch.randint(0, 20, (2, 6)),)),
        "block": (Block(), [torch.randint(0, 64, (2, 10))]),
        "unet": (Unet().half(), (torch.randn(1, 16, 8, 8).half(), torch.randn(1, 16).half())),
        "kinds": (Kinds(), (torch.randn(2, 3).bfloat16(), 3), kinds),
    }


def cnn() -> Any:
    return make()["cnn"]


def gru() -> Any:
    return make()["gru"]


def block() -> Any:
    return make()["block"]


def unet() -> Any:
    return make()["unet"]
