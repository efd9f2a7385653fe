import gzip
import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.fetch.encoding import decoded
from harness.fetch.source import AttemptError

BODY = random.Random(4).randbytes(300_000) + bytes(3_000_000)  # noqa: S311


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


@pytest.mark.parametrize("size", [1 << 20, 4099])
@pytest.mark.parametrize("body", [b"", b"a", BODY], ids=["none", "one", "many"])
def test_the_content_comes_in_small_pieces(body: bytes, size: int) -> None:
    found = list(decoded(pieces(gzip.compress(body), size), len(body)))
    assert b"".join(found) == body
    assert max(map(len, found), default=0) <= 256 << 10


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=5), st.integers(min_value=1, max_value=100))
def test_a_body_may_have_several_members(contents: list[bytes], size: int) -> None:
    body = b"".join(map(gzip.compress, contents))
    assert b"".join(decoded(pieces(body, size), None)) == b"".join(contents)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "ends before"),
        (gzip.compress(BODY)[:-1], "ends before"),
        (gzip.compress(BODY)[:9], "ends before"),
        (b"plain", "is not gzip-encoded"),
        (gzip.compress(b"a") + b"rubbish", "is not gzip-encoded"),
        (gzip.compress(BODY)[:-8] + b"wrong sum", "is not gzip-encoded"),
    ],
    ids=["empty", "cut by a byte", "only the header", "plain", "followed by rubbish", "a wrong sum"],
)
def test_a_malformed_body_is_refused(body: bytes, what: str) -> None:
    with pytest.raises(AttemptError, match=what):
        list(decoded(pieces(body, 1 << 16), None))


def test_a_body_of_unknown_size_may_not_grow_without_bounds() -> None:
    made: list[int] = []
    found = decoded(pieces(gzip.compress(bytes(200 << 20), 9), 1 << 20), None)
    with pytest.raises(AttemptError, match="its size is unknown") as raised:
        made.extend(map(len, found))
    assert not raised.value.failure.retriable
    assert sum(made) < 32 << 20


def test_endless_members_without_content_bring_no_piece() -> None:
    assert list(decoded(pieces(gzip.compress(b"") * 20_000, 1 << 20), None)) == []
