"""The IREE releases: their order, the commits they were built from, and the hashes of their wheels.

`nox -s pins` writes `releases.json` from the package index; do not edit it.
"""

import difflib
import functools
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from datetime import date
from pathlib import Path

from harness.core.cases import Release
from harness.core.errors import UsageError
from harness.core.values import frozen

LOCK_NAME = "releases.json"
_SEVERAL = re.compile(r"[,;\s]+|\.\.")
_SHOWN = 30
_COMPARISON = re.compile(r"\s*(>=|<=|==|>|<)\s*(\S+?)\s*")
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}


@frozen
class Wheel:
    """One package of a release.

    Attributes:
        package: its normalized name, such as `iree-base-compiler`.
        version: its version, which may be older than the release.
        sha256: of its wheels on the package index, for all Pythons and machines; of a wheel at `url`, one or none yet.
        url: where the wheel for this machine is, if it is not on the package index.
    """

    package: str
    version: str
    sha256: tuple[str, ...]
    url: str | None = None


@frozen
class ReleaseWheels:
    """A release and its wheels, locked or found elsewhere.

    The wheels may have different versions: release 3.7.1 is compiler 3.7.1 with runtime 3.7.0.

    Attributes:
        release: name and date.
        release_candidate: version of the build that became the release, or of the build itself.
        commit: IREE commit of the compiler; empty if it is not known before the installation.
        wheels: compiler and runtime.
        contents: digest of all files of its wheels (`wheel_contents.digest`), by `platform.machine()`; empty unless
            locked.
    """

    release: Release
    release_candidate: str
    commit: str
    wheels: tuple[Wheel, ...]
    contents: Mapping[str, str] = field(default_factory=dict, hash=False)


@frozen
class _LockedWheel:
    """A wheel in `releases.json`."""

    version: str
    sha256: tuple[str, ...]


@frozen
class _Locked:
    """A release in `releases.json`; the keys of `wheels` are packages."""

    date: int
    release_candidate: str
    commit: str
    wheels: Mapping[str, _LockedWheel]
    contents: Mapping[str, str]


class Releases:
    """The available releases, oldest first: the locked ones, and others.

    They order by the date of their release candidate, not by version: the nightly 3.10.0rc20260115 is newer than the
    stable 3.10.0, which was 3.10.0rc20260107. Builds without a date are the newest, in the order given.
    """

    def __init__(self, others: Iterable[ReleaseWheels] = (), *, advice: str = "") -> None:
        """Add releases to the locked ones; they replace locked releases of the same name.

        Args:
            others: the releases to add.
            advice: the end of messages about a release that there is not.
        """
        self._advice = f" {advice}" if advice else ""
        every = dict(locked()) | {each.release.name: each for each in others}
        self._by_name = {name: every[name] for name in sorted(every, key=lambda name: order(every[name].release))}

    @property
    def names(self) -> Sequence[str]:
        """Their names, oldest first."""
        return list(self._by_name)

    def find(self, name: str) -> ReleaseWheels:
        """Return a release by its name, by the beginning of its name, such as `3.12`, or by its release candidate.

        Raises:
            UsageError: no release, or more than one, matches; the message lists the available or matching ones.
        """
        if found := self._by_name.get(name) or self._by_name.get(of_build(name).name):
            return found
        longer = [each for each in self._by_name if each.startswith(f"{name}.")]
        if len(longer) == 1:
            return self._by_name[longer[0]]
        if longer:
            raise UsageError(f"{name}: matches several IREE releases: {', '.join(longer)}; name one of them.")
        raise UsageError(self._unknown(name))

    def _unknown(self, name: str) -> str:
        """Return what to do about a name that no release has."""
        if len(_SEVERAL.split(name)) > 1:
            return (
                f"{name}: expected one release; `harness matrix` takes ranges (3.12..3.13), and --iree several times."
            )
        near = difflib.get_close_matches(name, self._by_name, n=1)
        hint = f"; did you mean {near[0]}?" if near else "."
        return f"{name}: no such IREE release{hint} Available: {', '.join(_shortened(self.names))}.{self._advice}"

    def selected(self, text: str) -> Sequence[ReleaseWheels]:
        """Return one release, or those of a range such as `3.0.0..3.13.0`; an omitted end is the first or last release.

        Raises:
            UsageError: there is no such release, or the range is reversed.
        """
        first, dots, last = text.partition("..")
        if not dots:
            return [self.find(text)]
        ends = [self.find(first or self.names[0]), self.find(last or self.names[-1])]
        start, end = (self.names.index(each.release.name) for each in ends)
        if start > end:
            raise UsageError(f"{text}: {first} is newer than {last}; expected the older release first.")
        return [self._by_name[name] for name in self.names[start : end + 1]]


