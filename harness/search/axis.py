"""What the columns of a matrix differ in: IREE releases, images, or HIP runtimes."""

import enum
from dataclasses import replace
from pathlib import Path

from harness.core.errors import UsageError
from harness.core.settings import SearchSettings, Settings


class Axis(enum.StrEnum):
    """What is varied while all else stays the same."""

    RELEASE = "release"
    IMAGE = "image"
    HIP = "HIP runtime"

    def settings(self, settings: Settings, name: str) -> Settings:
        """Return the settings for a column.

        Args:
            settings: those that all columns share.
            name: its release, its image, or the path of its HIP runtime.
        """
        match self:
            case Axis.RELEASE:
                return replace(settings, release=replace(settings.release, name=name))
            case Axis.IMAGE:
                return replace(settings, container=replace(settings.container, image=name))
            case Axis.HIP:
                library = f"IREE_HIP_DYLIB_PATH=file:{Path(name).absolute()}"
                wrapper = ("env", library, *settings.run.run_wrapper)
                return replace(settings, run=replace(settings.run, run_wrapper=wrapper))


def of(search: SearchSettings) -> tuple[Axis, tuple[str, ...]]:
    """Return what a search varies, and the names of its columns; none for releases, which the search selects.

    Raises:
        UsageError: both images and HIP runtimes are named, one twice, or a HIP runtime is no file.
    """
    hips = tuple(map(str, search.hips))
    if hips and len(search.images) > 1:
        raise UsageError("--hip cannot be combined with several --image; remove one of them.")
    names = hips or search.images
    if len(set(names)) < len(names):
        raise UsageError(f"{'--hip' if hips else '--image'}: {', '.join(names)}; expected each once.")
    for path in search.hips:
        if not path.is_file():
            raise UsageError(f"--hip {path}: no such file; expected a HIP runtime, libamdhip64.so.")
    if hips:
        return Axis.HIP, hips
    return (Axis.IMAGE, search.images) if len(search.images) > 1 else (Axis.RELEASE, ())
