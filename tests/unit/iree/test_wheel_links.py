import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.blobs import Blob
from harness.core.cases import Release
from harness.iree import releases, wheel_links
from harness.iree.releases import Wheel
from harness.iree.wheel_links import COMPILER, RUNTIME, Paired, Source, WheelLink

PAGE = "https://host.example/iree/pip-release-links.html"
ASSETS = "https://github.com/iree-org/iree/releases/download/iree-3.14.0rc20261101"
NIGHTLY = "iree_base_compiler-3.14.0rc20261101-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl"
SHA256 = "ab" * 32


def offered(text: str, url: str = PAGE) -> list[tuple[str, str | None]]:
    """Return where the wheels of a page are, and their digests."""
    return [(each.blob.url, each.blob.sha256) for each in wheel_links.page(text, url, "x86_64").wheels]


def named(name: str, machine: str = "x86_64") -> WheelLink | None:
    return wheel_links.parse(f"https://host/{name}", machine)


def test_a_page_as_iree_has_it() -> None:
    text = f"""<html><body>
      <a href={ASSETS}/{NIGHTLY}>{NIGHTLY}</a><br />
      <a href={ASSETS}/{NIGHTLY.replace("cp312", "cp313")}>another Python</a>
      <a href={ASSETS}/{NIGHTLY.replace("x86_64", "aarch64")}>another machine</a>
      <a href={ASSETS}/iree_base_compiler-3.14.0rc20261101-cp312-cp312-win_amd64.whl>another system</a>
      <a href={ASSETS}/iree-dist-3.14.0rc20261101-linux-x86_64.tar.xz>no wheel</a>
      <a href={ASSETS}/iree_turbine-3.14.0rc20261101-py3-none-any.whl>another project</a>
    </body></html>"""
    assert wheel_links.page(text, PAGE, "x86_64").wheels == (
        WheelLink(package=COMPILER, version="3.14.0rc20261101", build=0, blob=Blob(url=f"{ASSETS}/{NIGHTLY}")),
    )


@pytest.mark.parametrize(
    ("href", "url", "sha256"),
    [
        (NIGHTLY, f"https://host.example/iree/{NIGHTLY}", None),
        (f"../w/{NIGHTLY}", f"https://host.example/w/{NIGHTLY}", None),
        (f"/{NIGHTLY}", f"https://host.example/{NIGHTLY}", None),
        (f"//cdn.example/{NIGHTLY}", f"https://cdn.example/{NIGHTLY}", None),
        (f" \n{NIGHTLY}\t", f"https://host.example/iree/{NIGHTLY}", None),
        (f"{NIGHTLY}#sha256={SHA256}", f"https://host.example/iree/{NIGHTLY}", SHA256),
        (f"{NIGHTLY}#egg=x&amp;sha256={SHA256.upper()}", f"https://host.example/iree/{NIGHTLY}", SHA256),
        (f"{NIGHTLY}#md5={'0' * 32}", f"https://host.example/iree/{NIGHTLY}", None),
        (f"{NIGHTLY}?a=1&amp;sig=s#sha256={SHA256}", f"https://host.example/iree/{NIGHTLY}?a=1&sig=s", SHA256),
        (NIGHTLY.replace("_", "%5f"), f"https://host.example/iree/{NIGHTLY.replace('_', '%5f')}", None),
        (f"http://host.example/{NIGHTLY}#sha256={SHA256}", f"http://host.example/{NIGHTLY}", SHA256),
    ],
)
def test_a_link_is_relative_to_the_page_and_may_have_a_digest(href: str, url: str, sha256: str | None) -> None:
    assert offered(f'<A HREF="{href}" data-requires-python="&gt;=3.9">x</A>') == [(url, sha256)]


def test_a_page_may_name_a_base_and_repeat_itself() -> None:
    text = f'<base href="../files/"><base href="/no/"><a href="{NIGHTLY}"></a><a href="{NIGHTLY}"></a>'
    assert offered(text) == [(f"https://host.example/files/{NIGHTLY}", None)]


def test_the_password_of_a_page_is_that_of_its_links() -> None:
    assert offered(f'<a href="{NIGHTLY}">', "https://me:pw@host/x.html") == [(f"https://me:pw@host/{NIGHTLY}", None)]


