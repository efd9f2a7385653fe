"""No path leads out of a folder, whatever is a link, and errors name what is in the way."""

import contextlib
import errno
import os
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.host.beneath import Folder
from harness.host.descriptors import IS_LINK

METHODS: dict[str, Callable[[Folder, Path], object]] = {
    "open": lambda root, path: root.open(path),
    "read": lambda root, path: root.read(path, 9),
    "append": lambda root, path: root.appended(path),
    "touch": lambda root, path: root.touch(path),
}
FOLDER_METHODS: dict[str, Callable[[Folder, Path], object]] = METHODS | {
    "new": lambda root, path: root.new(path),
    "write": lambda root, path: root.write(path, b"ours"),
    "make": lambda root, path: root.make(path),
    "state": lambda root, path: root.state(path),
    "begin": lambda root, path: root.begin(path),
    "create": lambda root, path: root.create(path, b"ours"),
    "content": lambda root, path: root.content(path.parent),
    "walk": lambda root, path: list(root.walk(path.parent)),
    "within": lambda root, path: contextlib.ExitStack().enter_context(root.within(path.parent)),
    "move": lambda root, path: root.move(path, root.path / "moved"),
    "move to": lambda root, path: root.move(root.path / "file", path),
    "link": lambda root, path: root.link(path, root.path / "linked"),
}


@pytest.fixture
def root(tmp_path: Path) -> Folder:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "file").write_bytes(b"ours")
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "file").write_bytes(b"theirs")
    (tmp_path / "user" / "file").chmod(0o600)
    os.utime(tmp_path / "user" / "file", (1, 1))
    return Folder(tmp_path / "root")


def is_untouched(root: Folder) -> bool:
    """Return whether what the user has is as it was."""
    folder = root.path.parent / "user"
    state = (folder / "file").stat()
    content = [each.name for each in folder.iterdir()]
    kept = (state.st_mtime, state.st_mode & 0o777, state.st_nlink, (folder / "file").read_bytes())
    return content == ["file"] and kept == (1, 0o600, 1, b"theirs")


@pytest.mark.parametrize("method", FOLDER_METHODS)
@pytest.mark.parametrize("target", ["../user", "{absolute}", "."])
def test_a_link_in_the_place_of_a_folder_is_named(root: Folder, method: str, target: str) -> None:
    link = root.path / "folder"
    link.symlink_to(target.format(absolute=root.path.parent / "user"))
    with pytest.raises(OSError, match="symbolic link") as caught:
        FOLDER_METHODS[method](root, link / "file")
    assert (caught.value.errno, caught.value.strerror) == (errno.ELOOP, IS_LINK)
    assert caught.value.filename == str(link)
    assert is_untouched(root)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", ["../user/file", "../user", "../user/new", "file"])
def test_a_link_in_the_place_of_a_file_is_named(root: Folder, method: str, target: str) -> None:
    link = root.path / "link"
    link.symlink_to(target)
    with pytest.raises(OSError, match="symbolic link") as caught:
        METHODS[method](root, link)
    assert (caught.value.errno, caught.value.filename) == (errno.ELOOP, str(link))
    assert is_untouched(root)


def test_a_link_itself_is_replaced_removed_and_moved(root: Folder) -> None:
    link = root.path / "link"
    acts: list[Callable[[], None]] = [
        lambda: root.new(link).close(),
        lambda: root.write(link, b""),
        lambda: root.create(link, b""),
        lambda: root.renew(link),
        lambda: root.remove(link),
    ]
    for act in acts:
        link.symlink_to("../user/file")
        act()
        assert not link.is_symlink()
        root.remove(link)
    link.symlink_to("../user")
    root.move(link, root.path / "moved")
    assert (root.path / "moved").is_symlink()
    root.remove(root.path / "moved")
    assert [each.name for each in root.path.iterdir()] == ["file"]
    assert is_untouched(root)


def test_a_tree_is_removed_without_what_its_links_lead_to(root: Folder) -> None:
    deep = root.path / "tree" / "deep"
    deep.mkdir(parents=True)
    (deep / "link").symlink_to(root.path.parent / "user")
    (deep / "file").touch()
    deep.chmod(0o555)
    deep.parent.chmod(0o555)
    root.remove(root.path / "tree")
    assert not (root.path / "tree").exists()
    assert is_untouched(root)


@pytest.mark.parametrize("names", [(), ("new",), ("new", "new/file"), ("new", "new/deep", "new/deep/file")])
def test_a_folder_is_renewed(root: Folder, names: tuple[str, ...]) -> None:
    for each in names:
        (root.path / each).touch() if each.endswith("file") else (root.path / each).mkdir()
    root.renew("new")
    assert list((root.path / "new").iterdir()) == []
    (root.path / "file").touch()
    root.renew("file")
    assert list((root.path / "file").iterdir()) == []


def test_links_are_listed_as_links(root: Folder) -> None:
    (root.path / "link").symlink_to("../user")
    assert [path.name for path, _ in root.walk(root.path)] == ["file", "link"]
    assert not root.is_folder(root.path / "link")


