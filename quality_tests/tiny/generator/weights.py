"""Random weights that keep activations near one, as there are no trained ones of this size."""

import numpy as np

from generator.builder import Array, Shape


class Weights:
    """Named arrays drawn from one seeded generator, stored in the type the model uses."""

    def __init__(self, seed: int, dtype: str) -> None:
        """Start with no weights; `dtype` is a NumPy type name."""
        self.arrays: dict[str, Array] = {}
        self._random = np.random.Generator(np.random.PCG64(seed))
        self._dtype = np.dtype(dtype)

    def normal(self, shape: Shape, scale: float = 1.0, mean: float = 0.0) -> Array:
        """Draw an array of the weights' type, without a name; inputs are made this way too."""
        return (mean + scale * self._random.standard_normal(shape)).astype(self._dtype)

    def integers(self, low: int, high: int, shape: Shape) -> Array:
        """Draw i64 numbers from `low` up to, not including, `high`."""
        return self._random.integers(low, high, shape, dtype=np.int64)

    def linear(self, name: str, fan_in: int, fan_out: int) -> None:
        """Add the weight `in x out` and the bias of a linear layer."""
        self.arrays[f"{name}.weight"] = self.normal((fan_in, fan_out), fan_in**-0.5)
        self.arrays[f"{name}.bias"] = self.normal((fan_out,), 0.2)

    def norm(self, name: str, width: int) -> None:
        """Add the weight and the bias of a normalisation."""
        self.arrays[f"{name}.weight"] = self.normal((width,), 0.2, 1.0)
        self.arrays[f"{name}.bias"] = self.normal((width,), 0.2)

    def conv(self, name: str, fan_in: int, fan_out: int, kernel: int) -> None:
        """Add the weight `out x in x kernel x kernel` and the bias of a convolution."""
        scale = (fan_in * kernel * kernel) ** -0.5
        self.arrays[f"{name}.weight"] = self.normal((fan_out, fan_in, kernel, kernel), scale)
        self.arrays[f"{name}.bias"] = self.normal((fan_out,), 0.2)

    def table(self, name: str, rows: int, width: int) -> None:
        """Add an embedding table."""
        self.arrays[name] = self.normal((rows, width))

    def double(self) -> dict[str, Array]:
        """Return the stored numbers as float64, for the reference."""
        return {name: array.astype(np.float64) for name, array in self.arrays.items()}
