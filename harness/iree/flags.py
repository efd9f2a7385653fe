"""Knows what differs between IREE releases on the command line (pure; the data is in `flags.toml`)."""

import functools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import PurePosixPath
from typing import Any

from harness.core.cases import Backend, Release
from harness.iree import releases

TUNER_FLAG = "--iree-codegen-transform-dialect-library"
STATISTICS_NAME = "statistics.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """Flags as a release knows them; or why it has no equivalent. `notes` say what was changed."""

    flags: tuple[str, ...]
    notes: tuple[str, ...] = ()
    unsupported: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedDefault:
    """A flag that has another default from a release candidate on, which `since` names."""

    flag: str
    since: str
    old: str
    new: str


def refusal(flag: str) -> str | None:
    """Return why a spec must not have a flag, to follow the flag in a sentence, or None."""
    name, _, value = flag.partition("=")
    if reason := _data()["refused"].get(name):
        return f"{reason}; expected the spec without it"
    path = PurePosixPath(value)
    if file_named(flag) is None and (path.is_absolute() or ".." in path.parts):
        return "names a file outside the folder in which the compiler runs; expected a path below it"
    return None


def file_named(flag: str) -> str | None:
    """Return the path that a flag asks the compiler to read, or None."""
    name, _, value = flag.partition("=")
    return value if name in _data()["files"]["read"] and value else None


def translated(spec_flags: tuple[str, ...], release: Release) -> Translation:
    """Return a spec's flags in the dialect of a release."""
    flags: list[str] = []
    notes: list[str] = []
    for flag in spec_flags:
        if reason := _data()["replaced"].get(flag.partition("=")[0]):
            notes.append(f"{flag} is left out: {reason}")
            continue
        now = [lower_case(each) for each in _expanded(_renamed(flag, release), release)]
        if now != [flag]:
            notes.append(f"{flag} is {' '.join(now) or 'left out'} on {release.name}")
        flags += now
    missing = (reason for flag in flags if (reason := _unknown(flag, release)))
    return Translation(flags=tuple(flags), notes=tuple(notes), unsupported=next(missing, None))


def target_flags(backend: Backend, chip: str | None, release: Release) -> tuple[str, ...]:
    """Return the flags that name the chip."""
    option = {Backend.ROCM: "--iree-rocm-target", Backend.CUDA: "--iree-cuda-target"}.get(backend)
    return (_renamed(f"{option}={chip}", release),) if option and chip else ()


def splat_flag(file_name: str, release: Release) -> str:
    """Return the flag that makes the compiler write stand-in weights."""
    return _renamed(f"--iree-parameter-splat={file_name}", release)


def statistics_flags() -> tuple[str, ...]:
    """Return the flags that make the compiler write its scheduling statistics; the module stays the same."""
    prefix = "--iree-scheduling-dump-statistics"
    return (f"{prefix}-format=json", f"{prefix}-file={STATISTICS_NAME}")


def changed_defaults(older: Release, newer: Release, backend: Backend) -> tuple[ChangedDefault, ...]:
    """Return the defaults that the newer of two releases has and the older has not."""
    return tuple(
        ChangedDefault(flag=entry["flag"], since=entry["since"], old=entry["old"], new=entry["new"])
        for entry in _defaults(backend)
        if _has_new(entry, newer) and not _has_new(entry, older)
    )


def pins(spec_flags: tuple[str, ...], pinned: Release, backend: Backend) -> tuple[str, ...]:
    """Return the flags by which any release does what a release does by default, where a spec leaves it to defaults."""
    values = {name: value for name, _, value in (flag.partition("=") for flag in spec_flags)}
    level = values.get("--iree-opt-level", "")
    return tuple(
        f"{entry['flag']}={_default(entry, pinned, level)}"
        for entry in _defaults(backend)
        if entry["flag"] not in values
    )


def unknown_chip(chip: str, release: Release) -> str | None:
    """Return why a release cannot compile for a chip that other releases know, or None."""
    ranges = _data()["chips"].get(chip)
    if ranges is None or _holds(ranges, release):
        return None
    return f"IREE {release.name} does not know the chip {chip}; releases {_shown(ranges)} do"


def is_known_chip(chip: str) -> bool:
    """Whether any release is known to compile for the chip."""
    return chip in _data()["chips"]


