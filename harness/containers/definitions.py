"""Reads the folder with the definitions of images: images.toml, packages.lock.json and the files beside them."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from harness.core import records, strict_json
from harness.core.errors import UsageError
from harness.core.values import frozen
from harness.host import files
from harness.iree.releases import Wheel

IMAGES_NAME = "images.toml"
PACKAGES_NAME = "packages.lock.json"
WHEELS_NAME = "wheels.lock.json"
_MAX_BYTES = 1 << 23
_WHEELS = {"wheels", "index"}
_OPTIONAL = {"attested", "hip", "emulator", *_WHEELS}
_PULLED = {"base", "python", *_OPTIONAL}
_BOOTSTRAPPED = {"suite", "packages", "sha256", "pinned", "python", *_OPTIONAL} - {"attested"}
# Pattern of each key's value, and its description for messages.
_TEXTS = {
    "base": (
        r"[a-z0-9][\w.:/-]*@sha256:[0-9a-f]{64}",
        "NAME:TAG@sha256:DIGEST with 64 hexadecimal digits; a base image must be pinned by its digest",
    ),
    "suite": (r"[a-z][a-z0-9.-]*", "the name of a Debian suite, such as trixie"),
    "sha256": (r"[0-9a-f]{64}", "64 hexadecimal digits"),
    "pinned": (r"\d{4}-\d{2}-\d{2}", "a date, such as 2026-11-23"),
    "python": (r"/(\S*/)?python3\.\d+", "an absolute path that ends with the version, such as /usr/bin/python3.13"),
    "hip": (r"/\S+", "an absolute path"),
    "emulator": (r"/\S+", "an absolute path"),
    "index": (r"(https?|file)://\S+", "the URL of a package index"),
}


_Lock = TypeVar("_Lock")


@frozen
class Pulled:
    """A base image from a registry.

    Attributes:
        reference: `NAME:TAG@sha256:DIGEST`.
        digest: `sha256:DIGEST`.
        attested: whether the digest comes from other sources and has not been verified by a pull.
    """

    reference: str
    digest: str
    attested: bool


@frozen
class Bootstrapped:
    """A base image that mmdebstrap makes from Debian packages.

    Attributes:
        suite: suite of the archive, such as `trixie`.
        packages: packages to install besides the essential ones.
        sha256: digest of the tar that mmdebstrap makes.
        pinned: date of the pin, in ISO format.
        versions: versions of all installed packages at that date, by name.
    """

    suite: str
    packages: tuple[str, ...]
    sha256: str
    pinned: str
    versions: Mapping[str, str]


@frozen
class ImageWheels:
    """Python wheels in an image, beside IREE's and those of the harness.

    Attributes:
        index: URL of the package index that has them.
        wanted: their names, with versions as in `a>=1.2`.
        locked: their exact versions and hashes; empty if they are not pinned yet.
    """

    index: str
    wanted: tuple[str, ...]
    locked: tuple[Wheel, ...]

    @property
    def is_pinned(self) -> bool:
        """Whether the locked versions are all that is wanted."""
        versions = {each.package: each.version for each in self.locked}
        wanted = [(canonicalize_name(each.name), each.specifier) for each in map(Requirement, self.wanted)]
        return all(name in versions and allowed.contains(versions[name], prereleases=True) for name, allowed in wanted)


@frozen
class Image:
    """The definition of an image.

    Attributes:
        name: such as `cpu-debian`.
        base: the base image.
        python: path in the image of the Python that runs the harness.
        hip: path in the image of the HIP runtime, if any.
        wheels: Python wheels that it has, if any.
        emulator: path in the image of the ROCm root that has an emulator, if any.
    """

    name: str
    base: Pulled | Bootstrapped
    python: str
    hip: str | None
    wheels: ImageWheels | None = None
    emulator: str | None = None

    @property
    def python_version(self) -> str:
        """Version of the Python that wheels are installed for, such as `3.13`."""
        return self.python.rpartition("python")[2]


@frozen
class LockedWheel:
    """A wheel in `wheels.lock.json`, whose keys are images and packages."""

    version: str
    sha256: tuple[str, ...]


def load(folder: Path) -> dict[str, Image]:
    """Return the images that a folder with `images.toml` defines, by name.

    Raises:
        UsageError: a file cannot be read, or a value is invalid.
    """
    path = folder / IMAGES_NAME
    try:
        tables = tomllib.loads(text(path))
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, error) from error
    locked = _locked(folder / PACKAGES_NAME, dict[str, dict[str, str]])
    has_wheels = any(isinstance(table, dict) and "wheels" in table for table in tables.values())
    wheels = _locked(folder / WHEELS_NAME, dict[str, dict[str, LockedWheel]]) if has_wheels else {}
    return {
        name: _image(path, name, table, locked.get(name, {}), wheels.get(name, {})) for name, table in tables.items()
    }


def _locked(path: Path, kind: type[_Lock]) -> _Lock:
    try:
        return records.read(kind, strict_json.loads(text(path)))
    except ValueError as error:
        raise _unreadable(path, error) from error


def text(path: Path) -> str:
    """Return the content of a file in the folder.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return files.read(path, _MAX_BYTES).decode("utf-8")
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> UsageError:
    reason = files.reason(error)
    return UsageError(f"{path}: cannot be read ({reason}); restore it, or choose another folder with --containers.")


