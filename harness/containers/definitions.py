"""Says which images there are and what each is made from, as `containers/images.toml` has it (reads files only)."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import UsageError

IMAGES_NAME = "images.toml"
PACKAGES_NAME = "packages.lock.json"
_PULLED = {"base", "attested", "python", "hip"}
_BOOTSTRAPPED = {"suite", "packages", "sha256", "pinned", "python", "hip"}
_OPTIONAL = {"attested", "hip"}
# What the text of a key has to look like, and how to say so.
_TEXTS = {
    "base": (
        r"[a-z0-9][\w.:/-]*@sha256:[0-9a-f]{64}",
        "NAME:TAG@sha256:DIGEST with the 64 hexadecimal digits of its digest: a pin without a digest is refused",
    ),
    "suite": (r"[a-z][a-z0-9.-]*", "the name of a suite, such as trixie"),
    "sha256": (r"[0-9a-f]{64}", "64 hexadecimal digits"),
    "pinned": (r"\d{4}-\d{2}-\d{2}", "a date, such as 2026-11-23"),
    "python": (r"/(\S*/)?python3\.\d+", "an absolute path that ends with the version, such as /usr/bin/python3.13"),
    "hip": (r"/\S+", "an absolute path"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """A base from a registry; `attested` while none of us has pulled it."""

    reference: str
    digest: str
    attested: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrapped:
    """A base of Debian packages: what mmdebstrap makes of them has this sha256.

    `versions` are those of all installed packages on the day it was `pinned`, an ISO date.
    """

    suite: str
    packages: tuple[str, ...]
    sha256: str
    pinned: str
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image by name: its base, and where Python and HIP are in it."""

    name: str
    base: Pulled | Bootstrapped
    python: str
    hip: str | None

    @property
    def python_version(self) -> str:
        """The Python that wheels are installed for: `3.13`."""
        return self.python.rpartition("python")[2]


def load(folder: Path) -> dict[str, Image]:
    """Return the images of a folder with `images.toml` by name.

    Raises:
        UsageError: there is no such file, or it says what makes no sense; the message says what was expected.
    """
    path = folder / IMAGES_NAME
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        locked = json.loads((folder / PACKAGES_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{folder}: the images cannot be read ({error}); restore its files, or name another."
        ) from error
    return {name: _image(path, name, table, locked.get(name, {})) for name, table in tables.items()}


def _image(path: Path, name: str, table: object, versions: Mapping[str, str]) -> Image:
    def refused(problem: str) -> UsageError:
        return UsageError(f"{path}: [{name}]: {problem}; correct it, then pin it by `nox -s pins -- {name}`.")

    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise refused("an image's name was expected to be of lower-case letters, digits and hyphens")
    if not isinstance(table, dict):
        raise refused(f"expected a table with what the image is made from, got {table!r}")
    if ("base" in table) == ("suite" in table):
        raise refused("expected either `base` (of a registry) or `suite` (of Debian packages), and not both")
    known = _PULLED if "base" in table else _BOOTSTRAPPED
    if unknown := sorted(table.keys() - known):
        raise refused(f"the key {unknown[0]} is unknown here; expected {', '.join(sorted(known))}")
    if missing := sorted(known - table.keys() - _OPTIONAL):
        raise refused(f"expected {missing[0]} too")
    for key in table:
        if problem := _problem(key, table[key]):
            raise refused(problem)
    base = _pulled(table) if "base" in table else _bootstrapped(table, versions)
    return Image(name=name, base=base, python=table["python"], hip=table.get("hip"))


def _problem(key: str, value: object) -> str | None:
    """Return what is wrong with the value of a key."""
    match key:
        case "attested":
            is_right, expected = isinstance(value, bool), "true or false"
        case "packages":
            names = value if isinstance(value, list) else [None]
            is_right = all(isinstance(each, str) and re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", each) for each in names)
            expected = "a list of the names of Debian packages"
        case _:
            pattern, expected = _TEXTS[key]
            is_right = isinstance(value, str) and re.fullmatch(pattern, value) is not None
    return None if is_right else f"{key} is {value!r}, expected {expected}"


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
