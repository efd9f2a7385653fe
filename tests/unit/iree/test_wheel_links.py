import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.blobs import Blob
from harness.iree import wheel_links
from harness.iree.wheel_links import COMPILER, RUNTIME, Offer

PAGE = "https://host.example/iree/pip-release-links.html"
ASSETS = "https://github.com/iree-org/iree/releases/download/iree-3.14.0rc20261101"
NIGHTLY = "iree_base_compiler-3.14.0rc20261101-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl"
SHA256 = "ab" * 32


def offered(text: str, url: str = PAGE) -> list[tuple[str, str | None]]:
    """Return where the wheels of a page are, and their digests."""
    return [(each.blob.url, each.blob.sha256) for each in wheel_links.page(text, url, "x86_64").offers]


def named(name: str, machine: str = "x86_64") -> Offer | None:
    return wheel_links.offer(f"https://host/{name}", machine)


def test_a_page_as_iree_has_it() -> None:
    text = f"""<html><body>
      <a href={ASSETS}/{NIGHTLY}>{NIGHTLY}</a><br />
      <a href={ASSETS}/{NIGHTLY.replace("cp312", "cp313")}>another Python</a>
      <a href={ASSETS}/{NIGHTLY.replace("x86_64", "aarch64")}>another machine</a>
      <a href={ASSETS}/iree_base_compiler-3.14.0rc20261101-cp312-cp312-win_amd64.whl>another system</a>
      <a href={ASSETS}/iree-dist-3.14.0rc20261101-linux-x86_64.tar.xz>no wheel</a>
      <a href={ASSETS}/iree_turbine-3.14.0rc20261101-py3-none-any.whl>another project</a>
    </body></html>"""
    assert wheel_links.page(text, PAGE, "x86_64").offers == (
        Offer(package=COMPILER, version="3.14.0rc20261101", build=0, blob=Blob(url=f"{ASSETS}/{NIGHTLY}")),
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
        (f"{NIGHTLY}#sha256=abc", PAGE, f"its sha256 on {PAGE} is none"),
        (f"{NIGHTLY}#sha256=", PAGE, f"its sha256 on {PAGE} is none"),
        (f"file:///data/{NIGHTLY}", PAGE, f"{PAGE} links to it by file:, and may by https: and http: only"),
        (f"s3://bucket/{NIGHTLY}", PAGE, f"{PAGE} links to it by s3:, and may by https: and http: only"),
        (f"s3://bucket/{NIGHTLY}", "file:///page.html", "file:///page.html links to it by s3:, and may by https:"),
        (f"http://host.example/{NIGHTLY}", PAGE, f"{PAGE} links to it by http: without a sha256"),
    ],
)
def test_what_a_page_may_not_say_is_left_out_with_the_reason(href: str, page: str, why: str) -> None:
    found = wheel_links.page(f'<a href="{href}">', page, "x86_64")
    assert found.offers == ()
    (told,) = found.left_out
    assert f"{NIGHTLY} is left out: {why}" in told


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
    assert (found.offers, found.left_out) == ((), ())


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
    "version", ["3.14.0", "3.14.0.dev0+0123abc", "3.14.0.dev0%2B0123abc", "3.14.0.post1", "3.14.0a1", "3"]
)
def test_a_version(version: str) -> None:
    found = named(f"iree_base_compiler-{version}-cp312-cp312-linux_x86_64.whl")
    assert found
    assert found.version == version.replace("%2B", "+")


@pytest.mark.parametrize(
    "version",
    ["", "x", "3.", "3.14.0+", "3.14.0+a+b", "..%2F..%2Fetc", "3%2F4", "3.14.0%0A", "3.14.0+" + "a" * 60, "\u0663"],
)
def test_what_is_no_version_becomes_no_part_of_a_path(version: str) -> None:
    assert named(f"iree_base_compiler-{version}-cp312-cp312-linux_x86_64.whl") is None


def test_the_order_of_versions() -> None:
    ordered = ["3.9.0", "3.14.0.dev0", "3.14.0a1", "3.14.0rc2", "3.14.0rc10", "3.14.0", "3.14.0.post1", "3.14.1.dev3"]
    assert sorted([*ordered[4:], *ordered[:4]], key=wheel_links.version_key) == ordered
