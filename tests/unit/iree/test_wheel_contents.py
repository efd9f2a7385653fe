import os
from pathlib import Path

import pytest

from harness.iree import wheel_contents
from harness.store.store import Store
from tests.unit.stores import KEY

FILES = {"iree/lib.so": "a" * 64, "iree/x.py": "b" * 64}


@pytest.mark.parametrize("name", ["bin/iree-compile", "iree_base_runtime-3.13.0.dist-info/RECORD", ".lock"])
def test_what_the_installer_writes_is_not_of_the_wheel(name: str) -> None:
    assert wheel_contents.digest(FILES | {name: "c" * 64}) == wheel_contents.digest(FILES)


@pytest.mark.parametrize("files", [{"iree/new.so": "c" * 64}, {"iree/lib.so": "c" * 64}, {"x.libs/y.so": "c" * 64}])
def test_every_file_of_the_wheel_counts(files: dict[str, str]) -> None:
    assert wheel_contents.digest(FILES | files) != wheel_contents.digest(FILES)
    assert wheel_contents.digest({"iree/x.py": "b" * 64}) != wheel_contents.digest(FILES)


def test_an_entry_is_intact_while_nobody_else_can_change_it(store: Store, tmp_path: Path) -> None:
    def make(folder: Path) -> None:
        (folder / "lib").mkdir()
        (folder / "lib" / "a.so").write_bytes(b"a")
        (folder / "notes").write_bytes(b"a")

    entry = store.provide("toolchains", KEY, make)
    assert wheel_contents.is_intact(store.files, entry, ("lib/",))
    (entry.path / "notes").write_bytes(b"b")
    assert wheel_contents.is_intact(store.files, entry, ("lib/",))
    os.link(entry.path / "notes", tmp_path / "name")
    assert not wheel_contents.is_intact(store.files, entry, ("lib/",))
    (tmp_path / "name").unlink()
    (entry.path / "lib" / "a.so").write_bytes(b"b")
    assert not wheel_contents.is_intact(store.files, entry, ("lib/",))
