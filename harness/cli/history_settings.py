"""Turns the options of the history and what CI servers say of a checkout into settings."""

from collections.abc import Mapping
from pathlib import Path

from harness.core.history import HistorySettings, default_history

# Variables of GitHub Actions, GitLab and Buildkite; those of a pull request come first.
_BRANCHES = (
    *("GITHUB_HEAD_REF", "GITHUB_REF_NAME"),
    *("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_REF_NAME", "BUILDKITE_BRANCH"),
)
_COMMITS = ("GITHUB_SHA", "CI_COMMIT_SHA", "BUILDKITE_COMMIT")


def history_settings(path: Path | None, environment: Mapping[str, str], *, is_off: bool = False) -> HistorySettings:
    """Return where runs are recorded.

    Args:
        path: the file that was asked for; None for the one in the environment, or else the user's.
        environment: variables of the process.
        is_off: whether nothing is to be recorded.
    """
    default = default_history()
    named = path or Path(environment.get("HARNESS_HISTORY") or default)
    return HistorySettings(
        path=None if is_off else named,
        is_shared=named == default,
        branch=_first(environment, _BRANCHES),
        commit=_first(environment, _COMMITS),
        exports=tuple(environment.get("HARNESS_EXPORT", "").split()),
    )


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((environment[name] for name in names if environment.get(name)), None)