@pytest.mark.parametrize(
    ("href", "page", "why"),
    [
        (f"{NIGHTLY}#sha256=abc", PAGE, f"its sha256 on {PAGE} is not valid"),
        (f"{NIGHTLY}#sha256=", PAGE, f"its sha256 on {PAGE} is not valid"),
        (f"file:///data/{NIGHTLY}", PAGE, f"{PAGE} links to it by file:; expected https: or http:"),
        (f"s3://bucket/{NIGHTLY}", PAGE, f"{PAGE} links to it by s3:; expected https: or http:"),
        (f"s3://bucket/{NIGHTLY}", "file:///page.html", "file:///page.html links to it by s3:; expected https:"),
        (f"http://host.example/{NIGHTLY}", PAGE, f"{PAGE} links to it by http: without a sha256"),
    ],
)
def test_what_a_page_may_not_say_is_skipped_with_the_reason(href: str, page: str, why: str) -> None:
    found = wheel_links.page(f'<a href="{href}">', page, "x86_64")
    assert found.wheels == ()
    (told,) = found.skipped
    assert told.startswith("skipping ")
    assert f"{NIGHTLY}: {why}" in told


def test_a_page_on_disk_may_name_files() -> None:
    assert offered(f'<a href="w/{NIGHTLY}">', "file:///a/page.html") == [(f"file:///a/w/{NIGHTLY}", None)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no HTML at all \x00\xff",
        "<a>no target</a><a href>none</a><a href=''>empty</a>",
        "<a href='http://[::1'>no URL</a><a href='https://[x]/y'>none</a>",
        f"<!-- <a href='{NIGHTLY}'> -->",
        f"<script>document.write('<a href={NIGHTLY}>')</script>",
        f"<a href='{NIGHTLY}/'>a folder</a><a href='{NIGHTLY}.metadata'>PEP 658</a>",
        f"<a href='x?file={NIGHTLY}'>no path</a><a href='x#{NIGHTLY}'>a fragment</a>",
        "<a href='" + "a/" * 10_000 + "'>",
        f"<a href='javascript:{NIGHTLY}'",
    ],
)
def test_what_is_no_link_to_a_wheel_is_none(text: str) -> None:
    found = wheel_links.page(text, PAGE, "x86_64")
    assert (found.wheels, found.skipped) == ((), ())


@given(st.text(alphabet="<>!-[]ahrefs='\"/&;# .\n\x00", max_size=60))
def test_a_page_is_read_or_is_said_to_be_none(text: str) -> None:
    with contextlib.suppress(ValueError):
        wheel_links.page(f'{text}<a href="{NIGHTLY}">', PAGE, "x86_64")


@pytest.mark.parametrize(
    "tags",
    [
        "cp312-cp312-manylinux_2_28_x86_64",
        "cp312-abi3-manylinux_2_27_x86_64.manylinux_2_28_x86_64",
        "cp39-abi3-manylinux2014_x86_64",
        "cp311.cp312-cp312-linux_x86_64",
        "py3-none-linux_x86_64",
        "2-cp312-cp312-linux_x86_64",
    ],
)
def test_a_wheel_that_fits(tags: str) -> None:
    found = named(f"iree_base_runtime-3.14.0rc20261101-{tags}.whl")
    assert found
    assert (found.package, found.version, found.build) == (RUNTIME, "3.14.0rc20261101", 2 if tags[1] == "-" else 0)
    assert named(f"iree_base_runtime-3.14.0rc20261101-{tags}.whl", "aarch64") is None


@pytest.mark.parametrize(
    "tags",
    [
        "cp313-abi3-manylinux_2_28_x86_64",
        "cp313-cp313-manylinux_2_28_x86_64",
        "cp312-cp312t-manylinux_2_28_x86_64",
        "cp3-abi3-manylinux_2_28_x86_64",
        "cp39-cp39-manylinux_2_28_x86_64",
        "cp312-cp312-musllinux_1_2_x86_64",
        "cp312-cp312-manylinux_2_28_aarch64",
        "cp312-cp312-macosx_13_0_universal2",
        "cp312-cp312-xmanylinux_2_28_x86_64",
        "cp312-cp312-any",
    ],
)
def test_a_wheel_that_does_not_fit(tags: str) -> None:
    assert named(f"iree_base_runtime-3.14.0rc20261101-{tags}.whl") is None


