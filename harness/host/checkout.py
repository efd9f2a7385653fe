"""Finds the git checkout that a folder is in, with its branch and commit.

It reads the files of git itself (gitrepository-layout(5)): to start git takes longer than to record a run, and git may
start programs that the configuration of a repository names.
"""

import re
from pathlib import Path

from harness.core.values import frozen
from harness.host import files

_MAX_BYTES = 16 << 20
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_BRANCH = "refs/heads/"


@frozen
class Checkout:
    """A git checkout.

    Attributes:
        folder: its top folder.
        branch: None if none is checked out.
        commit: None if there is none yet, or git keeps it in a way that is not known here.
    """

    folder: Path
    branch: str | None = None
    commit: str | None = None


def find(folder: Path) -> Checkout | None:
    """Return the checkout that a folder is in; None if there is none."""
    for each in (folder, *folder.parents):
        if (each / ".git").exists():
            return _read(each)
    return None


def _read(folder: Path) -> Checkout:
    own = _own_folder(folder)
    head = _text(own / "HEAD")
    reference = head.removeprefix("ref: ")
    if reference == head:
        return Checkout(folder=folder, commit=_commit(head))
    shared = own / _text(own / "commondir") if (own / "commondir").exists() else own
    found = _commit(_text(own / reference)) or _commit(_text(shared / reference)) or _packed(shared, reference)
    branch = reference.removeprefix(_BRANCH) if reference.startswith(_BRANCH) else None
    return Checkout(folder=folder, branch=branch, commit=found)


def _own_folder(folder: Path) -> Path:
    """Return where git keeps the HEAD of a checkout: `.git`, or the folder that this file names."""
    git = folder / ".git"
    return git if git.is_dir() else folder / _text(git).removeprefix("gitdir: ")


def _packed(shared: Path, reference: str) -> str | None:
    for line in _text(shared / "packed-refs").splitlines():
        commit, _, name = line.partition(" ")
        if name == reference:
            return _commit(commit)
    return None


def _commit(text: str) -> str | None:
    return text if _COMMIT.fullmatch(text) else None


def _text(path: Path) -> str:
    """Return the text of a file without the space around it; nothing if it cannot be read."""
    try:
        return files.read(path, _MAX_BYTES).decode(errors="replace").strip()
    except (OSError, ValueError):
        return ""
