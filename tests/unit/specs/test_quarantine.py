import datetime as dt
import os
import re
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.core.quarantines import Quarantine
from harness.specs.quarantine import Entry, read

TODAY = dt.date(2026, 11, 29)
ENTRY = '[[case]]\nid = "sd3/clip[rocm-*]"\nowner = "ana"\nuntil = {}\nreason = "wrong on gfx942"\n'


def listed(tmp_path: Path, text: str) -> tuple[Entry, ...]:
    (tmp_path / "quarantine.toml").write_text(text)
    return read(tmp_path / "quarantine.toml", TODAY)


@pytest.mark.parametrize(("until", "has_ended"), [("2026-11-28", True), ("2026-11-29", False), ('"2027-01-31"', False)])
def test_an_entry(tmp_path: Path, until: str, has_ended: bool) -> None:  # noqa: FBT001
    (found,) = listed(tmp_path, ENTRY.format(until))
    assert found.id == "sd3/clip[rocm-*]"
    expected = Quarantine(owner="ana", until=until.strip('"'), reason="wrong on gfx942", has_ended=has_ended)
    assert found.quarantine == expected


def test_an_empty_list(tmp_path: Path) -> None:
    assert listed(tmp_path, "# nothing today\n") == ()


@pytest.mark.parametrize(
    ("pattern", "case", "expected"),
    [
        ("sd3/clip", "sd3/clip[cpu]", True),
        ("sd3/clip", "sd3/clip_l[cpu]", False),
        ("sd3/*", "sd3/clip[rocm-gfx942]", True),
        ("sd3/clip[cpu]", "sd3/clip[cpu]", True),
        ("sd3/clip[cpu]", "sd3/clip[rocm-gfx942]", False),
        ("sd3/clip[rocm-*]", "sd3/clip[rocm-gfx942]", True),
        ("*/clip[rocm-gfx94?]", "sd3/clip[rocm-gfx942]", True),
        ("sd3", "sd3/clip[cpu]", False),
    ],
)
def test_the_cases_of_an_entry(pattern: str, case: str, expected: bool) -> None:  # noqa: FBT001
    entry = Entry(id=pattern, quarantine=Quarantine(owner="a", until="2027-01-31", reason="b"))
    assert entry.matches(case) is expected
    assert entry.is_about(case.partition("[")[0]) or not expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[case]", "at line 1"),
        ("case = 7", "Expected `array`, got `int` - at `$.case`"),
        (ENTRY.format('"soon"'), "Invalid RFC3339"),
        (ENTRY.format("2027-01-31").replace("owner", "onwer"), "unknown field `onwer`"),
        (ENTRY.format("2027-01-31") + 'chip = "x"', "unknown field `chip`"),
        (ENTRY.format("2027-01-31").replace('"ana"', '" "'), "an entry has an empty owner"),
        (ENTRY.format("2027-01-31T00:00:00Z"), "Expected `date`"),
        ("[[cases]]", "unknown field `cases`"),
        ("x = " + "[" * 100_000, ""),
        ("\udcff", ""),
    ],
)
def test_a_list_that_is_none(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "quarantine.toml"
    path.write_bytes(os.fsencode(text))
    with pytest.raises(UsageError) as caught:
        read(path, TODAY)
    assert str(caught.value).startswith(f"{path}: cannot be read as a list of cases in quarantine (")
    assert why in str(caught.value)
    assert re.search(r"\); expected entries such as: \[\[case\]\] id = .*\.$", str(caught.value))
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read(tmp_path / "lost.toml", TODAY)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(UsageError, match="a FIFO"):
        read(tmp_path / "fifo", TODAY)


def test_texts_are_cleaned(tmp_path: Path) -> None:
    (found,) = listed(tmp_path, ENTRY.format("2027-01-31").replace("ana", "\\u001b[2Jana\\n::error::"))
    assert found.quarantine.owner == "ana ::error::"
