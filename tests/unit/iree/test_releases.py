import re

import pytest

from harness.core.cases import Release
from harness.core.errors import UsageError
from harness.iree import releases

NAMES = [f"3.{minor}.0" for minor in range(14)]


def test_releases_are_in_the_order_of_their_release_candidates() -> None:
    names = list(releases.locked())
    assert [name for name in names if name in NAMES] == NAMES
    assert names.index("3.7.1") == names.index("3.7.0") + 1
    dates = [locked.release.date or 0 for locked in releases.locked().values()]
    assert dates == sorted(set(dates))
    assert releases.newest() == releases.find(names[-1]).release


@pytest.mark.parametrize(("name", "locked"), releases.locked().items())
def test_every_entry_of_the_lock_is_whole(name: str, locked: releases.ReleaseWheels) -> None:
    assert locked.release.name == name
    assert locked.release_candidate in {f"{name}rc{locked.release.date}", name}
    assert re.fullmatch(r"[0-9a-f]{40}", locked.commit)
    assert [wheel.package for wheel in locked.wheels] == ["iree-base-compiler", "iree-base-runtime"]
    for wheel in locked.wheels:
        assert re.fullmatch(r"3\.\d+\.\d+", wheel.version)
        assert len(set(wheel.sha256)) == len(wheel.sha256) > 0
        assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in wheel.sha256)


def test_a_compiler_without_a_runtime_is_paired_with_the_one_before() -> None:
    wheels = {wheel.package: wheel.version for wheel in releases.find("3.7.1").wheels}
    assert wheels == {"iree-base-compiler": "3.7.1", "iree-base-runtime": "3.7.0"}


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("3.13.0", Release(name="3.13.0", date=20261016)),
        ("3.13.0rc20261016", Release(name="3.13.0", date=20261016)),
        ("3.10.0rc20260107", Release(name="3.10.0", date=20260107)),
        ("3.10.0rc20260115", Release(name="3.10.0rc20260115", date=20260115)),
        ("3.7.1", Release(name="3.7.1", date=20250905)),
        ("3.14.0rc20261101", Release(name="3.14.0rc20261101", date=20261101)),
        ("3.14.0.dev+89ece87b", Release(name="3.14.0.dev+89ece87b", date=None)),
        ("unknown", Release(name="unknown", date=None)),
    ],
)
def test_the_release_of_a_build(version: str, release: Release) -> None:
    assert releases.of_build(version) == release


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("3.14", "3.14: no such IREE release; did you mean 3.7.1? Available: 3.0.0, "),
        ("3.13.0rc20261017", "3.13.0rc20261017: no such IREE release. Available: 3.0.0, "),
        ("latest", "latest: no such IREE release. Available: 3.0.0, "),
    ],
)
def test_a_release_that_is_not_in_the_lock(name: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        releases.find(name)
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith(f"{releases.newest().name}.")


@pytest.mark.parametrize("name", ["3.12.0,3.13.0", "3.12 3.13", "3.12..3.13"])
def test_several_releases_where_one_is_expected(name: str) -> None:
    expected = "expected one release; `harness matrix` takes ranges (3.12..3.13), and --iree several times."
    with pytest.raises(UsageError) as caught:
        releases.find(name)
    assert str(caught.value) == f"{name}: {expected}"


def test_a_release_candidate_that_was_promoted_is_the_release_that_it_became() -> None:
    assert releases.find("3.13.0rc20261016") == releases.find("3.13.0")
    assert releases.Releases([other("3.14.0rc20261101")]).find("3.10.0rc20260107").release.name == "3.10.0"


def test_of_many_releases_not_all_are_named() -> None:
    known = releases.Releases(other(f"3.14.0rc202611{day:02}") for day in range(1, 31))
    with pytest.raises(UsageError) as caught:
        known.find("latest")
    assert "Available: 3.0.0, 3.1.0, 3.2.0, ..., 3.14.0rc20261101, " in str(caught.value)


def other(name: str) -> releases.ReleaseWheels:
    return releases.ReleaseWheels(release=releases.of_build(name), release_candidate=name, commit="", wheels=())


def test_others_are_placed_by_the_date_of_their_release_candidate() -> None:
    known = releases.Releases([other("own"), other("3.10.0rc20260115"), other("3.14.0rc20261101"), other("another")])
    assert known.names[-4:] == ["3.13.0", "3.14.0rc20261101", "own", "another"]
    assert known.names[known.names.index("3.10.0") :][:3] == ["3.10.0", "3.10.0rc20260115", "3.11.0"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("3.8.0", ["3.8.0"]),
        ("3.7.0..3.9.0", ["3.7.0", "3.7.1", "3.8.0", "3.9.0"]),
        ("3.12.0..", ["3.12.0", "3.13.0"]),
        ("..3.1.0", ["3.0.0", "3.1.0"]),
        ("3.8.0..3.8.0", ["3.8.0"]),
    ],
)
def test_a_name_or_a_range_selects(text: str, names: list[str]) -> None:
    assert [each.release.name for each in releases.Releases().selected(text)] == names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3.9.0..3.8.0", "3.9.0..3.8.0: 3.9.0 is newer than 3.8.0; expected the older release first."),
        ("3.9.0..3.99.0", "3.99.0: no such IREE release; did you mean "),
    ],
)
def test_a_range_that_cannot_be(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        releases.Releases().selected(text)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("comparisons", "selected"),
    [
        (">=3.5", "3.5.0.."),
        (">3.5.0", "3.6.0.."),
        ("<3.5", "..3.4.0"),
        ("<=3.7", "..3.7.0"),
        ("<3.8,>=3.7", "3.7.0..3.7.1"),
        (" >= 3.5 , < 3.9 ", "3.5.0..3.8.0"),
        ("==3.7.1", "3.7.1"),
        (">=3.11.0rc20260207", "3.11.0.."),
        (">=3.10.0rc20260107,<3.11", "3.10.0"),
    ],
)
def test_releases_that_fulfil_comparisons(comparisons: str, selected: str) -> None:
    found = [each for each in releases.locked().values() if releases.fulfils(each.release, comparisons)]
    assert found == releases.Releases().selected(selected)