def order(release: Release) -> float:
    """Return the date (YYYYMMDD) to sort by: infinity for a build without a date."""
    return release.date if release.date is not None else float("inf")


@functools.cache
def locked() -> Mapping[str, ReleaseWheels]:
    """Return the locked releases by name, oldest first."""
    import msgspec  # noqa: PLC0415 - as slow to import as all of harness.specs.reader

    data = Path(__file__).with_name(LOCK_NAME).read_bytes()
    entries = msgspec.json.decode(data, type=dict[str, _Locked])
    return {name: _release(name, entry) for name, entry in sorted(entries.items(), key=lambda item: item[1].date)}


def newest() -> Release:
    """Return the default release."""
    return list(locked().values())[-1].release


def find(name: str) -> ReleaseWheels:
    """Return a locked release by its name or by its release candidate.

    Raises:
        UsageError: there is no such release; the message lists the available ones.
    """
    return Releases().find(name)


def of_build(version: str) -> Release:
    """Return the release of a build with a version such as `3.13.0rc20261016`, `3.7.1` or `3.14.0.dev+89ece87b`.

    A release candidate that became a stable release has the name of that release.
    """
    for known in locked().values():
        if version in (known.release_candidate, known.release.name):
            return known.release
    date = re.search(r"rc(\d{8})", version)
    return Release(name=version, date=int(date[1]) if date else None)


def full_name(name: str) -> str:
    """Return the name of the locked release that a name, or the beginning of one, matches; else the name itself."""
    try:
        return find(name).release.name
    except UsageError:
        return of_build(name).name


def fulfils(release: Release, comparisons: str) -> bool:
    """Whether a release is within comparisons such as `>=3.5,<3.11.0rc20260207`, by date.

    Raises:
        ValueError: the comparisons are not valid, or they exclude each other.
    """
    return _all_hold(order(release), _bounds(comparisons))


@functools.cache
def _bounds(comparisons: str) -> Sequence[tuple[str, float]]:
    bounds = [_bound(each) for each in comparisons.split(",")]
    edges = [date + step for _, date in bounds for step in (-1, 0, 1)]
    if not any(_all_hold(each, bounds) for each in edges):
        raise ValueError(f"no release can match {comparisons!r}; expected comparisons that do not exclude each other")
    return bounds


def _bound(comparison: str) -> tuple[str, float]:
    """Return the sign and the date of one comparison."""
    match = _COMPARISON.fullmatch(comparison)
    if match is None:
        raise ValueError(
            f"{comparison!r} is not a comparison; expected >=, >, <, <= or == and a release, as in '>=3.5'"
        )
    sign, name = match.groups()
    return sign, order(_named(name))


def _named(name: str) -> Release:
    """Return the release of `3.5.0`, `3.5` (short for it) or a release candidate."""
    full = f"{name}.0" if re.fullmatch(r"[0-9]+\.[0-9]+", name) else name
    if full in locked():
        return locked()[full].release
    if re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+rc[0-9]{8}", name) and _is_date(name[-8:]):
        return of_build(name)
    expected = f"{', '.join(locked())}, or a release candidate such as 3.11.0rc20260207"
    raise ValueError(f"{name!r} is not an IREE release; expected one of {expected}")


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _all_hold(date: float, bounds: Sequence[tuple[str, float]]) -> bool:
    return all(_COMPARE[sign](date, bound) for sign, bound in bounds)


def _shortened(names: Sequence[str]) -> Sequence[str]:
    """Return the names to show; there may be hundreds of nightlies."""
    return names if len(names) <= _SHOWN else [*names[:3], "...", *names[-_SHOWN:]]


def _release(name: str, entry: _Locked) -> ReleaseWheels:
    wheels = (
        Wheel(package=package, version=each.version, sha256=each.sha256) for package, each in entry.wheels.items()
    )
    return ReleaseWheels(
        release=Release(name=name, date=entry.date),
        release_candidate=entry.release_candidate,
        commit=entry.commit,
        wheels=tuple(wheels),
        contents=entry.contents,
    )
