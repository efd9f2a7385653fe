import random
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.core.errors import UsageError
from harness.core.shards import Shard
from harness.pipeline import shards
from harness.report import durations, results
from tests.unit import reports


def parts(ids: list[str], total: int, known: Mapping[str, float]) -> list[frozenset[str]]:
    return [shards.members(ids, Shard(number=number, total=total), known) for number in range(1, total + 1)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("total", [1, 2, 5, 60])
def test_every_case_is_in_one_part(seed: int, total: int) -> None:
    numbers = random.Random(seed)  # noqa: S311 - samples of a test
    ids = [f"m/{index}[cpu]" for index in range(50)]
    known = {each: numbers.choice([0.0, 1.0, numbers.random() * 100]) for each in ids if numbers.random() < 0.8}
    found = parts(ids, total, known)
    assert sorted(each for part in found for each in part) == sorted(ids)
    shuffled = numbers.sample(ids, len(ids))
    assert parts(shuffled, total, dict(reversed(known.items()))) == found


def test_parts_take_equally_long() -> None:
    numbers = random.Random(7)  # noqa: S311 - samples of a test
    known = {f"m/{index}[cpu]": numbers.expovariate(0.1) for index in range(100)}
    loads = [sum(known[each] for each in part) for part in parts([*known], 5, known)]
    assert max(loads) - min(loads) <= 0.1 * max(loads)
    assert [len(part) for part in parts([*known], 5, {})] == [20] * 5


def test_a_case_that_is_not_known_counts_as_the_median() -> None:
    known = {"a": 1.0, "b": 3.0, "c": 100.0}
    assert parts(["a", "b", "c", "new"], 2, known) == [{"c"}, {"a", "b", "new"}]


def chosen(*names: str) -> list[Any]:
    return [SimpleNamespace(id=f"tiny/{name}[cpu]") for name in names]


def test_what_a_run_says(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "results.json").write_text(results.render(reports.report(reports.outcome())))
    said: list[str] = []
    shard = Shard(number=2, total=2)
    found = shards.part(chosen("clip", "vae"), shard, (tmp_path,), said.append)
    assert [each.id for each in found] == ["tiny/vae[cpu]"]
    shards.part(chosen("clip"), shard, (), said.append)
    assert said == [
        "shard 2/2: 1 of 2 cases, divided by durations, known of 1",
        "shard 2/2: 0 of 1 case, divided by their number; name files with --durations to divide by time",
    ]


def test_durations_of_results(tmp_path: Path) -> None:
    old = reports.report(reports.outcome(seconds={"compile": 90.0}, modules=()), started="2026-11-20T18:30:00Z")
    cached = reports.module(cached=True, compile_seconds=2.5)
    new = reports.outcome(seconds={"compile": 0.0, "run": 0.5}, modules=(cached,))
    report = reports.report(new, reports.failed(seconds={"run": 1.0}, modules=()), reports.error())
    for name, each in (("z", old), ("a", report)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "results.json").write_text(results.render(each))
    found = durations.read([tmp_path])
    assert found == {"tiny/clip[cpu]": 3.0, "tiny/vae[cpu]": 1.0}
    file = tmp_path / "durations.json"
    file.write_text(durations.render(found))
    assert durations.read([file]) == found
    file.write_text('{"tiny/clip[cpu]": 7}')
    assert durations.read([tmp_path / "a", file])["tiny/clip[cpu]"] == 3.0


@pytest.mark.parametrize("text", ["", "[]", '{"a": "b"}', '{"schema": 9}'])
def test_a_file_of_something_else(tmp_path: Path, text: str) -> None:
    file = tmp_path / "durations.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"durations\.json: "):
        durations.read([file])


def test_a_folder_without_results(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^No results\.json in "):
        durations.read([tmp_path])


@pytest.mark.parametrize("text", ["0/5", "6/5", "2", "a/b", "1/0", "-1/5", "2/5/6", "99999/99999"])
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(ValueError, match="is no part of a run"):
        Shard.parse(text)
    assert str(Shard.parse("2/5")) == "2/5"
