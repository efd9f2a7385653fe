"""What a run is recorded as is decided when it starts."""

from pathlib import Path

import pytest

from harness.core.history import HistorySettings
from harness.history import remarks
from harness.pipeline.recorder import Recorder
from tests.unit import reports


def test_the_current_folder_may_be_removed_during_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    recorder = Recorder.here(HistorySettings(path=Path("history.sqlite"), exports=("results.jsonl",)))
    here.rmdir()
    failed = reports.report(reports.failed())
    assert recorder.record(failed, folder=tmp_path) == ""
    assert {each.name for each in here.iterdir()} >= {"history.sqlite", "results.jsonl"}
    assert recorder.trends([each.id for each in failed.cases]) == ()  # one run is no trend
    assert list(remarks.flaky(failed, recorder.history)) == []
    assert recorder.history is not None
    (found,) = recorder.history.runs(2)
    assert found.run.project == str(here)