@pytest.mark.parametrize(
    "version",
    ["3.14.0", "3.14.0.dev0+0123abc", "3.14.0.dev0%2B0123abc", "3.14.0.dev0+01234567", "3.14.0.post1", "3.14.0a1", "3"],
)
def test_a_version(version: str) -> None:
    found = named(f"iree_base_compiler-{version}-cp312-cp312-linux_x86_64.whl")
    assert found
    assert found.version == version.replace("%2B", "+")


@pytest.mark.parametrize(
    "version",
    [
        "",
        "x",
        "3.",
        "3.14.0+",
        "3.14.0+a+b",
        "..%2F..%2Fetc",
        "3%2F4",
        "3.14.0%0A",
        "3.14.0+" + "a" * 60,
        "\u0663",
        "1!3.14.0",
        "3.14.0RC1",
    ],
)
def test_what_is_no_version_becomes_no_part_of_a_path(version: str) -> None:
    assert named(f"iree_base_compiler-{version}-cp312-cp312-linux_x86_64.whl") is None


@pytest.mark.parametrize(
    "name",
    [
        "iree_base_compiler-3.14.0-1%2F..%2Fx-cp312-cp312-linux_x86_64.whl",
        "iree_base_compiler-3.14.0-1%0Ax-cp312-cp312-linux_x86_64.whl",
        "iree_base_compiler-3.14.0-cp312-cp312-linux_x86_64.%2F.whl",
        "iree_base_compiler-3.14.0-cp312-cp312-linux_x86_64." + "a" * 255 + ".whl",
    ],
)
def test_what_is_no_plain_name_becomes_no_file_name(name: str) -> None:
    assert named(name) is None


def test_tags_that_multiply_are_not_multiplied_out() -> None:
    many = ".".join(f"t{index}" for index in range(10))
    assert named(f"iree_base_compiler-3.14.0-{many}.cp312-{many}.cp312-linux_x86_64.whl") is None


def wheel(package: str, version: str, **changes: Any) -> WheelLink:
    name = f"{package.replace('-', '_')}-{version}-cp312-cp312-linux_x86_64.whl"
    wanted: dict[str, Any] = {"package": package, "version": version, "build": 0, "blob": Blob(url=f"https://h/{name}")}
    return WheelLink(**(wanted | changes))


def both(version: str, **changes: Any) -> tuple[WheelLink, WheelLink]:
    return wheel(COMPILER, version, **changes), wheel(RUNTIME, version, **changes)


def source(*links: WheelLink, name: str = "page", local: bool = False) -> Source:
    return Source(name=name, wheels=links, local=local)


def names(found: Paired) -> list[str]:
    return [each.release.name for each in found.releases]


def test_a_compiler_and_a_runtime_of_one_version_are_a_release() -> None:
    digest = "ab" * 32
    compiler = wheel(COMPILER, "3.14.0rc20261101", blob=Blob(url="https://h/c", sha256=digest), commit="cd" * 20)
    (found,) = wheel_links.paired([source(compiler, wheel(RUNTIME, "3.14.0rc20261101"))]).releases
    assert found.release == Release(name="3.14.0rc20261101", date=20261101)
    assert (found.release_candidate, found.commit) == ("3.14.0rc20261101", "cd" * 20)
    url = "https://h/iree_base_runtime-3.14.0rc20261101-cp312-cp312-linux_x86_64.whl"
    assert found.wheels == (
        Wheel(package=COMPILER, version="3.14.0rc20261101", sha256=(digest,), url="https://h/c"),
        Wheel(package=RUNTIME, version="3.14.0rc20261101", sha256=(), url=url),
    )


def runtime_of(*sources: Source) -> str:
    (found,) = wheel_links.paired(sources).releases
    return found.wheels[1].version


def test_without_a_runtime_of_its_version_it_takes_the_newest_older_one_of_its_source() -> None:
    compiler = wheel(COMPILER, "3.20.1")
    older = [wheel(RUNTIME, version) for version in ("3.19.0", "3.20.0", "3.20.2", "3.9.0", "3.20.1rc20270101")]
    assert runtime_of(source(compiler, *older)) == "3.20.0"
    assert runtime_of(source(compiler, older[0]), source(older[1], name="another")) == "3.19.0"


