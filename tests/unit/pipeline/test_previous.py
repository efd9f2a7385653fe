from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.core.errors import UsageError
from harness.core.history import HistorySettings
from harness.core.statuses import Status
from harness.history.history import History
from harness.pipeline import previous
from harness.pipeline.out_dir import new_out_dir
from harness.pipeline.previous import the_case
from harness.report import results
from tests.unit import reports
from tests.unit.history import samples


def cases(*names: str) -> list[Any]:
    return [SimpleNamespace(id=f"{name}[cpu]") for name in names]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HistorySettings:
    monkeypatch.chdir(tmp_path)
    return HistorySettings(path=tmp_path / "history.sqlite", is_shared=False)


def failed(settings: HistorySettings, *names: str, said: list[str] | None = None) -> list[str]:
    found = previous.failed(cases(*names), settings, (said if said is not None else []).append)
    return [case.id for case in found]


def test_the_newest_result_of_each_case_counts(settings: HistorySettings) -> None:
    assert settings.path
    history = History(settings.path)
    history.add(samples.run(1), [samples.case(Status.FAILED, name) for name in ("a/a", "a/b", "a/c")])
    history.add(samples.run(2), [samples.case(name="a/b")])
    assert failed(settings, "a/a", "a/b", "a/d") == ["a/a[cpu]"]
    with pytest.raises(UsageError, match=r"^--only-failed: no selected case failed when it ran last"):
        failed(settings, "a/b")
    with pytest.raises(UsageError, match=r"^--only-failed: no selected case has run before; run once without"):
        failed(settings, "a/d")


def write_results() -> None:
    (new_out_dir(None) / "results.json").write_text(results.render(reports.report(reports.outcome(), reports.failed())))


def test_without_a_history_the_newest_results_count(settings: HistorySettings) -> None:
    with pytest.raises(UsageError, match="no selected case has run before"):
        failed(HistorySettings(path=None), "tiny/vae")
    write_results()
    for each in (HistorySettings(path=None), settings):
        assert failed(each, "tiny/clip", "tiny/vae") == ["tiny/vae[cpu]"]


def test_a_damaged_history_is_said(settings: HistorySettings) -> None:
    assert settings.path
    settings.path.write_text("garbage" * 100)
    write_results()
    said: list[str] = []
    assert failed(settings, "tiny/vae", said=said) == ["tiny/vae[cpu]"]
    assert len(said) == 1
    assert said[0].startswith("warning: --only-failed takes the newest run in `results`. Cannot read the history ")


PATH = Path("out/results.json")


def test_a_case_is_named_or_the_only_one_that_is_not_as_expected() -> None:
    report = reports.report(reports.outcome(), reports.failed())
    assert the_case(report, "", PATH) == report.cases[1]
    assert the_case(report, "tiny/clip[cpu]", PATH) == the_case(report, "tiny/clip", PATH) == report.cases[0]


@pytest.mark.parametrize(
    ("number", "asked", "message"),
    [
        (1, "", "^out/results.json: no cases are not as expected; name a case by its id, such as tiny/clip"),
        (4, "", "^out/results.json: 3 cases are not as expected; name a case by its id, such as tiny/vae"),
        (
            4,
            "tiny/vae",
            "^tiny/vae: the name of several cases in out/results.json; name a case by its id, such as tiny",
        ),
        (1, "tiny/x", "^tiny/x: no such case in out/results.json; name a case by its id, such as tiny/clip"),
        (0, "", r"such as \(there are none\)\.$"),
    ],
)
def test_a_case_that_is_not_the_only_one(number: int, asked: str, message: str) -> None:
    several = (reports.outcome(), *(reports.failed(id=f"tiny/vae[{chip}]") for chip in ("gfx942", "cpu", "gfx90a")))
    with pytest.raises(UsageError, match=message):
        the_case(reports.report(*several[:number]), asked, PATH)
