"""Translates the flags of a spec into the dialect of a release of iree-compile; the data is in `flags.toml`."""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence

from harness.core.cases import EMPTY, Backend, Release
from harness.core.values import frozen
from harness.iree import flag_classes, flag_table, releases
from harness.iree.flag_classes import FlagClass
from harness.iree.flag_table import Default, Rename

TUNER_FLAG = flag_classes.TRANSFORM_LIBRARY
STATISTICS_NAME = "statistics.json"
# What a spec says to compile for a backend; the chip comes from the command line.
BACKEND_FLAGS: Mapping[Backend, tuple[str, ...]] = {
    Backend.CPU: ("--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu"),
    Backend.ROCM: ("--iree-hal-target-device=hip",),
    Backend.CUDA: ("--iree-hal-target-device=cuda",),
    Backend.VULKAN: ("--iree-hal-target-device=vulkan",),
}
# The same for any CPU of an architecture; without F16C, releases up to 3.2.0 convert f32 to f16 wrongly.
CPU_FLAGS = (
    *BACKEND_FLAGS[Backend.CPU],
    "--iree-llvmcpu-target-cpu=generic",
    "--iree-llvmcpu-target-cpu-features=+f16c",
)
_NVIDIA = re.compile(r"sm_([0-9]{2,3})[af]?")
_PLAIN = {*CPU_FLAGS, "--iree-hal-target-backends=llvm-cpu"}


@frozen
class Translation:
    """Flags in the dialect of a release.

    Attributes:
        flags: the translated flags.
        notes: one sentence for each flag that was changed.
        unsupported: why the release has no equivalent of a flag, or None.
    """

    flags: tuple[str, ...]
    notes: tuple[str, ...] = ()
    unsupported: str | None = None


@frozen
class ChangedDefault:
    """A flag whose default differs between two releases, and the first release with the new default."""

    flag: str
    since: str
    old: str
    new: str


@functools.lru_cache(maxsize=4096)  # a catalogue has few sets of flags, in many specs
def translated(spec_flags: tuple[str, ...], release: Release, *, trusted: bool = False) -> Translation:
    """Return a spec's flags in the dialect of a release; unless they are trusted, without those that dump files."""
    flags: list[str] = []
    notes: list[str] = []
    for flag in spec_flags:
        if reason := _left_out(flag, trusted=trusted):
            notes.append(f"ignoring {flag}: {reason}")
            continue
        now = [lower_case(each) for each in _expanded(_renamed(flag, release), release)]
        if now != [flag]:
            notes.append(_note(flag, now, release))
        flags += now
    missing = (reason for flag in flags if (reason := _unknown(flag, release)))
    return Translation(flags=tuple(flags), notes=tuple(notes), unsupported=next(missing, None))


def unknown_run_flag(flags: tuple[str, ...], release: Release) -> str | None:
    """Return why the iree-run-module of a release does not have one of these flags, or None."""
    table = flag_table.load().known_run
    return next((reason for flag in flags if (reason := _lacking(flag, release, table))), None)


def target_flags(backend: Backend, chip: str | None, release: Release) -> tuple[str, ...]:
    """Return the flags that select the chip."""
    return (_renamed(f"--iree-{backend}-target={chip}", release),) if chip else ()


def of_meaning(spec_flags: Sequence[str]) -> tuple[str, ...]:
    """Return those of a spec's flags that say what its program means, not how it is compiled."""
    return tuple(flag for flag in spec_flags if flag.startswith(tuple(flag_table.load().meaning)))


def is_plain(spec_flags: Sequence[str]) -> bool:
    """Whether a spec's flags only say to compile for the CPU, and what its program means."""
    return set(spec_flags) <= {*_PLAIN, *of_meaning(spec_flags)}


@functools.lru_cache(maxsize=4096)
def splat_flag(file_name: str, release: Release) -> str:
    """Return the flag that makes the compiler write stand-in weights."""
    return _renamed(f"--iree-parameter-splat={file_name}", release)


def statistics_flags() -> tuple[str, ...]:
    """Return the flags that make the compiler write its scheduling statistics; they do not change the module."""
    prefix = "--iree-scheduling-dump-statistics"
    return (f"{prefix}-format=json", f"{prefix}-file={STATISTICS_NAME}")


def changed_defaults(older: Release, newer: Release, backend: Backend) -> tuple[ChangedDefault, ...]:
    """Return the defaults that changed after the older release and up to the newer one."""
    return tuple(
        ChangedDefault(flag=each.flag, since=each.since, old=each.old, new=each.new)
        for each in _defaults(backend)
        if _has_new(each, newer) and not _has_new(each, older)
    )


def pins(spec_flags: tuple[str, ...], pinned: Release, backend: Backend) -> tuple[str, ...]:
    """Return the flags that give any release the defaults of the pinned one; flags of the spec are not overridden."""
    values = {name: value for name, _, value in (flag.partition("=") for flag in spec_flags)}
    level = values.get("--iree-opt-level", "")
    return tuple(
        f"{each.flag}={_default(each, pinned, level)}" for each in _defaults(backend) if each.flag not in values
    )


def unknown_chip(backend: Backend, chip: str, release: Release) -> str | None:
    """Return why a release cannot compile for a chip that other releases support, or None."""
    ranges = chips(backend).get(chip)
    if ranges is None or _holds(ranges, release):
        return None
    return f"IREE {release.name} cannot compile for {chip}; supported in {_shown(ranges)}"


