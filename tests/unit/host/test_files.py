import os
import socket
from pathlib import Path

import pytest

from harness.host import files
from harness.host.files import UnreadableError


def test_a_regular_file_is_read_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"four")
    (tmp_path / "b").symlink_to("a")
    assert files.read(tmp_path / "b", 4) == b"four"


def test_a_file_that_is_too_large_is_refused_and_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UnreadableError, match=r"^it has more than 4 B$"):
        files.read(tmp_path / "a", 4)


def test_a_file_that_tells_no_size_is_read_whole_and_to_the_limit() -> None:
    path = Path("/proc/self/status")
    assert path.stat().st_size == 0
    assert files.read(path, 1 << 20).startswith(b"Name:")
    with pytest.raises(UnreadableError, match=r"^it has more than 4 B$"):
        files.read(path, 4)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


@pytest.mark.parametrize(
    ("make", "kind"), [(fifo, "FIFO"), (folder, "folder"), (endless, "device"), (listening, "socket")]
)
def test_what_is_no_regular_file_is_refused_and_not_waited_for(public_dir: Path, make: object, kind: str) -> None:
    assert callable(make)
    make(public_dir / "a")
    with pytest.raises(UnreadableError, match=f"^it is a {kind}; expected a regular file$"):
        files.read(public_dir / "a", 4)


def test_a_loop_of_links_and_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("a")
    for name, why in (("a", "Too many levels of symbolic links"), ("b", "No such file or directory")):
        with pytest.raises(OSError, match=why) as caught:
            files.read(tmp_path / name, 4)
        assert files.reason(caught.value) == why


@pytest.mark.parametrize("name", ["\0", "\ud800", "a" * 5000])
def test_a_name_that_no_file_can_have(tmp_path: Path, name: str) -> None:
    with pytest.raises((OSError, ValueError)):
        files.read(tmp_path / name, 4)
