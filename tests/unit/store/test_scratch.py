import pytest

from harness.store import scratch
from harness.store.store import Store


def test_scratch_is_gone_afterwards(store: Store) -> None:
    with scratch.folder(store.root) as folder:
        (folder / "log").touch()
    assert not folder.exists()
    assert not any(path.is_file() for path in store.root.rglob("*"))


def test_a_nameless_file_is_in_no_folder(store: Store) -> None:
    with scratch.file(store.root) as file:
        file.write(b"context")
        assert list((store.root / "tmp").iterdir()) == []


def test_nothing_is_left_of_what_went_wrong_within(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt), scratch.folder(store.root):
        raise KeyboardInterrupt
    assert not any(path.is_file() for path in store.root.rglob("*"))
    assert list((store.root / "tmp").iterdir()) == []


def test_a_folder_of_another_user_stays_and_delays_nothing(store: Store) -> None:
    theirs = store.root / "tmp" / "scratch.0"
    theirs.mkdir(parents=True)
    (store.root / "locks" / theirs.name).mkdir(parents=True)  # which cannot be opened, as a lock of root's cannot
    with scratch.folder(store.root) as folder:
        assert folder.is_dir()
    assert theirs.exists()
