"""What goes before the forecast, the commands, is in `test_plan_keys.py`."""

from pathlib import Path

import pytest

from harness.core.blobs import Blob, BlobForecast
from harness.pipeline.shell_script import forecast

GB = 10**9


def remote(name: str, size_bytes: int | None, *, here: bool = False, partial_bytes: int = 0) -> BlobForecast:
    blob = Blob(url=f"https://me:pw@host/{name}?sig=s1gnature")
    return BlobForecast(blob=blob, size_bytes=size_bytes, is_present=here, partial_bytes=partial_bytes)


def local(name: str, size_bytes: int | None) -> BlobForecast:
    return BlobForecast(blob=Blob(url=f"file:///{name}"), size_bytes=size_bytes, is_present=size_bytes is not None)


def lines(*forecasts: BlobForecast) -> list[str]:
    return forecast(forecasts, store=Path("/store"), free_bytes=60 * GB).splitlines()


def test_one_blob_is_one() -> None:
    assert lines(local("a", 12))[-2] == "# 1 blob: 0 to fetch (0 B), 0 cached (0 B), 1 local"


def test_each_blob_and_what_they_need_together() -> None:
    assert lines(
        remote("here", 2 * GB, here=True),
        remote("begun", 3 * GB, partial_bytes=GB),
        remote("none", 5 * GB),
        local("a", 12),
    ) == [
        "",
        "#   2.0 GB  cached    https://host/here?sig=***",
        "#   3.0 GB  partial   https://host/begun?sig=***",
        "#   5.0 GB  to fetch  https://host/none?sig=***",
        "#     12 B  local     file:///a",
        "# 4 blobs: 2 to fetch (7.0 GB), 1 cached (2.0 GB), 1 local",
        "# disk space needed in /store: 7.0 GB; free: 60.0 GB",
    ]


def test_what_nobody_knows_is_said_to_be_unknown() -> None:
    told = lines(remote("none", None), remote("begun", None, partial_bytes=7), remote("small", 12), local("b", None))
    assert told[1:3] == [
        "#        ?  to fetch  https://host/none?sig=***",
        "#        ?  partial   https://host/begun?sig=***",
    ]
    assert told[4] == "#        ?  missing   file:///b"
    assert told[5] == "# 4 blobs: 3 to fetch (12 B and 2 of unknown size), 0 cached (0 B), 1 local (1 missing)"
    assert told[6] == "# disk space needed in /store: 12 B and 2 of unknown size; free: 60.0 GB"


def test_more_than_is_to_come_may_be_there() -> None:
    assert remote("begun", 10, partial_bytes=4096).missing_bytes == 0


def test_what_is_free_may_be_unknown() -> None:
    told = forecast([remote("a", 1)], store=Path("/store"), free_bytes=None)
    assert told.endswith("\n# disk space needed in /store: 1 B; free: ?\n")


def test_without_blobs_nothing_is_said() -> None:
    assert lines() == []


@pytest.mark.parametrize("evil", ["\nrm -rf $HOME", "\r\nreboot", "\x0breboot", "\u2028reboot"])
def test_nothing_in_it_can_become_a_command(evil: str) -> None:
    told = forecast([remote(evil, 1), local(evil, 1)], store=Path(f"/store{evil}"), free_bytes=0)
    assert all(not line or line.startswith("# ") for line in told.splitlines())