def older(backend: Backend, chip: str) -> tuple[str, ...]:
    """Return the known chips whose code a GPU of NVIDIA runs beside that for its own chip, the nearest first."""
    listed = flag_table.load().older.get(chip)
    numbers = {each: int(found[1]) for each in (chip, *chips(backend)) if (found := _NVIDIA.fullmatch(each))}
    if chip not in numbers:
        return ()
    below = (each for each, number in numbers.items() if number < numbers[chip])
    return tuple(listed or sorted(below, key=numbers.__getitem__, reverse=True))


def compiled_chip(backend: Backend, chip: str, release: Release) -> str:
    """Return the chip to compile for to run on a chip: itself, or an older one if the release knows only that."""
    known = chips(backend)
    fitting = (each for each in (chip, *older(backend, chip)) if each in known)
    return next((each for each in fitting if _holds(known[each], release)), chip)


def has_changed_defaults(backend: Backend) -> bool:
    """Whether `flags.toml` has a flag of the backend whose default changed."""
    return any(True for _ in _defaults(backend))


def is_known_chip(chip: str) -> bool:
    """Whether `flags.toml` has the chip."""
    return any(chip in known for known in flag_table.load().chips.values())


def chips(backend: Backend) -> Mapping[str, str]:
    """Return the chips of a backend that `flags.toml` has, each with the releases that compile for it."""
    return flag_table.load().chips.get(backend, EMPTY)


def is_known_flag(flag: str) -> bool:
    """Whether a known release has the flag."""
    return flag_classes.of(flag) is not None


def lower_case(flag: str) -> str:
    """Return the flag with True and False in lower case, the only spelling that 3.13.0 accepts."""
    name, equals, value = flag.partition("=")
    return f"{name}{equals}{value.lower()}" if value in {"True", "TRUE", "False", "FALSE"} else flag


def _name(flag: str) -> str:
    return flag.partition("=")[0]


def _left_out(flag: str, *, trusted: bool) -> str | None:
    """Return why a flag of a spec does not reach the compiler, or None."""
    if flag_classes.of(flag) is FlagClass.DUMP and not trusted:
        return flag_table.load().replaced.get(_name(flag), "nothing reads its files; --trust-flags keeps it")
    return flag_table.load().replaced.get(_name(flag))


def _note(flag: str, now: list[str], release: Release) -> str:
    return f"{flag} becomes {' '.join(now)} on {release.name}" if now else f"{flag} is dropped on {release.name}"


@functools.cache
def _renames() -> Mapping[str, Rename]:
    """Return the renames by old name and, unless they are `forward`, by new name."""
    renamed = flag_table.load().renamed
    return {each.old: each for each in renamed} | {each.new: each for each in renamed if not each.forward}


def _defaults(backend: Backend) -> Iterator[Default]:
    return (each for each in flag_table.load().default if each.backend is backend)


def _default(entry: Default, release: Release, level: str) -> str:
    """Return the default of a flag at a level of optimization, such as `O3`."""
    return entry.at.get(level, entry.new) if _has_new(entry, release) else entry.old


def _has_new(entry: Default | Rename, release: Release) -> bool:
    return releases.order(release) >= releases.order(releases.of_build(entry.since))


def _renamed(flag: str, release: Release) -> str:
    name, equals, value = flag.partition("=")
    entry = _renames().get(name)
    if entry is None:
        return flag
    is_new = _has_new(entry, release)
    now, values = (entry.new, entry.new_of) if is_new else (entry.old, entry.old_of)
    if now == name:
        return flag
    if values is None:
        return f"{now}{equals}{value}"
    # A value without a counterpart keeps the name that the release does not have: unsupported.
    return f"{now}={values[value.lower()]}" if value.lower() in values else flag


def _expanded(flag: str, release: Release) -> list[str]:
    name, _, value = flag.partition("=")
    if last := flag_table.load().dropped.get(name):
        return [flag] if releases.order(release) <= releases.order(releases.of_build(last)) else []
    entry = flag_table.load().expanded.get(name)
    if entry is None or value not in entry.flags or _holds(f"{entry.since}..", release):
        return [flag]
    return [each for each in entry.flags[value] if _unknown(each, release) is None]


def _unknown(flag: str, release: Release) -> str | None:
    """Return why a release does not have a flag, or None."""
    return _lacking(flag, release, flag_table.load().known)


def _lacking(flag: str, release: Release, known: Mapping[str, str]) -> str | None:
    ranges = known.get(_name(flag))
    if ranges is None or _holds(ranges, release):
        return None
    return f"IREE {release.name} has no flag {_name(flag)}; available in {_shown(ranges)}"


def _holds(ranges: str, release: Release) -> bool:
    """Whether a release is in ranges such as `..3.7.0, 3.9.0..`.

    Only stable releases were measured. Release candidates between the last one outside and the first one inside count
    as inside, so that the compiler decides.
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
    """Return `3.3.0 and later`, `3.7.0 and earlier`, `3.4.0 to 3.6.0`, `3.4.0 only` or several of these."""
    return ", ".join(map(_shown_range, _bounds(ranges)))


def _shown_range(bounds: tuple[str, str]) -> str:
    match bounds:
        case first, "":
            return f"{first} and later"
        case "", last:
            return f"{last} and earlier"
        case first, last:
            return f"{first} only" if first == last else f"{first} to {last}"
