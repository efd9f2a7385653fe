from pathlib import Path

import pytest

from harness.cluster import contents
from harness.core.errors import IntegrityError


def test_files_arrive_as_they_left_without_links_and_manifest(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "logs/toy").mkdir(parents=True)
    target.mkdir()
    (source / "logs/toy/run.log").write_bytes(b"log")
    (source / "entry.json").write_bytes(b"{}")
    (source / "logs/entry.json").write_bytes(b"of a tool")
    (source / "link").symlink_to("/etc/passwd")
    taken = contents.taken(source)
    assert taken == {"logs/toy/run.log": b"log", "logs/entry.json": b"of a tool"}
    contents.put(taken, target)
    assert contents.taken(target) == taken


@pytest.mark.parametrize("name", ["../outside", "a/../../outside", "/outside"])
def test_no_file_is_written_elsewhere(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(IntegrityError, match="which is not in its folder"):
        contents.put({name: b"content"}, folder)
    assert not (tmp_path / "outside").exists()


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "outside").mkdir()
    (folder / "logs").symlink_to(tmp_path / "outside")
    with pytest.raises(OSError, match="logs"):
        contents.put({"logs/run.log": b"content"}, folder)
    assert not list((tmp_path / "outside").iterdir())