@pytest.mark.parametrize("name", ["../user/file", "a/../../user/file", "/etc/passwd", "."])
def test_a_name_does_not_lead_out(root: Folder, name: str) -> None:
    with pytest.raises(OSError, match=f"not beneath {root.path}") as caught:
        root.read(root.path / name, 9)
    assert caught.value.errno == errno.EINVAL


@pytest.mark.parametrize("name", ["../user/file", "a/../../user/file", "/etc/passwd", ""])
def test_a_name_from_here_on_does_not_lead_out_either(root: Folder, name: str) -> None:
    with pytest.raises(OSError, match=f"not beneath {root.path}"):
        root.read(name, 9)


def test_all_but_folders_is_listed_by_its_path_from_here(root: Folder) -> None:
    with root.within("a/b", makes=True) as inside:
        assert inside.begin("c")
        assert not inside.begin("c")
        inside.create("c/file", b"xy")
        inside.point("link", root.path.parent / "user")
    with root.within("a") as above:
        assert [(name, state.st_size) for name, state in above.leaves().items() if "link" not in name] == [
            ("b/c/file", 2)
        ]
        assert above.names() == ["b"]
        assert [*above.leaves()] == ["b/c/file", "b/link"]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_regular_file_is_not_opened(root: Folder, make: Callable[[Path], None]) -> None:
    make(root.path / "odd")
    with pytest.raises(OSError, match="not a regular file; remove it"):
        root.read(root.path / "odd", 9)


def test_the_folder_itself_may_be_a_link(root: Folder) -> None:
    named = root.path.parent / "named"
    named.symlink_to("root")
    assert Folder(named).read(named / "file", 9) == b"ours"
    Folder(named).make(named / "a" / "b")
    Folder(named).write(named / "a" / "b" / "c", b"x")
    assert (root.path / "a" / "b" / "c").read_bytes() == b"x"


def test_a_link_that_comes_and_goes_is_never_followed(root: Folder) -> None:
    """A folder and a link to the user's folder change places while files are written."""
    folder, link, ends = root.path / "folder", root.path / "link", threading.Event()
    folder.mkdir()
    link.symlink_to("../user")

    def swap() -> None:
        while not ends.is_set():
            for old, new in ((folder, "away"), (link, "folder"), (root.path / "away", "link")):
                old.rename(root.path / new)

    thread = threading.Thread(target=swap)
    thread.start()
    ended = Counter[int]()
    try:
        while min(ended[0], ended[errno.ELOOP]) < 100:
            try:
                root.write(folder / f"new{ended.total() % 10}", b"x")
                ended[0] += 1
            except OSError as error:
                ended[error.errno or -1] += 1
    finally:
        ends.set()
        thread.join()
    assert is_untouched(root)
    assert ended.keys() <= {0, errno.ELOOP, errno.ENOENT, errno.ENOTDIR}


@pytest.mark.parametrize("content", [b"", b"x" * 100_000])
def test_what_is_written_is_read(root: Folder, content: bytes) -> None:
    root.write(root.path / "new", content)
    assert root.read(root.path / "new", len(content)) == content
    assert root.state(root.path / "none") is None
    assert root.content(root.path / "none") == []


def test_a_folder_that_is_open_stays_the_same_when_it_is_moved(root: Folder) -> None:
    folder = root.path / "folder"
    root.make(folder)
    with root.within(folder) as inside:
        root.move(folder, root.path / "moved")
        (root.path / "folder").symlink_to(root.path.parent / "user")
        inside.write(folder / "made", b"ours")
        assert inside.read(folder / "made", 9) == b"ours"
        assert [path.name for path, _ in inside.content(folder)] == ["made"]
        with inside.within(folder) as again:
            assert again.state(folder / "made")
    assert (root.path / "moved" / "made").read_bytes() == b"ours"
    assert not (root.path.parent / "user" / "made").exists()


def test_an_open_file_is_at_its_path_until_another_takes_its_place(root: Folder) -> None:
    path = root.path / "held"
    root.write(path, b"one")
    with root.reader(path) as file:
        opened = os.fstat(file.fileno())
        path.chmod(0o600)
        assert root.state_of(opened, path) == os.fstat(file.fileno()) != opened
        root.write(path, b"two")
        assert not root.state_of(opened, path)
        root.remove(path)
        assert not root.state_of(opened, path)
        assert not root.state_of(opened, root.path / "file" / "below")


def test_a_folder_may_be_a_relative_path(root: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.path.parent)
    relative = Folder(Path(root.path.name))
    with relative.reader(relative.path / "file") as file:
        assert relative.state_of(os.fstat(file.fileno()), relative.path / "file")
        assert relative.state_of(os.fstat(file.fileno()), "file")
    assert relative.may_have(relative.path / "file")


def test_a_folder_that_another_makes_in_the_same_moment_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process makes the folder itself just after it was looked for."""
    root, really = Folder(tmp_path / "cache"), os.open

    def late(path: Any, *rest: Any, **options: Any) -> int:
        try:
            return really(path, *rest, **options)
        except FileNotFoundError:
            root.path.mkdir(exist_ok=True)
            raise

    monkeypatch.setattr(os, "open", late)
    root.make(root.path / "locks")
    assert (root.path / "locks").is_dir()
