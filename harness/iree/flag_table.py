"""Reads `flags.toml`: what differs between IREE releases on the command line of iree-compile."""

import functools
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from harness.core.cases import EMPTY, Backend
from harness.core.values import frozen


@frozen
class Rename:
    """A flag that has another name since a release.

    Attributes:
        old: its name before.
        new: its name since then.
        since: the first release or release candidate that has the new name.
        old_of: old values by new ones, if the values changed as well.
        new_of: new values by old ones.
        forward: translate only from the old name to the new one.
    """

    old: str
    new: str
    since: str
    old_of: Mapping[str, str] | None = None
    new_of: Mapping[str, str] | None = None
    forward: bool = False


@frozen
class Default:
    """A flag that has another default since a release.

    Attributes:
        flag: its name.
        backend: the backend that it belongs to.
        since: the first release or release candidate that has the new default.
        old: the default before.
        new: the default since then.
        at: the new default at a level of `--iree-opt-level`, where that is another one.
    """

    flag: str
    backend: Backend
    since: str
    old: str
    new: str
    at: Mapping[str, str] = field(default_factory=lambda: EMPTY)


@frozen
class Expansion:
    """What the values of a flag stand for in releases before `since`, which do not have the flag."""

    since: str
    flags: Mapping[str, tuple[str, ...]]


@frozen
class FlagTable:
    """The whole of `flags.toml`. Ranges of releases are texts such as `..3.7.1, 3.9.0..`; both ends are included.

    Attributes:
        refused: flags that only the harness may give, or that keep the compiler from compiling, and why.
        chip_of: flags that say the chip, and the backend that it is a chip of.
        meaning: flags that say what a program means, by how they begin, and why.
        replaced: flags that the harness sets itself, and why.
        renamed: flags that were renamed.
        dropped: flags that had no effect any more when they were removed, and the last release that has them.
        expanded: flags that stand for others.
        default: flags whose default changed.
        chips: by backend, the releases that compile for a chip.
        older: chips whose code a chip runs, the nearest first, where it is not the number alone that tells.
        known: the releases that have a flag, for flags that not all releases have.
        known_run: the same for flags of iree-run-module.
    """

    refused: Mapping[str, str]
    chip_of: Mapping[str, Backend]
    meaning: Mapping[str, str]
    replaced: Mapping[str, str]
    renamed: tuple[Rename, ...]
    dropped: Mapping[str, str]
    expanded: Mapping[str, Expansion]
    default: tuple[Default, ...]
    chips: Mapping[Backend, Mapping[str, str]]
    older: Mapping[str, tuple[str, ...]]
    known: Mapping[str, str]
    known_run: Mapping[str, str]


@functools.cache
def load() -> FlagTable:
    """Return the table."""
    import msgspec  # noqa: PLC0415 - as slow to import as all of harness.specs.reader

    data = Path(__file__).with_name("flags.toml").read_bytes()
    return msgspec.toml.decode(data, type=FlagTable)