def _image(
    path: Path, name: str, table: Mapping[str, Any], versions: Mapping[str, str], wheels: Mapping[str, LockedWheel]
) -> Image:
    if problem := next(_problems(name, table), None):
        raise UsageError(f"{path}: [{name}]: {problem}; fix it, then run `nox -s pins -- {name}`.")
    base = _pulled(table) if "base" in table else _bootstrapped(table, versions)
    return Image(
        name=name,
        base=base,
        python=table["python"],
        hip=table.get("hip"),
        wheels=_wheels(table, wheels) if "wheels" in table else None,
        emulator=table.get("emulator"),
    )


def _wheels(table: Mapping[str, Any], locked: Mapping[str, LockedWheel]) -> ImageWheels:
    return ImageWheels(
        index=table["index"],
        wanted=tuple(table["wheels"]),
        locked=tuple(
            Wheel(package=package, version=each.version, sha256=each.sha256) for package, each in locked.items()
        ),
    )


def _problems(name: str, table: object) -> Iterator[str]:
    """Yield what is wrong with the table of an image."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        yield "invalid name; expected lower-case letters, digits and hyphens"
    if not isinstance(table, dict):
        yield f"expected a table, got {table!r}"
        return
    if ("base" in table) == ("suite" in table):
        yield "expected either `base` (from a registry) or `suite` (Debian packages)"
    known = _PULLED if "base" in table else _BOOTSTRAPPED
    if unknown := sorted(table.keys() - known):
        yield f"unknown key {unknown[0]}; expected {', '.join(sorted(known))}"
    needed = _WHEELS if _WHEELS & table.keys() else set()
    if missing := sorted((known - _OPTIONAL | needed) - table.keys()):
        yield f"missing key {missing[0]}"
    yield from filter(None, (_problem(key, table[key]) for key in table if key in known))


def _problem(key: str, value: object) -> str | None:
    """Return what is wrong with the value of a known key."""
    match key:
        case "attested":
            is_right, expected = isinstance(value, bool), "true or false"
        case "packages":
            names = value if isinstance(value, list) else [None]
            is_right = all(isinstance(each, str) and re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", each) for each in names)
            expected = "a list of names of Debian packages"
        case "wheels":
            names = value if isinstance(value, list) else [None]
            is_right = bool(names) and all(isinstance(each, str) and _is_requirement(each) for each in names)
            expected = 'a list of names of Python packages, with versions as in "rocm-sdk-core>=10.1"'
        case _:
            pattern, expected = _TEXTS[key]
            is_right = isinstance(value, str) and re.fullmatch(pattern, value) is not None
    return None if is_right else f"{key} is {value!r}, expected {expected}"


def _is_requirement(text: str) -> bool:
    try:
        parsed = Requirement(text)
    except InvalidRequirement:
        return False
    return not (parsed.url or parsed.extras or parsed.marker)


def _pulled(table: Mapping[str, Any]) -> Pulled:
    return Pulled(
        reference=table["base"], digest=table["base"].rpartition("@")[2], attested=table.get("attested", False)
    )


def _bootstrapped(table: Mapping[str, Any], versions: Mapping[str, str]) -> Bootstrapped:
    return Bootstrapped(
        suite=table["suite"],
        packages=tuple(table["packages"]),
        sha256=table["sha256"],
        pinned=table["pinned"],
        versions=versions,
    )
