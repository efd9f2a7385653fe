from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.core.history import HistorySettings, default_history
from tests.unit import command_lines


def history(*options: str, **environment: str) -> HistorySettings:
    return command_lines.settings(*options, environment=environment).history


def test_the_file_of_the_history() -> None:
    assert history() == HistorySettings(path=default_history())
    assert history(HARNESS_HISTORY="/h") == HistorySettings(path=Path("/h"), is_shared=False)
    assert history(HARNESS_HISTORY="") == history()
    assert history("--history", "/i", HARNESS_HISTORY="/h").path == Path("/i")
    assert history("--no-history", HARNESS_HISTORY="/h").path is None


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, (None, None)),
        ({"GITHUB_REF_NAME": "main", "GITHUB_HEAD_REF": "", "GITHUB_SHA": "c"}, ("main", "c")),
        ({"GITHUB_REF_NAME": "7/merge", "GITHUB_HEAD_REF": "fix"}, ("fix", None)),
        ({"CI_COMMIT_REF_NAME": "main", "CI_COMMIT_SHA": "c"}, ("main", "c")),
        ({"BUILDKITE_BRANCH": "main", "BUILDKITE_COMMIT": "c"}, ("main", "c")),
    ],
)
def test_branch_and_commit_of_a_ci_server(environment: dict[str, str], expected: tuple[str, str]) -> None:
    found = history(**environment)
    assert (found.branch, found.commit) == expected


def test_show_is_meant_if_no_subcommand_is_named() -> None:
    for words in ([], ["show"]):
        assert command_lines.invocation("history", *words).subcommand == "show"
    shown = command_lines.invocation("history", "tiny/clip", "--limit", "3")
    assert (shown.subcommand, shown.options.case, shown.options.limit) == ("show", "tiny/clip", 3)
    assert command_lines.invocation("history", "--json").options.json
    imported = command_lines.invocation("history", "import", "a", "b")
    assert imported.options.folders == (Path("a"), Path("b"))
    pruned = command_lines.invocation("history", "prune", "--keep-days", "9", "--keep-runs", "7", "--dry-run").options
    assert (pruned.keep_days, pruned.keep_runs, pruned.dry_run) == (9, 7, True)
    with pytest.raises(UsageError, match="`harness history show` has no option --limt"):
        command_lines.parsed("history", "--limt")


def test_what_is_compared() -> None:
    line = "compare last~1 branch:main --max latency=10% --max dispatches=0 --fail-on change --format markdown --all"
    found = command_lines.invocation(*line.split()).options
    assert found.sides == ("last~1", "branch:main")
    assert found.allowed == (("latency", 0.1), ("dispatches", 0.0))
    assert (found.fail_on, found.form, found.every) == ("change", "markdown", True)
    plain = command_lines.invocation("compare", "a", "b").options
    assert (plain.allowed, plain.fail_on, plain.form, plain.every) == ((), "", "console", False)


@pytest.mark.parametrize("text", ["latency", "latency=-1", "latency=x", "speed=1%", "latency=nan", "=1"])
def test_a_limit_that_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="is no limit; expected one such as latency=10%, of error, compile, size"):
        command_lines.parsed("compare", "a", "b", f"--max={text}")


def test_pins_and_old_results() -> None:
    assert command_lines.invocation("history", "pin", "last").options.run == "last"
    pruned = command_lines.invocation(
        "results", "prune", "out", "--keep", "3", "--older-than", "2w", "--dry-run"
    ).options
    assert (pruned.results_root, pruned.keep_runs, pruned.older_than_s) == (Path("out"), 3, 14 * 86_400)
    assert command_lines.invocation("results", "prune").options.results_root == Path("results")
    for text in ("30", "d", "-1d", "3m", "99999d"):
        with pytest.raises(UsageError, match="is not an age; expected one such as 30d, 12h or 2w"):
            command_lines.parsed("results", "prune", f"--older-than={text}")
