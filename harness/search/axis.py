"""What a search varies: IREE releases, images, or HIP runtimes. All that is not varied stays the same."""

import enum
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.core.errors import UsageError
from harness.core.search_settings import SearchSettings
from harness.core.settings import Settings
from harness.core.variants import Variant
from harness.host import files
from harness.store.entry import file_sha256


class Axis(enum.StrEnum):
    """What is varied."""

    RELEASE = "release"
    IMAGE = "image"
    HIP = "HIP runtime"

    @property
    def one(self) -> str:
        """The beginning of a sentence about any of them."""
        return f"{'An' if self is Axis.IMAGE else 'A'} {self}"

    def settings(self, settings: Settings, name: str) -> Settings:
        """Return the settings with which one of them is tested.

        Args:
            settings: those that all share.
            name: a release, an image, or the path of a HIP runtime.
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

    def variants(self, settings: Settings, names: Sequence[str]) -> Mapping[str, Variant]:
        """Return how results name what is varied in place of the release; none if it is the release.

        Args:
            settings: those that all share.
            names: images, or paths of HIP runtimes.

        Raises:
            UsageError: a HIP runtime cannot be read, or two have the same content.
        """
        if self is Axis.RELEASE:
            return {}
        digests = {name: _digest(Path(name)) for name in names} if self is Axis.HIP else {}
        by_digest: dict[str, str] = {}
        for name, digest in digests.items():
            if (other := by_digest.setdefault(digest, name)) != name:
                raise UsageError(f"--hip {name}: the same content as {other} (sha256 {digest}); remove one of them.")
        return {
            name: Variant(axis=self, name=name, sha256=digests.get(name), options=self._options(settings, name))
            for name in names
        }

    def _options(self, settings: Settings, name: str) -> tuple[str, ...]:
        if self is Axis.IMAGE:
            return ("--image", name)
        return ("--run-wrapper", shlex.join(self.settings(settings, name).run.run_wrapper))


_OPTIONS = {Axis.IMAGE: "--image", Axis.HIP: "--hip"}


def of(search: SearchSettings) -> tuple[Axis, tuple[str, ...]]:
    """Return what a search varies, and the names in their order; none for releases, which the search selects.

    Raises:
        UsageError: both images and HIP runtimes are named, one twice, not those to search, or a HIP runtime is no file.
    """
    axis, names = _named(search)
    over = {"releases": Axis.RELEASE, "images": Axis.IMAGE, "hip": Axis.HIP}.get(search.over or "", axis)
    if over is not axis:
        hint = f"name at least two {_OPTIONS[over]}" if over in _OPTIONS else f"remove {_OPTIONS[axis]}"
        raise UsageError(f"--over {search.over}: {hint}.")
    return axis, names


def _named(search: SearchSettings) -> tuple[Axis, tuple[str, ...]]:
    hips = tuple(map(str, search.hips))
    if hips and len(search.images) > 1:
        raise UsageError("--hip cannot be combined with several --image; remove one of them.")
    names = hips or search.images
    if len(set(names)) < len(names):
        raise UsageError(f"{'--hip' if hips else '--image'}: {', '.join(names)}; expected each once.")
    for path in search.hips:
        if not path.is_file():
            raise UsageError(f"--hip {path}: no such file; expected a HIP runtime, libamdhip64.so.")
    if search.is_over_releases:
        return Axis.RELEASE, ()
    return (Axis.HIP if hips else Axis.IMAGE), names


def _digest(path: Path) -> str:
    try:
        return file_sha256(path)
    except (OSError, ValueError) as error:
        expected = "expected a HIP runtime, libamdhip64.so"
        raise UsageError(f"--hip {path}: cannot be read ({files.reason(error)}); {expected}.") from error
