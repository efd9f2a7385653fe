import os
import subprocess
from pathlib import Path

import pytest

from harness.host.checkout import Checkout, find


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=Ana", "-c", "user.email=ana@example.com", "-c", "init.defaultBranch=main"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *identity, *words], cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    return folder


def test_branch_and_commit_as_git_names_them(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    (repository / "deep" / "er").mkdir(parents=True)
    assert find(repository / "deep" / "er") == Checkout(folder=repository, branch="main", commit=head)
    git(repository, "pack-refs", "--all")
    assert find(repository) == Checkout(folder=repository, branch="main", commit=head)
    git(repository, "switch", "-q", "-c", "users/ana/fix")
    assert find(repository) == Checkout(folder=repository, branch="users/ana/fix", commit=head)
    git(repository, "checkout", "-q", "--detach")
    assert find(repository) == Checkout(folder=repository, commit=head)


def test_a_worktree_has_a_branch_of_its_own(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "-q", "-b", "other", str(tmp_path / "tree"))
    git(tmp_path / "tree", "commit", "-q", "--allow-empty", "-m", "second")
    head = git(tmp_path / "tree", "rev-parse", "HEAD")
    assert find(tmp_path / "tree") == Checkout(folder=tmp_path / "tree", branch="other", commit=head)


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert find(tmp_path) == Checkout(folder=tmp_path, branch="main")


def test_no_repository(tmp_path: Path) -> None:
    assert find(tmp_path) is None


@pytest.mark.parametrize("head", ["", "ref: ../../../etc/passwd", "ref: /etc/passwd", "x" * 40, "\xff"])
def test_a_repository_that_is_none(tmp_path: Path, head: str) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text(head)
    assert find(tmp_path) == Checkout(folder=tmp_path)
    (tmp_path / ".git" / "HEAD").unlink()
    os.mkfifo(tmp_path / ".git" / "HEAD")
    assert find(tmp_path) == Checkout(folder=tmp_path)
