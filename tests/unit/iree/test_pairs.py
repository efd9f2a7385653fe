from typing import Any

import pytest

from harness.core.blobs import Blob
from harness.core.cases import Release
from harness.iree import pairs, releases
from harness.iree.pairs import Paired, Source
from harness.iree.releases import Wheel
from harness.iree.wheel_links import COMPILER, RUNTIME, Offer


def offer(package: str, version: str, **changes: Any) -> Offer:
    name = f"{package.replace('-', '_')}-{version}-cp312-cp312-linux_x86_64.whl"
    wanted: dict[str, Any] = {"package": package, "version": version, "build": 0, "blob": Blob(url=f"https://h/{name}")}
    return Offer(**(wanted | changes))


def both(version: str, **changes: Any) -> tuple[Offer, Offer]:
    return offer(COMPILER, version, **changes), offer(RUNTIME, version, **changes)


def source(*offers: Offer, name: str = "page", own: bool = False) -> Source:
    return Source(name=name, offers=offers, own=own)


def names(found: Paired) -> list[str]:
    return [each.release.name for each in found.releases]


def test_a_compiler_and_a_runtime_of_one_version_are_a_release() -> None:
    digest = "ab" * 32
    compiler = offer(COMPILER, "3.14.0rc20261101", blob=Blob(url="https://h/c", sha256=digest), commit="cd" * 20)
    (found,) = pairs.paired([source(compiler, offer(RUNTIME, "3.14.0rc20261101"))]).releases
    assert found.release == Release(name="3.14.0rc20261101", date=20261101)
    assert (found.release_candidate, found.commit) == ("3.14.0rc20261101", "cd" * 20)
    url = "https://h/iree_base_runtime-3.14.0rc20261101-cp312-cp312-linux_x86_64.whl"
    assert found.wheels == (
        Wheel(package=COMPILER, version="3.14.0rc20261101", sha256=(digest,), url="https://h/c"),
        Wheel(package=RUNTIME, version="3.14.0rc20261101", sha256=(), url=url),
    )


def runtime_of(*sources: Source) -> str:
    (found,) = pairs.paired(sources).releases
    return found.wheels[1].version


def test_without_a_runtime_of_its_version_it_takes_the_newest_older_one_of_its_source() -> None:
    compiler = offer(COMPILER, "3.20.1")
    older = [offer(RUNTIME, version) for version in ("3.19.0", "3.20.0", "3.20.2", "3.9.0", "3.20.1rc20270101")]
    assert runtime_of(source(compiler, *older)) == "3.20.0"
    assert runtime_of(source(compiler, older[0]), source(older[1], name="another")) == "3.19.0"


def test_the_runtime_of_its_version_may_be_on_another_page_as_in_an_index() -> None:
    compiler, runtime = both("3.14.0rc20261101")
    assert runtime_of(source(compiler), source(runtime, name="another")) == "3.14.0rc20261101"


def test_older_goes_by_date() -> None:
    """A release candidate of 3.10.0 that is newer than 3.10.0 goes with what was made before it."""
    compiler = offer(COMPILER, "3.10.0rc20260115")
    runtimes = [offer(RUNTIME, version) for version in ("3.10.0rc20260114", "3.11.0", "3.10.0rc20260116", "3.10.0")]
    assert runtime_of(source(compiler, *runtimes)) == "3.10.0rc20260114"


def test_one_without_any_is_left_out_and_told() -> None:
    found = pairs.paired([source(offer(COMPILER, "3.14.0rc20261101"), offer(RUNTIME, "3.14.0rc20261102"))])
    assert found.releases == ()
    (told,) = found.left_out
    assert told.startswith("iree_base_compiler-3.14.0rc20261101-cp312-cp312-linux_x86_64.whl of page is left out: no ")


def test_what_the_lock_has_is_left_to_it() -> None:
    offers = [each for version in ("3.13.0", "3.13.0rc20261016", "3.10.0rc20260107") for each in both(version)]
    assert pairs.paired([source(*offers)]) == Paired(releases=(), left_out=())


def test_own_builds_count_in_the_place_of_the_lock() -> None:
    (found,) = pairs.paired([source(*both("3.13.0"), own=True)]).releases
    assert found.release == releases.find("3.13.0").release
    assert found.wheels[0].url
    assert releases.Releases([found]).find("3.13.0") == found


def test_of_two_with_one_version_the_first_counts_and_of_own_builds_this_is_told() -> None:
    first, second = both("3.14.0rc20261101"), both("3.14.0rc20261101", blob=Blob(url="https://h/second-1.whl"))
    found = pairs.paired([source(*first), source(*second, name="another")])
    assert (found.releases[0].wheels[0].url, found.left_out) == (first[0].blob.url, ())
    found = pairs.paired([source(*first, own=True), source(*second, name="another", own=True)])
    assert found.releases[0].wheels[0].url == first[0].blob.url
    assert found.left_out == ("second-1.whl of another is left out: another has this version",)


@pytest.mark.parametrize("builds", [(0, 2), (2, 0)])
def test_of_two_builds_of_a_wheel_the_higher_counts(builds: tuple[int, int]) -> None:
    offers = [offer(COMPILER, "3.14.0", build=build, blob=Blob(url=f"https://h/{build}")) for build in builds]
    (found,) = pairs.paired([source(*offers, offer(RUNTIME, "3.14.0"))]).releases
    assert found.wheels[0].url == "https://h/2"


def test_releases_order_by_date_and_own_builds_by_when_they_were_made() -> None:
    offers = [
        *both("3.14.0.dev0+new", made=(2026, 11, 20, 10, 0, 0)),
        *both("3.15.0.dev0+old", made=(2026, 11, 20, 9, 59, 58)),
        *both("3.14.0rc20261102"),
        *both("3.10.0rc20260115"),
        *both("3.14.0rc20261101", made=(2030, 1, 1, 0, 0, 0)),
        *both("3.16.0.dev0+unknown"),
    ]
    expected = ["3.10.0rc20260115", "3.14.0rc20261101", "3.14.0rc20261102", "3.16.0.dev0+unknown", "3.15.0.dev0+old"]
    found = pairs.paired([source(*offers)])
    assert names(found) == [*expected, "3.14.0.dev0+new"]
    assert releases.Releases(found.releases).names[-5:] == [*expected[1:], "3.14.0.dev0+new"]
