from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.core.history import HistorySettings, default_history
from harness.core.statuses import Kind, Status
from harness.history.history import KEYS, History, by_case, flakiness, generations, this_project
from tests.unit.history import samples

FAILED = samples.case(Status.FAILED)
PASSED = samples.case()
OTHER = samples.case(name="tiny/vae")


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "deep" / "history.sqlite")


def test_a_run_is_found_as_it_was_recorded(history: History) -> None:
    run = samples.run(engine="local", branch="main", commit="c" * 40, gpus="mi300 (gfx942)")
    odd = samples.case(Status.ERROR, "sd3/x", kind=Kind.DEVICE, chip="gfx942", reason="no GPU", error_ratio=None)
    assert history.add(run, [PASSED, odd]) is True
    assert history.run("last") == (run, (odd, PASSED))
    assert history.run(run.id[:12]) == history.run("last")
    (summary,) = history.runs(10)
    assert (summary.run, dict(summary.counts)) == (run, {Status.PASSED: 1, Status.ERROR: 1})


def test_a_run_is_recorded_once(history: History) -> None:
    assert history.add(samples.run(), [PASSED]) is True
    assert history.add(samples.run(), [FAILED, OTHER]) is False
    assert set(history.run("last")[1]) == {PASSED, OTHER}


def test_nothing_is_known_without_a_file(history: History) -> None:
    assert (history.runs(9), history.results("tiny", 9), history.newest("release", "3.0.0")) == ([], [], [])
    assert (history.last(["tiny/clip[cpu]"]), history.prune(before="9", keep=0)) == ({}, 0)
    with pytest.raises(UsageError, match=r"^last: the history .* has no such run; `harness history` lists them\.$"):
        history.run("last")
    assert not history.path.exists()


def test_the_newest_runs_come_first_whenever_they_were_recorded(history: History) -> None:
    for number in (2, 3, 1):
        history.add(samples.run(number), [PASSED])
    assert [each.run.id for each in history.runs(2)] == [samples.run(3).id, samples.run(2).id]
    assert history.run("last~2")[0] == samples.run(1)
    with pytest.raises(UsageError, match=r"^last~3: the history .* has no such run"):
        history.run("last~3")
    with pytest.raises(UsageError, match="several runs have ids that begin so"):
        history.run("0000")


@pytest.mark.parametrize(
    ("name", "expected"), [("last", 0), ("last~0", 0), ("last~12", 12), ("last~", None), ("last~x", None), ("l", None)]
)
def test_names_of_generations(name: str, expected: int | None) -> None:
    assert generations(name) == expected


def test_results_by_id_model_name_and_glob(history: History) -> None:
    chip = samples.case(id="tiny/clip[rocm-gfx942]", backend="rocm", chip="gfx942")
    for number in (1, 2, 3):
        history.add(samples.run(number), [PASSED, OTHER, chip])

    def found(case: str) -> list[tuple[str, str]]:
        return [(each.case.id, each.run.id) for each in history.results(case, 2)]

    clip = [("tiny/clip[cpu]", samples.run(number).id) for number in (3, 2)]
    gpu = [("tiny/clip[rocm-gfx942]", samples.run(number).id) for number in (3, 2)]
    vae = [("tiny/vae[cpu]", samples.run(number).id) for number in (3, 2)]
    assert found("tiny/clip[cpu]") == clip
    assert found("tiny/clip") == clip + gpu
    assert found("tiny") == found("t*/*") == clip + gpu + vae
    assert found("sd3") == found("tiny/clip'; DROP TABLE runs; --") == []
    assert [len(each) for each in by_case(history.results("tiny", 2))] == [2, 2, 2]


def test_the_newest_result_of_each_case_by_what_it_is_of(history: History) -> None:
    old = samples.case(release="3.9.0")
    history.add(samples.run(1, branch="main", commit="abc" + "0" * 37), [old, OTHER])
    history.add(samples.run(2, branch="dev"), [FAILED, samples.case(name="x/y", chip="gfx942")])

    def found(key: str, value: str) -> set[tuple[str, Status]]:
        return {(each.case.name, each.case.status) for each in history.newest(key, value)}

    assert found("release", "3.9.0") == {("tiny/clip", Status.PASSED)}
    assert found("release", "3.13.0") == {
        *(("tiny/vae", Status.PASSED), ("tiny/clip", Status.FAILED), ("x/y", Status.PASSED))
    }
    assert found("chip", "gfx942") == {("x/y", Status.PASSED)}
    assert found("branch", "main") == {("tiny/clip", Status.PASSED), ("tiny/vae", Status.PASSED)}
    assert found("commit", "abc") == found("branch", "main")
    assert KEYS == ("release", "chip", "branch", "commit")


