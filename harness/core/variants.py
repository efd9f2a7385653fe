"""What a search varies in place of the IREE release; no I/O."""

from harness.core.values import frozen

_DIGITS = 12


@frozen
class Variant:
    """An image or a HIP runtime that a search tests beside others, with the same IREE release.

    Attributes:
        axis: what it is, `image` or `HIP runtime`.
        name: the name of the image, or the path of the HIP runtime.
        sha256: digest of the HIP runtime; None for an image.
        options: the words of a command line that choose it.
    """

    axis: str
    name: str
    sha256: str | None = None
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return its name, with the beginning of its digest."""
        return f"{self.name}@sha256:{self.sha256[:_DIGITS]}" if self.sha256 else self.name
