"""A part of a run: shards, and runs that end before their last case."""

import json

import jsonschema

from tests.integration.laboratory import ADD, ENDLESS, Laboratory, assert_nothing_is_left
from tests.integration.test_commands import SCHEMA
from tests.integration.warm import HARNESS, ran


def test_shards_together_are_all_cases_once(lab: Laboratory) -> None:
    names = [f"toy/{name}[cpu]" for name in "abcd"]
    for name in "abcd":
        lab.spec(f"{name}_cpu")
    folders = [lab.root / "parts" / str(number) for number in range(1, 6)]
    runs = [
        lab.run("toy", "--engine", "local", "--shard", f"{number}/5", "--no-html", "--out", str(folder))
        for number, folder in enumerate(folders, 1)
    ]
    assert [each.code for each in runs] == [0] * 5
    assert "shard 5/5: 0 of 4 cases, divided by their number" in runs[-1].text
    assert "No case was selected, so nothing was run." in runs[-1].text
    reports = [json.loads((folder / "results.json").read_text()) for folder in folders]
    assert sorted(case["id"] for each in reports for case in each["cases"]) == names
    of_all = ran([*HARNESS, "results", "durations", "parts"], cwd=lab.root, env=lab.environment)
    assert of_all.stdout.startswith("durations.json: 4 cases, ")
    assert sorted(json.loads((lab.root / "durations.json").read_text())) == names
    again = lab.run("toy", "--shard", "1/2", "--durations", str(lab.root / "durations.json"), command="list")
    assert "shard 1/2: 2 of 4 cases, divided by durations, known of 4" in again.text
    assert ran([*HARNESS, "report", "parts"], cwd=lab.root, env=lab.environment).returncode == 0


def test_the_first_failure_ends_a_run(lab: Laboratory) -> None:
    for name in "bcd":
        lab.spec(f"{name}_cpu", mlir=lab.file("endless.mlir", ENDLESS))
    lab.spec("a_cpu", mlir=lab.file("wrong.mlir", "func.func @add() { %x = wrong }"))
    ended = lab.run("toy", "--engine", "local", "-x")
    statuses = {case["id"]: (case["status"], case["kind"]) for case in ended.report["cases"]}
    assert statuses.pop("toy/a[cpu]") == ("failed", "compile")
    assert set(statuses.values()) == {("skipped", "not_run")}
    assert ended.code == 1
    assert "3 cases not run: 1 case was not as expected (--maxfail 1)" in ended.text
    assert "1 failed, 3 skipped" in ended.text
    assert (lab.out / "junit.xml").read_text().count("<skipped ") == 3
    assert_nothing_is_left(lab)
    jsonschema.validate(ended.report, json.loads(SCHEMA.read_text()))
    history = ran([*HARNESS, "history"], cwd=lab.root, env=lab.environment)
    assert history.stdout.rstrip().endswith("1 failed")


def test_a_budget_of_time(lab: Laboratory) -> None:
    lab.file("add.mlir", ADD)
    for number in range(50):
        lab.spec(
            f"c{number}_cpu",
            mlir=lab.file(f"{number}.mlir", ADD.replace("@add", f"@add{number}")),
            run_function=f"add{number}",
        )
    ended = lab.run("toy", "--engine", "local", "--time-budget", "0.01s", "--no-html")
    assert ended.code == 0
    assert "49 cases not run: not enough time was left (--time-budget 0.01s)" in ended.text
    assert "1 passed, 49 skipped" in ended.text
    assert "As expected: 1 case." in ended.text
    (done,) = (case["id"] for case in ended.report["cases"] if case["status"] == "passed")
    again = lab.run("toy", "--engine", "local", "--time-budget", "0.01s", "--no-html")
    (other,) = (case["id"] for case in again.report["cases"] if case["status"] == "passed")
    assert other != done
    assert_nothing_is_left(lab)