def is_known_flag(flag: str) -> bool:
    """Whether any release is known to have had the flag, or another have lost it."""
    return flag.partition("=")[0] in _data()["known"]


def lower_case(flag: str) -> str:
    """Return the flag with True and False in lower case: 3.13.0 takes no other spelling."""
    name, equals, value = flag.partition("=")
    return f"{name}{equals}{value.lower()}" if value in {"True", "TRUE", "False", "FALSE"} else flag


@functools.cache
def _data() -> Mapping[str, Any]:
    return tomllib.loads(resources.files("harness.iree").joinpath("flags.toml").read_text(encoding="utf-8"))


@functools.cache
def _renames() -> Mapping[str, Mapping[str, Any]]:
    """Return the renames by old name and, if that may be translated back, by new name."""
    news = {entry["new"]: entry for entry in _data()["renamed"] if not entry.get("forward")}
    return {entry["old"]: entry for entry in _data()["renamed"]} | news


def _defaults(backend: Backend) -> Sequence[Mapping[str, Any]]:
    return [entry for entry in _data()["default"] if entry["backend"] == backend]


def _default(entry: Mapping[str, Any], release: Release, level: str) -> str:
    """Return what a flag is by default at a level of optimisation."""
    values: Mapping[str, str] = entry.get("at", {})
    return values.get(level, entry["new"]) if _has_new(entry, release) else entry["old"]


def _has_new(entry: Mapping[str, Any], release: Release) -> bool:
    """Whether a release has what an entry calls new."""
    return releases.order(release) >= releases.order(releases.of_build(entry["since"]))


def _renamed(flag: str, release: Release) -> str:
    name, equals, value = flag.partition("=")
    entry = _renames().get(name)
    if entry is None:
        return flag
    side = "new" if _has_new(entry, release) else "old"
    if entry[side] == name:
        return flag
    values = entry.get(f"{side}_of")
    if values is None:
        return f"{entry[side]}{equals}{value}"
    # A value without a counterpart keeps the name that the release does not know: unsupported.
    return f"{entry[side]}={values[value.lower()]}" if value.lower() in values else flag


def _expanded(flag: str, release: Release) -> list[str]:
    name, _, value = flag.partition("=")
    if last := _data()["dropped"].get(name):
        return [flag] if releases.order(release) <= releases.order(releases.of_build(last)) else []
    entry = _data()["expanded"].get(name)
    if entry is None or value not in entry or _holds(f"{entry['since']}..", release):
        return [flag]
    return [each for each in entry[value] if _unknown(each, release) is None]


def _unknown(flag: str, release: Release) -> str | None:
    name = flag.partition("=")[0]
    ranges = _data()["known"].get(name)
    if ranges is None or _holds(ranges, release):
        return None
    return f"IREE {release.name} does not know {name}; releases {_shown(ranges)} do"


def _holds(ranges: str, release: Release) -> bool:
    """Whether a release lies in ranges such as `..3.7.0, 3.9.0..`.

    What was measured are stable releases. Between the last one that is outside and the first one
    that is inside lie release candidates of which nobody knows; they count as inside, and the compiler judges.
    """
    return any(_is_within(first, last, release) for first, last in _bounds(ranges))


def _bounds(ranges: str) -> list[tuple[str, str]]:
    parts = (each.strip().partition("..") for each in ranges.split(","))
    return [(first, last) for first, _, last in parts]


def _is_within(first: str, last: str, release: Release) -> bool:
    order = list(releases.locked())
    before = releases.find(order[order.index(first) - 1]).release if first and order.index(first) else None
    after = releases.find(order[order.index(last) + 1]).release if last and last != order[-1] else None
    if before is not None and releases.order(release) <= releases.order(before):
        return False
    return after is None or releases.order(release) < releases.order(after)


def _shown(ranges: str) -> str:
    """Return `from 3.3.0 on`, `up to 3.7.0`, `3.4.0` and the like."""
    return " and ".join(map(_shown_range, _bounds(ranges)))


def _shown_range(bounds: tuple[str, str]) -> str:
    match bounds:
        case first, "":
            return f"from {first} on"
        case "", last:
            return f"up to {last}"
        case first, last:
            return first if first == last else f"{first} to {last}"
