"""A folder that stays open is used only as long as it is the one at its path."""

import gc
import os
import shutil
from pathlib import Path

import pytest

from harness.host.beneath import Folder
from harness.host.kept_folders import KeptFolders


@pytest.fixture
def root(tmp_path: Path) -> Folder:
    root = Folder(tmp_path, kept=KeptFolders(tmp_path, ["kept"]))
    root.make("kept")
    root.write("kept/file", b"ours")
    return root


def opened() -> set[str]:
    """Return the folders that this process has open."""
    return {str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()}


def test_it_is_opened_once(root: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, really = [], os.open

    def note(path: str, *rest: int, **options: int) -> int:
        asked.append(path)
        return really(path, *rest, **options)

    monkeypatch.setattr(os, "open", note)
    root.write("kept/a", b"x")
    with root.within("kept") as inside, inside.within(root.path / "kept") as same:
        assert same.read("a", 9) == b"x"
    assert not {"kept", root.path} & {*asked}


def test_another_in_its_place_is_used(root: Folder) -> None:
    (root.path / "kept").rename(root.path / "away")
    assert root.state("kept/file") is None
    root.make("kept/below")
    root.write("kept/file", b"new")
    assert (root.path / "kept" / "file").read_bytes() == b"new"
    assert (root.path / "away" / "file").read_bytes() == b"ours"
    shutil.rmtree(root.path / "kept")
    with pytest.raises(FileNotFoundError):
        root.write("kept/file", b"x")
    root.make("kept")
    root.write("kept/file", b"again")
    assert root.read("kept/file", 9) == b"again"


def test_a_link_in_its_place_is_not_followed(root: Folder) -> None:
    (root.path / "kept").rename(root.path / "away")
    (root.path / "kept").symlink_to("away")
    with pytest.raises(OSError, match="symbolic link"):
        root.read("kept/file", 9)


def test_it_is_closed_with_the_last_that_uses_it(tmp_path: Path) -> None:
    def use() -> None:
        root = Folder(tmp_path, kept=KeptFolders(tmp_path, ["kept"]))
        root.make("kept")
        assert str(tmp_path / "kept") in opened()

    use()
    gc.collect()
    assert str(tmp_path / "kept") not in opened()