def test_only_release_candidates_may_fulfil_comparisons() -> None:
    between = ">3.10.0,<3.11.0rc20260316"
    assert not any(releases.fulfils(each.release, between) for each in releases.locked().values())
    assert releases.fulfils(releases.of_build("3.10.0rc20260115"), between)


@pytest.mark.parametrize(
    ("name", "comparisons", "holds"),
    [
        ("3.10.0rc20260115", ">3.10", True),
        ("3.10.0rc20260115", "<3.11.0rc20260206", True),
        ("3.5.0rc20250501", ">=3.5", False),
        ("3.14.0.dev+89ece87b", ">=3.13.0", True),
        ("3.14.0.dev+89ece87b", "==3.13.0", False),
        ("3.14.0.dev+89ece87b", "<3.99.0rc20991231", False),
    ],
)
def test_the_date_is_compared_and_not_the_number(name: str, comparisons: str, holds: bool) -> None:  # noqa: FBT001
    assert releases.fulfils(releases.of_build(name), comparisons) is holds


@pytest.mark.parametrize(
    ("comparisons", "message"),
    [
        ("", "'' is not a comparison; expected >=, >, <, <= or == and a release, as in '>=3.5'"),
        ("3.5", "'3.5' is not a comparison; "),
        ("=3.5", "'=3.5' is not a comparison; "),
        ("~=3.5", "'~=3.5' is not a comparison; "),
        (">=3.5,", "'' is not a comparison; "),
        (">=3.5 <3.9", "'>=3.5 <3.9' is not a comparison; "),
        (">=3.99", "'3.99' is not an IREE release; expected one of 3.0.0, 3.1.0, "),
        (">=3", "'3' is not an IREE release; "),
        (">=latest", "'latest' is not an IREE release; "),
        (">=3.11rc20260207", "'3.11rc20260207' is not an IREE release; "),
        (">=3.11.0rc20260230", "'3.11.0rc20260230' is not an IREE release; "),
        (">=3.9,<3.5", "no release can match '>=3.9,<3.5'; expected comparisons that do not exclude each other"),
        ("==3.5,==3.6", "no release can match "),
    ],
)
def test_what_is_no_comparison_of_releases(comparisons: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        releases.fulfils(releases.newest(), comparisons)


@pytest.mark.parametrize(("text", "name"), [("3.12", "3.12.0"), ("3.1", "3.1.0"), ("3.13.0", "3.13.0")])
def test_a_release_is_found_by_its_beginning(text: str, name: str) -> None:
    assert releases.find(text).release.name == name
    assert releases.full_name(text) == name


def test_a_beginning_of_several_releases_names_none() -> None:
    with pytest.raises(
        UsageError, match=r"^3\.7: matches several IREE releases: 3\.7\.0, 3\.7\.1; name one of them\.$"
    ):
        releases.find("3.7")
    assert releases.full_name("3.7") == "3.7"
    assert [each.release.name for each in releases.Releases().selected("3.11..3.13")] == ["3.11.0", "3.12.0", "3.13.0"]