def test_the_last_results_of_cases(history: History) -> None:
    history.add(samples.run(1), [FAILED, OTHER])
    history.add(samples.run(2), [PASSED])
    assert history.last(["tiny/clip[cpu]", "tiny/vae[cpu]", "a/b[cpu]"]) == {"tiny/clip[cpu]": PASSED, OTHER.id: OTHER}


def test_the_cases_that_have_several_results(history: History) -> None:
    history.add(samples.run(1), [FAILED, OTHER])
    history.add(samples.run(2), [PASSED])
    ids = [PASSED.id, OTHER.id, "a/b[cpu]"]
    assert {name: [each.case for each in found] for name, found in history.of_cases(ids, 9, least=2).items()} == {
        PASSED.id: [PASSED, FAILED]
    }
    assert set(history.of_cases(ids, 1)) == {PASSED.id, OTHER.id}


def test_the_runs_of_another_project_are_not_found(history: History) -> None:
    history.add(samples.run(1), [PASSED])
    history.add(samples.run(2, project="/home/ana/other"), [FAILED])
    mine = History(history.path, "/home/ana/models")
    assert [each.run.id for each in mine.runs(9)] == [samples.run(1).id]
    assert mine.run("last")[1] == (PASSED,)
    assert [each.case for each in mine.results("tiny", 9)] == [PASSED]
    assert [each.case for each in mine.newest("release", "3.13.0")] == [PASSED]
    assert mine.prune(before=None, keep=0) == 0 + 1
    assert [each.run.id for each in history.runs(9)] == [samples.run(2).id]


@pytest.mark.parametrize(
    ("before", "keep", "left"),
    [
        (None, 2, [4, 3]),
        (samples.run(2).started, None, [4, 3, 2]),
        (samples.run(4).started, 2, [4]),
        (samples.run(2).started, 1, [4]),
        (None, None, [4, 3, 2, 1]),
    ],
)
def test_old_runs_are_removed_with_their_cases(
    history: History, before: str | None, keep: int | None, left: list[int]
) -> None:
    for number in range(1, 5):
        history.add(samples.run(number), [PASSED])
    assert history.prune(before=before, keep=keep, dry_run=True) == 4 - len(left)
    assert len(history.runs(9)) == 4
    assert history.prune(before=before, keep=keep) == 4 - len(left)
    assert [each.run for each in history.runs(9)] == [samples.run(number) for number in left]
    assert len(history.results("tiny", 9)) == len(left)


def test_a_case_is_flaky_if_the_same_module_ended_in_several_ways(history: History) -> None:
    statuses = [Status.PASSED] * 14 + [Status.FAILED] * 3 + [Status.ERROR] * 2
    for number, status in enumerate(statuses):
        history.add(samples.run(number), [samples.case(status)])
    found = flakiness(history.results("tiny", 50))
    assert (found.runs, found.odd, found.outcomes) == (17, 3, (("passed", 14), ("numeric", 3)))
    assert flakiness(history.results("tiny", 50), most=3).odd == 0


@pytest.mark.parametrize("change", [{"inputs": "d"}, {"limits": "d"}, {"release": "3.12.0"}, {"device": "Xeon"}])
def test_a_case_is_not_flaky_if_something_else_changed(history: History, change: dict[str, str]) -> None:
    history.add(samples.run(1), [samples.case(Status.FAILED, **change)])
    history.add(samples.run(2), [PASSED])
    assert flakiness(history.results("tiny", 50)).odd == 0
    assert flakiness([]).runs == 0


def test_what_did_not_run_again_says_nothing_of_how_steady_a_case_is(history: History) -> None:
    history.add(samples.run(1), [samples.case(Status.FAILED)])
    history.add(samples.run(2), [samples.case(is_reused=True)])
    found = history.results("tiny", 50)
    assert (found[0].case.is_reused, flakiness(found).runs) == (True, 1)
    assert not history.last(["tiny/clip[cpu]"])["tiny/clip[cpu]"].kind


def test_a_crash_has_no_limits(history: History) -> None:
    history.add(samples.run(1), [PASSED])
    history.add(samples.run(2), [samples.case(Status.FAILED, kind=Kind.CRASH, limits="")])
    assert flakiness(history.results("tiny", 50)).outcomes == (("crash", 1), ("passed", 1))


def test_the_history_of_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    assert this_project() == str(tmp_path)
    assert History.of(HistorySettings()) == History(default_history(), str(tmp_path))
    named = HistorySettings(path=tmp_path / "h", is_shared=False)
    assert History.of(named) == History(tmp_path / "h", None)
    with pytest.raises(UsageError, match="--no-history leaves nothing to look at"):
        History.of(HistorySettings(path=None))
