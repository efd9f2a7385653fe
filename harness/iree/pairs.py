"""Makes releases of wheels that are offered: a compiler, and the runtime that goes with it (pure)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.iree import releases
from harness.iree.releases import ReleaseWheels, Wheel
from harness.iree.wheel_links import COMPILER, RUNTIME, Offer, version_key, wheel_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A page or a folder that offers wheels; `own` are builds that count in the place of a locked release."""

    name: str
    offers: tuple[Offer, ...]
    own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The releases that were found, oldest first, and what is left out and why."""

    releases: tuple[ReleaseWheels, ...]
    left_out: tuple[str, ...]


def paired(sources: Sequence[Source]) -> Paired:
    """Return the releases that sources offer; of two with one name that of the first source counts.

    A compiler goes with the runtime of its version, of its own source if that has it; else with the newest older one
    of its source, as 3.7.1 goes with the runtime of 3.7.0. What a page has of the lock is left to the lock.
    """
    found: dict[str, tuple[Offer, Offer]] = {}
    left_out: list[str] = []
    for source in sources:
        for compiler in _best(source.offers, COMPILER):
            name = releases.of_build(compiler.version).name
            if name in releases.locked() and not source.own:
                continue
            if name in found:
                left_out += [f"{_told(compiler, source)}: another has this version"] if source.own else []
            elif runtime := _runtime(compiler, source, sources):
                found[name] = compiler, runtime
            else:
                left_out.append(f"{_told(compiler, source)}: no {RUNTIME} of its version or an older one is there")
    ordered = sorted(found.values(), key=lambda pair: _order(pair[0]))
    return Paired(releases=tuple(_release(*pair) for pair in ordered), left_out=tuple(left_out))


def _told(compiler: Offer, source: Source) -> str:
    return f"{wheel_name(compiler.blob.url)} of {source.name} is left out"


def _best(offers: Iterable[Offer], package: str) -> list[Offer]:
    """Return one wheel of a package for each version: that of the highest build, or else the first."""
    best: dict[str, Offer] = {}
    for offer in offers:
        if offer.package == package and (offer.version not in best or offer.build > best[offer.version].build):
            best[offer.version] = offer
    return list(best.values())


def _runtime(compiler: Offer, source: Source, sources: Sequence[Source]) -> Offer | None:
    for each in (source, *sources):
        for runtime in _best(each.offers, RUNTIME):
            if runtime.version == compiler.version:
                return runtime
    older = [each for each in _best(source.offers, RUNTIME) if _order(each) < _order(compiler)]
    return max(older, key=_order, default=None)


def _order(offer: Offer) -> tuple[object, ...]:
    """Return what orders wheels: the date in the version, then when they were made, then the version."""
    return releases.order(releases.of_build(offer.version)), offer.made, version_key(offer.version)


def _release(compiler: Offer, runtime: Offer) -> ReleaseWheels:
    return ReleaseWheels(
        release=releases.of_build(compiler.version),
        release_candidate=compiler.version,
        commit=compiler.commit,
        wheels=tuple(_wheels(compiler, runtime)),
    )


def _wheels(*offers: Offer) -> Iterator[Wheel]:
    for offer in offers:
        sha256 = (offer.blob.sha256,) if offer.blob.sha256 else ()
        yield Wheel(package=offer.package, version=offer.version, sha256=sha256, url=offer.blob.url)
