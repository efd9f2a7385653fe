"""Which bytes of a blob are served: ranges, conditions, and HEAD."""

import hashlib
import re
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.core.callbacks import ignore
from harness.fetch.mirror_server import serving
from harness.store.store import Store
from tests.integration.shelf import BODY, SHA256, TAG, URL, client_of, keep

SIZES = (0, 1, 2, 3, 10, 1000)


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Return a client of a store that has a blob of each of the sizes."""
    store = Store(tmp_path_factory.mktemp("store"))
    for size in SIZES:
        keep(store, BODY[:size], f"https://host/{size}")
    with serving(store, "127.0.0.1", 0, ignore) as url, client_of(f"{url}https://host/") as client:
        yield client


def part(body: bytes, wanted: str) -> bytes | None:
    """Return the slice that a valid range asks for; None for what is to be answered with the whole."""
    first, last = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted, re.ASCII).groups()  # type: ignore[union-attr]
    if first and last:
        return body[int(first) : int(last) + 1] if int(first) <= int(last) else None
    if first:
        return body[int(first) :]
    return None if not last or (not body and int(last)) else body[-int(last) :] if int(last) else b""


numbers = st.one_of(st.just(""), st.integers(0, 1100).map(str), st.integers(0, 10**19).map(str), st.just("007"))


@settings(max_examples=100, deadline=None)
@given(size=st.sampled_from(SIZES), first=numbers, last=numbers)
@example(size=0, first="0", last="")
@example(size=0, first="", last="5")
@example(size=10, first="", last="0")
@example(size=10, first="10", last="")
@example(size=10, first="9", last="99")
@example(size=10, first="5", last="4")
def test_a_range_is_a_slice(sizes: httpx.Client, size: int, first: str, last: str) -> None:
    body, wanted = BODY[:size], f"bytes={first}-{last}"
    response = sizes.get(str(size), headers={"Range": wanted})
    expected = part(body, wanted)
    if expected is None:
        assert (response.status_code, response.content) == (200, body)
        assert "Content-Range" not in response.headers
    elif expected:
        start = int(first) if first else size - len(expected)
        assert (response.status_code, response.content) == (206, expected)
        assert response.headers["Content-Range"] == f"bytes {start}-{start + len(expected) - 1}/{size}"
    else:
        assert (response.status_code, response.content) == (416, b"")
        assert response.headers["Content-Range"] == f"bytes */{size}"
    assert response.headers["ETag"] == f'"sha256:{hashlib.sha256(body).hexdigest()}"'


@settings(max_examples=100, deadline=None)
@given(
    size=st.sampled_from(SIZES),
    wanted=st.one_of(
        st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30).map(
            str.strip
        ),
        st.from_regex(r"(bytes|items|)[= ]{0,2}[-+ ,0-9a-z]{0,20}", fullmatch=True).map(str.strip),
    ),
)
@example(size=10, wanted="bytes=0-1,3-4")
@example(size=10, wanted="bytes=0-1,")
@example(size=10, wanted="bytes=" + "9" * 60_000 + "-")
@example(size=10, wanted="bytes=\N{SUPERSCRIPT TWO}-")
@example(size=10, wanted="items=0-1")
def test_any_range_is_answered(sizes: httpx.Client, size: int, wanted: str) -> None:
    body = BODY[:size]
    response = sizes.get(str(size), headers=[(b"Range", wanted.encode("latin-1"))])
    if response.status_code == 206:
        first, last = re.fullmatch(rf"bytes (\d+)-(\d+)/{size}", response.headers["Content-Range"]).groups()  # type: ignore[union-attr]
        assert response.content == body[int(first) : int(last) + 1]
    else:
        assert (response.status_code, response.content) in {(200, body), (416, b"")}


def test_a_unit_is_known_however_it_is_written(client: httpx.Client) -> None:
    for unit in ("bytes", "Bytes", "BYTES"):
        assert client.get(f"/{URL}", headers={"Range": f"{unit}=1-2"}).content == BODY[1:3]


def test_a_range_of_other_content_is_the_whole(client: httpx.Client) -> None:
    others = (f"W/{TAG}", SHA256, '"other"', "", "Sun, 22 Nov 2026 19:23:56 GMT")
    for validator, expected in {TAG: 206, f'"{SHA256}"': 206, **dict.fromkeys(others, 200)}.items():
        response = client.get(f"/{URL}", headers={"Range": "bytes=5-", "If-Range": validator})
        assert (response.status_code, response.content) == (expected, BODY[5:] if expected == 206 else BODY), validator


@pytest.mark.parametrize(("method", "other"), [("GET", 416), ("HEAD", 200)])
def test_what_is_known_is_not_sent(client: httpx.Client, method: str, other: int) -> None:
    same = (TAG, f'"{SHA256}"', f"W/{TAG}", f'"a", {TAG}', "*")
    for known, expected in {**dict.fromkeys(same, 304), '"a"': other, "": other}.items():
        response = client.request(method, f"/{URL}", headers={"If-None-Match": known, "Range": "bytes=99999-"})
        assert (response.status_code, response.content, response.headers["ETag"]) == (expected, b"", TAG), known


def test_head_answers_as_get_and_ignores_ranges(client: httpx.Client) -> None:
    for target in ("/", f"/{URL}", "/missing"):
        head, get = client.head(target, headers={"Range": "bytes=0-0"}), client.get(target)
        assert (head.status_code, head.content) == (get.status_code, b"")
        assert {**head.headers, "date": ""} == {**get.headers, "date": ""}
