"""The IREE releases: their order, the commits they were made from, and the hashes of their wheels (pure).

`releases.json` is written by `nox -s pins` from the package index and never by hand.
"""

import difflib
import functools
import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources

from harness.core.cases import Release
from harness.core.errors import UsageError

LOCK_NAME = "releases.json"
_SHOWN = 30
_COMPARISON = re.compile(r"\s*(>=|<=|==|>|<)\s*(\S+?)\s*")
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """One package of a release: its version and the sha256 of its wheel for every Python and machine.

    One that the package index does not have is at a `url`: of the one wheel for this machine, which may have no sha256
    yet.
    """

    package: str
    version: str
    sha256: tuple[str, ...]
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseWheels:
    """A release as the lock, or whoever else offers it, has it. `commit` may be empty until it is installed.

    3.7.1 is a compiler alone: its runtime is that of 3.7.0.
    """

    release: Release
    release_candidate: str
    commit: str
    wheels: tuple[Wheel, ...]


class Releases:
    """The releases that a command can have, oldest first: those of the lock, and others.

    They order by the date of their release candidate and never by version number: a nightly 3.10.0rc20260115 is newer
    than the stable 3.10.0, which is 3.10.0rc20260107. Builds that name no release candidate are the newest, in the
    order given.
    """

    def __init__(self, others: Iterable[ReleaseWheels] = ()) -> None:
        """Know the lock's, and others; of two with one name the other counts."""
        every = dict(locked()) | {each.release.name: each for each in others}
        self._by_name = {name: every[name] for name in sorted(every, key=lambda name: order(every[name].release))}

    @property
    def names(self) -> Sequence[str]:
        """Their names, oldest first."""
        return list(self._by_name)

    def find(self, name: str) -> ReleaseWheels:
        """Return a release by its name, by its beginning, such as `3.12`, or by the release candidate that became it.

        Raises:
            UsageError: there is none of this name, or several begin with it; the message names those that there are.
        """
        if found := self._by_name.get(name) or self._by_name.get(of_build(name).name):
            return found
        longer = [each for each in self._by_name if each.startswith(f"{name}.")]
        if len(longer) == 1:
            return self._by_name[longer[0]]
        if longer:
            raise UsageError(f"{name}: several IREE releases begin with this: {', '.join(longer)}; name one.")
        near = difflib.get_close_matches(name, self._by_name, n=1)
        known = f"did you mean {near[0]}? There are" if near else "there are"
        raise UsageError(f"{name}: no such IREE release; {known} {', '.join(_shortened(self.names))}.")

    def selected(self, text: str) -> Sequence[ReleaseWheels]:
        """Return the release of a name, or those of a range, `3.0.0..3.13.0`; an end left out is the first or last.

        Raises:
            UsageError: there is no such release, or the range runs backwards.
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
    """Return the date to order by; a build without one is newer than all."""
    return release.date if release.date is not None else float("inf")


@functools.cache
def locked() -> Mapping[str, ReleaseWheels]:
    """Return the locked releases by name, oldest first."""
    text = resources.files("harness.iree").joinpath(LOCK_NAME).read_text(encoding="utf-8")
    entries = sorted(json.loads(text).items(), key=lambda item: int(item[1]["date"]))
    return {name: _locked(name, entry) for name, entry in entries}


def newest() -> Release:
    """Return the default release."""
    return list(locked().values())[-1].release


def find(name: str) -> ReleaseWheels:
    """Return a locked release.

    Raises:
        UsageError: the lock has none of this name; the message names those it has.
    """
    return Releases().find(name)


def of_build(version: str) -> Release:
    """Return the release of a build that says `3.13.0rc20261016`, `3.7.1` or `3.14.0.dev+89ece87b`.

    A release candidate that was promoted goes by the name of the release that it became.
    """
    for known in locked().values():
        if version in (known.release_candidate, known.release.name):
            return known.release
    date = re.search(r"rc(\d{8})", version)
    return Release(name=version, date=int(date[1]) if date else None)


def full_name(name: str) -> str:
    """Return the name of the locked release that a name or its beginning stands for; another name stays as it is."""
    try:
        return find(name).release.name
    except UsageError:
        return of_build(name).name


def fulfils(release: Release, comparisons: str) -> bool:
    """Whether the date of a release's release candidate fulfils all of comparisons such as `>=3.5,<3.11.0rc20260207`.

    Raises:
        ValueError: they are none, or no release fulfils them; the message says what was expected.
    """
    return _all_hold(order(release), _bounds(comparisons))


@functools.cache
def _bounds(comparisons: str) -> Sequence[tuple[str, float]]:
    bounds = [_bound(each) for each in comparisons.split(",")]
    edges = [place + step for _, place in bounds for step in (-1, 0, 1)]
    if not any(_all_hold(each, bounds) for each in edges):
        raise ValueError(f"no release can be {comparisons!r}; expected comparisons that one can fulfil")
    return bounds


def _bound(comparison: str) -> tuple[str, float]:
    """Return the sign and the date of one comparison."""
    match = _COMPARISON.fullmatch(comparison)
    if match is None:
        raise ValueError(f"{comparison!r} is no comparison; expected >=, >, <, <= or == and a release, as in '>=3.5'")
    sign, name = match.groups()
    return sign, order(_named(name))


def _named(name: str) -> Release:
    """Return the release of `3.5.0`, of `3.5`, which is short for it, or of a release candidate."""
    full = f"{name}.0" if re.fullmatch(r"[0-9]+\.[0-9]+", name) else name
    if full in locked():
        return locked()[full].release
    if re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+rc[0-9]{8}", name) and _is_date(name[-8:]):
        return of_build(name)
    expected = f"{', '.join(locked())}, or a release candidate such as 3.11.0rc20260207"
    raise ValueError(f"{name!r} is no IREE release; expected one of {expected}")


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _all_hold(place: float, bounds: Sequence[tuple[str, float]]) -> bool:
    return all(_COMPARE[sign](place, bound) for sign, bound in bounds)


def _shortened(names: Sequence[str]) -> Sequence[str]:
    """Return names to show: nightlies may be many."""
    return names if len(names) <= _SHOWN else [*names[:3], "...", *names[-_SHOWN:]]


def _locked(name: str, entry: Mapping[str, object]) -> ReleaseWheels:
    wheels = entry["wheels"]
    assert isinstance(wheels, dict)  # noqa: S101 - for the type checker; a test reads the whole lock
    return ReleaseWheels(
        release=Release(name=name, date=int(str(entry["date"]))),
        release_candidate=str(entry["release_candidate"]),
        commit=str(entry["commit"]),
        wheels=tuple(
            Wheel(package=package, version=wheel["version"], sha256=tuple(wheel["sha256"]))
            for package, wheel in wheels.items()
        ),
    )