def test_the_runtime_of_its_version_may_be_on_another_page_as_in_an_index() -> None:
    compiler, runtime = both("3.14.0rc20261101")
    assert runtime_of(source(compiler), source(runtime, name="another")) == "3.14.0rc20261101"


def test_older_goes_by_date() -> None:
    """A release candidate of 3.10.0 that is newer than 3.10.0 goes with what was made before it."""
    compiler = wheel(COMPILER, "3.10.0rc20260115")
    runtimes = [wheel(RUNTIME, version) for version in ("3.10.0rc20260114", "3.11.0", "3.10.0rc20260116", "3.10.0")]
    assert runtime_of(source(compiler, *runtimes)) == "3.10.0rc20260114"


def test_one_without_any_is_skipped_and_told() -> None:
    found = wheel_links.paired([source(wheel(COMPILER, "3.14.0rc20261101"), wheel(RUNTIME, "3.14.0rc20261102"))])
    assert found.releases == ()
    (told,) = found.skipped
    assert told.startswith("skipping iree_base_compiler-3.14.0rc20261101-cp312-cp312-linux_x86_64.whl of page: no iree")


def test_what_the_lock_has_is_left_to_it() -> None:
    links = [each for version in ("3.13.0", "3.13.0rc20261016", "3.10.0rc20260107") for each in both(version)]
    assert wheel_links.paired([source(*links)]) == Paired(releases=(), skipped=())


def test_local_builds_count_in_the_place_of_the_lock() -> None:
    (found,) = wheel_links.paired([source(*both("3.13.0"), local=True)]).releases
    assert found.release == releases.find("3.13.0").release
    assert found.wheels[0].url
    assert releases.Releases([found]).find("3.13.0") == found


def test_of_two_with_one_version_the_first_counts_and_of_local_builds_this_is_told() -> None:
    first, second = both("3.14.0rc20261101"), both("3.14.0rc20261101", blob=Blob(url="https://h/second-1.whl"))
    found = wheel_links.paired([source(*first), source(*second, name="another")])
    assert (found.releases[0].wheels[0].url, found.skipped) == (first[0].blob.url, ())
    found = wheel_links.paired([source(*first, local=True), source(*second, name="another", local=True)])
    assert found.releases[0].wheels[0].url == first[0].blob.url
    assert found.skipped == ("skipping second-1.whl of another: found this version before",)


@pytest.mark.parametrize("builds", [(0, 2), (2, 0)])
def test_of_two_builds_of_a_wheel_the_higher_counts(builds: tuple[int, int]) -> None:
    links = [wheel(COMPILER, "3.14.0", build=build, blob=Blob(url=f"https://h/{build}")) for build in builds]
    (found,) = wheel_links.paired([source(*links, wheel(RUNTIME, "3.14.0"))]).releases
    assert found.wheels[0].url == "https://h/2"


def test_releases_order_by_date_and_local_builds_by_when_they_were_made() -> None:
    links = [
        *both("3.14.0.dev0+new", made=(2026, 11, 20, 10, 0, 0)),
        *both("3.15.0.dev0+old", made=(2026, 11, 20, 9, 59, 58)),
        *both("3.14.0rc20261102"),
        *both("3.10.0rc20260115"),
        *both("3.14.0rc20261101", made=(2030, 1, 1, 0, 0, 0)),
        *both("3.16.0.dev0+unknown"),
    ]
    expected = ["3.10.0rc20260115", "3.14.0rc20261101", "3.14.0rc20261102", "3.16.0.dev0+unknown", "3.15.0.dev0+old"]
    found = wheel_links.paired([source(*links)])
    assert names(found) == [*expected, "3.14.0.dev0+new"]
    assert releases.Releases(found.releases).names[-5:] == [*expected[1:], "3.14.0.dev0+new"]


def test_the_order_of_versions() -> None:
    ordered = ["3.9.0", "3.14.0.dev0", "3.14.0a1", "3.14.0rc2", "3.14.0rc10", "3.14.0", "3.14.0.post1", "3.14.1.dev3"]
    runtimes = [wheel(RUNTIME, version) for version in (*ordered[4:], *ordered[:4])]
    assert [each.version for each in sorted(runtimes, key=wheel_links._order)] == ordered
