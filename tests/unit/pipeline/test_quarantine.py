import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from harness.core.cases import Backend, Case, Target
from harness.core.settings import CaseSettings
from harness.pipeline import quarantine
from tests.unit import samples

CASE = Case(spec=samples.spec(), target=Target(backend=Backend.CPU))
LATER, BEFORE = (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=days) for days in (9, -9))


def entry(name: str, until: dt.date = LATER) -> str:
    return f'[[case]]\nid = "{name}"\nowner = "ana"\nuntil = {until}\nreason = "slow"\n'


def marked(folder: Path | None, said: list[str] | None = None, **settings: Any) -> list[Case]:
    found = said if said is not None else []
    return quarantine.marked([CASE], CaseSettings(**settings), folder, found.append)


def test_without_a_list_no_case_is_in_quarantine(tmp_path: Path) -> None:
    for folder in (None, tmp_path):
        assert [each.quarantine for each in marked(folder)] == [None]


def test_the_list_in_the_folder_of_specs_or_another(tmp_path: Path) -> None:
    name = CASE.spec.name
    (tmp_path / "quarantine.toml").write_text(entry("x/y"))
    (tmp_path / "other.toml").write_text(entry(name))
    assert [each.quarantine for each in marked(tmp_path)] == [None]
    (case,) = marked(tmp_path, quarantine=tmp_path / "other.toml")
    assert case.quarantine
    assert (case.quarantine.owner, case.quarantine.has_ended) == ("ana", False)
    assert str(case.quarantine) == f"in quarantine until {LATER} (ana: slow)"


def test_an_entry_that_has_not_ended_comes_first(tmp_path: Path) -> None:
    name = CASE.spec.name
    (tmp_path / "quarantine.toml").write_text(entry(name, BEFORE))
    (case,) = marked(tmp_path)
    assert case.quarantine
    assert str(case.quarantine) == f"its quarantine ended on {BEFORE} (ana: slow)"
    (tmp_path / "quarantine.toml").write_text(entry(name, BEFORE) + entry(name))
    (case,) = marked(tmp_path)
    assert case.quarantine
    assert not case.quarantine.has_ended


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"selectors": ("*",)}, 1),
        ({"selectors": ("toy",)}, 0),
        ({"selectors": ("*",), "id_contains": "x"}, 0),
        ({"selectors": ("*",), "markers": "x"}, 0),
        ({"selectors": ("*",), "only_failed": True}, 0),
    ],
)
def test_an_entry_about_no_case_is_said_if_all_are_selected(
    tmp_path: Path, settings: dict[str, Any], expected: int
) -> None:
    name = CASE.spec.name
    (tmp_path / "quarantine.toml").write_text(entry("x/y") + entry(f"{name}[rocm-gfx1]"))
    said: list[str] = []
    assert [each.quarantine for each in marked(tmp_path, said, **settings)] == [None]
    assert said == [f"{tmp_path}/quarantine.toml: x/y is about no case; remove it, or correct the id"][:expected]
