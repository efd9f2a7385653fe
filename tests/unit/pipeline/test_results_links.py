"""No link among the results makes the harness write, read or remove what it leads to."""

from pathlib import Path

import pytest

from harness.core.errors import DiskError
from harness.core.outcomes import Report
from harness.core.statuses import Kind, Status, Verdict
from harness.host.cancel import CancelToken
from harness.pipeline import logs, out_dir
from harness.pipeline.scheduler import PlanRun
from harness.pipeline.steps import Compile
from tests.unit.executors import FakeExecutor, Heard
from tests.unit.pipeline.test_scheduler import fails
from tests.unit.samples import planned

REPORT = Report(started="2026-11-28T00:00:00Z", seconds=1.5, exit_code=0, environment={}, cases=())
CASE = "tiny/clip-cpu"


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """Return a folder of a user; `clip-cpu` and `run.log` are called like what the harness keeps of a case."""
    folder = tmp_path / "user"
    for name in ("diary", "clip-cpu/diary", "clip-cpu/run.log", "tiny/clip-cpu/diary", "run.log", "empty/empty"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"dear")
    return folder


def content(user: Path) -> dict[Path, bytes]:
    """Return all files of a user."""
    return {path: path.read_bytes() for path in user.rglob("*") if path.is_file()}


@pytest.mark.parametrize("target", ["", "diary", "missing"])
@pytest.mark.parametrize(
    "name", ["logs", "logs/tiny", f"logs/{CASE}", f"logs/{CASE}/compile.log", "outputs", ".work", ".work/tiny"]
)
def test_a_link_is_not_followed(tmp_path: Path, user: Path, name: str, target: str) -> None:
    """An outcome is made as for a case that failed to compile, with its log and its folder for commands by hand."""
    out, before = tmp_path / "out", content(user)
    (out / name).parent.mkdir(parents=True)
    (out / name).symlink_to(user / target)
    plan = planned()
    executor = FakeExecutor(tmp_path, fails(Compile, "clip.mlir"))
    run = PlanRun([plan], executor, Heard(), out_dir=out, cancel=CancelToken(), keeps_work=True)
    run.run()
    (found,) = run.outcomes()
    assert found.status is Status.FAILED
    out_dir.remove_empty(out, out / "outputs")
    logs.remove_failed(out)
    out_dir.write_results(out, {"results.json": "{}"}, REPORT, None)
    assert content(user) == before


@pytest.mark.parametrize("name", ["compile.log", "run.log"])
def test_a_log_replaces_a_link(tmp_path: Path, user: Path, name: str) -> None:
    folder = tmp_path / "out" / "logs"
    folder.mkdir(parents=True)
    (tmp_path / "log").write_bytes(b"text")
    (folder / name).symlink_to(user / "diary")
    before = content(user)
    logs.copied(tmp_path / "log", folder / name, root=tmp_path / "out")
    assert (folder / name).read_bytes() == b"text"
    (folder / name).unlink()
    (folder / name).symlink_to(user / "diary")
    logs.begin(folder / name, ["iree-run-module"])
    assert not (folder / name).is_symlink()
    assert content(user) == before


def test_a_log_is_not_read_or_ended_through_a_link(tmp_path: Path, user: Path) -> None:
    log, before = tmp_path / "out" / "run.log", content(user)
    log.parent.mkdir()
    log.symlink_to(user / "diary")
    logs.conclude(log, Verdict(status=Status.FAILED, kind=Kind.CRASH, reason="x"))
    with pytest.raises(DiskError, match="symbolic link"):
        logs.copied(log, tmp_path / "out" / "copy.log", root=tmp_path / "out")
    for read in (logs.text, logs.tail):
        with pytest.raises(OSError, match="symbolic link"):
            read(log)
    assert content(user) == before


@pytest.mark.parametrize("name", ["results.json", "junit.xml"])
def test_results_replace_a_link(tmp_path: Path, user: Path, name: str) -> None:
    out, before = tmp_path / "out", content(user)
    out.mkdir()
    (out / name).symlink_to(user / "diary")
    out_dir.write_results(out, {"results.json": "{}"}, REPORT, None)
    assert not (out / name).is_symlink()
    assert content(user) == before


def test_the_newest_report_is_no_link(tmp_path: Path, user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = out_dir.new_out_dir(None)
    (folder / "results.json").symlink_to(user / "diary")
    assert out_dir.newest_report() is None
    out_dir.write_results(folder, {"results.json": "{}"}, REPORT, None)
    assert out_dir.newest_report() == folder / "results.json"
