"""Finds shared libraries that a machine has under their versioned names only."""

from collections.abc import Sequence
from pathlib import Path

# Where drivers put their libraries: distributions, NVIDIA's container runtime, and Windows Subsystem for Linux.
FOLDERS = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/nvidia/lib64",
    "/usr/lib/wsl/lib",
)


def without_link(name: str, folders: Sequence[str]) -> Path | None:
    """Return the path of `NAME.1` where no `NAME` is beside it, or in another folder; None if nothing is missing.

    IREE opens `libcuda.so`, but only packages for developers have a link of that name.
    """
    if any((Path(folder) / name).exists() for folder in folders):
        return None
    versioned = (Path(folder) / f"{name}.1" for folder in folders)
    return next((path for path in versioned if path.exists()), None)
