import io
import threading
from pathlib import Path

import pytest
from rich.console import Console

from harness.core.callbacks import ignore
from harness.search.release_runner import ReleaseRunner, SearchProgress, known_releases
from tests.unit.command_lines import invocation
from tests.unit.reports import failed, outcome
from tests.unit.searches import results


def runner(folder: Path) -> ReleaseRunner:
    settings = invocation("matrix", "tiny", "--engine=local", f"--store={folder}/store").settings
    live = SearchProgress(Console(file=io.StringIO()), id_width=0)
    known = known_releases(settings, ignore)
    return ReleaseRunner(settings, (), folder, live, known=known, at_once=2)


def test_an_interrupt_before_a_thread_has_begun_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: threading.Thread) -> None:
        raise KeyboardInterrupt

    tester = runner(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tester.prepare("3.13.0")
    tester.close()
    tester.prepare("3.12.0")
    assert not (tmp_path / "store" / "toolchains").exists(), "nothing begins after the end"


def test_the_large_files_of_a_result_are_removed_and_the_small_ones_stay(tmp_path: Path) -> None:
    found = failed(kept="outputs/clip", work=".work/clip", logs={"run": "logs/run.log"})
    result = results(found, outcome(), folder="probes/3.12.0/runs/2")
    for name in ("outputs/clip/0.bin", ".work/clip/model.vmfb", "logs/run.log"):
        path = tmp_path / result.folder / name
        path.parent.mkdir(parents=True)
        path.touch()
    runner(tmp_path).discard(result)
    left = [path.name for path in (tmp_path / result.folder).rglob("*") if path.is_file()]
    assert left == ["run.log"]
    (moved, other) = result.outcomes
    assert (moved.kept, moved.work) == (f"{result.folder}/outputs/clip", f"{result.folder}/.work/clip")
    assert moved.logs == {"run": f"{result.folder}/logs/run.log"}
    assert (other.kept, other.work) == ("", "")


def test_work_between_the_tested_releases_is_no_line() -> None:
    file = io.StringIO()
    live = SearchProgress(Console(file=file), id_width=0)
    for amount in ("", "1.5 MB", None):
        live.worked("installing IREE 3.12.0", amount)
    live.notice("installing is not what this remark is of")
    assert file.getvalue() == "installing is not what this remark is of\n"
