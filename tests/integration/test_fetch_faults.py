"""Every fault, for small and large blobs, locked and not, over one connection and eight."""

import re
import traceback

import pytest

from harness.core.blobs import Blob
from harness.core.errors import FetchError, IntegrityError
from harness.core.urls import redacted
from tests.integration.bench import LARGE, SMALL, Bench, locked, sha256
from tests.integration.faults import FAULTS, OTHER

SECRETS = ("us3r", "passw0rd", "s1gnature", "fr4gment")
ASKED = re.compile(r"\(attempt \d+ of \d+, at byte \d+\); .*\.$")


@pytest.mark.parametrize("connections", [1, 8], ids=["1 connection", "8 connections"])
@pytest.mark.parametrize("is_locked", [True, False], ids=["locked", "unlocked"])
@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_ends_with_the_right_bytes_or_the_right_error(
    bench: Bench, name: str, body: bytes, connections: int, *, is_locked: bool
) -> None:
    fault = FAULTS[name]
    plain = bench.server.serve("/a", *fault.answers(body)).removeprefix("http://")
    url = f"http://us3r:passw0rd@{plain}?sig=s1gnature#fr4gment"
    blob = locked(url, body) if is_locked else Blob(url=url)
    expected = fault.expected(is_small=body is SMALL, is_locked=is_locked)
    if isinstance(expected, str):
        fetched = bench.fetch(blob, connections=connections, retry=fault.retry)
        content = fetched.path.read_bytes()
        assert content == (fault.other(body) if expected is OTHER else body)
        assert (fetched.blob.sha256, fetched.blob.bytes) == (sha256(content), len(content))
        assert bench.partials() == []
        said = repr(fetched)
    else:
        with pytest.raises(expected, match=fault.says) as raised:
            bench.fetch(blob, connections=connections, retry=fault.retry)
        told = str(raised.value)
        assert told.startswith(f"{redacted(url)}: ")
        assert ASKED.search(told) or (expected is IntegrityError and "; expected " in told)
        assert expected is FetchError or bench.partials() == []
        assert bench.files() == []
        said = "".join(traceback.format_exception(raised.value))
    bench.assert_no_wrong_byte(*SECRETS)
    text = "\n".join([said, *bench.notices])
    assert [secret for secret in SECRETS if secret in text] == []
    assert all(each.startswith(redacted(url)) and "\n" not in each for each in bench.notices)
