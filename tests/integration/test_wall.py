"""Hostile models in containers, with each kind of engine: what they try is in `wall_attacks`, and none of it works."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.integration import wall_attacks
from tests.integration.dock import Dock, Yard, open_folder
from tests.integration.laboratory import B

OUTPUTS = {
    "link": wall_attacks.LINK,
    "fifo": wall_attacks.FIFO,
    "folder": wall_attacks.FOLDER,
    "socket": wall_attacks.SOCKET,
    "sparse": wall_attacks.SPARSE,
}
HOSTILE = {**OUTPUTS, "daemon": wall_attacks.DAEMON, "stopper": wall_attacks.STOPPER, "killer": wall_attacks.KILLER}
NOTHING = {
    "effective capabilities": "0000000000000000",
    "permitted capabilities": "0000000000000000",
    "ambient capabilities": "0000000000000000",
    "bounding capabilities": "0000000000000000",
    "no new privileges": "1",
    "seccomp": "2",
    "become root": "PermissionError",
    "become another user": "PermissionError",
    "become another group": "PermissionError",
    "list the folders of others": "PermissionError",
    "enter the folders of others": "FileNotFoundError|PermissionError",
    "read its own log": "PermissionError",
    "write beside its folder": "[]",
    "call the harness": "PermissionError|FileNotFoundError",
    "read the worker's log": "PermissionError",
    "write the worker's log": "PermissionError",
    "kill others": "[]",
    "stop others": "[]",
    "trace others": "[]",
    "read the memory of others": "[]",
    "read the environment of others": "[]",
    "enter the folders of others' processes": "[]",
    "take the files of others' processes": "[]",
    "overwrite what it may read": "[]",
    "open what it may read for writing": "[]",
    "truncate what it may read": "[]",
    "leave what it may read": "[]",
    "write the image": "[]",
    "write the kernel's settings": "[]",
    "mount": "PermissionError",
    "leave the root": "PermissionError",
    "make a device": "PermissionError",
    "open the disks of the machine": "[]",
    "interfaces": "[]",
    "call the machine": "OSError|ConnectionRefusedError",
    "call the engine": "[]",
    "find the store": "[]",
}


def add(yard: Yard, name: str, number: int) -> None:
    """Write a spec whose first input says what its model does; its expected output is that of a sum."""
    first = np.array([number, 2, 3, 4], np.float32)
    inputs = [yard.tensor(f"{name}.bin", first, "4xf32"), yard.tensor("b.npy", B)]
    yard.spec(f"{name}_cpu", inputs=inputs, outputs=[yard.tensor(f"{name}.sum.bin", first + B, "4xf32")])


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


@pytest.fixture(scope="module")
def attacked(each_dock: Dock) -> Iterator[tuple[Yard, Mapping[str, Any]]]:
    """Run innocent models beside hostile ones; return each outcome by the name of its model."""
    with open_folder() as folder:
        yard = Yard(folder, each_dock, each_dock.engine.user, folder / "store")
        wrapper = yard.file("attacks.py", Path(wall_attacks.__file__).read_bytes())
        (yard.model_dir / wrapper).chmod(0o755)
        add(yard, "a_innocent", wall_attacks.INNOCENT)
        assert yard.run("--compile-only").code == 0
        kept = contents(yard.store_dir / "modules")
        for name, number in {**HOSTILE, "look": wall_attacks.LOOK, "z_innocent": wall_attacks.INNOCENT}.items():
            add(yard, name, number)
        result = yard.run("--run-wrapper", str(yard.model_dir / wrapper), "--timeout", "20")
        report = json.loads((yard.out / "results.json").read_text())
        assert kept.items() <= contents(yard.store_dir / "modules").items(), "what was there is as it was"
        yield yard, {"text": result.text, **{each["submodel"]: each for each in report["cases"]}}


def test_the_innocent_are_not_touched(attacked: tuple[Yard, Mapping[str, Any]]) -> None:
    yard, outcomes = attacked
    assert [outcomes[name]["status"] for name in ("a_innocent", "z_innocent")] == ["passed", "passed"], outcomes["text"]
    assert yard.left() == []


def looked(attacked: tuple[Yard, Mapping[str, Any]]) -> dict[str, str]:
    yard, outcomes = attacked
    text = Path(yard.out, outcomes["look"]["logs"]["run"]).read_text()
    return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line and not line.startswith(("+", "=")))


@pytest.mark.parametrize("name", NOTHING)
def test_a_model_may_do_nothing_beyond_itself(attacked: tuple[Yard, Mapping[str, Any]], name: str) -> None:
    assert looked(attacked)[name] in NOTHING[name].split("|")


def test_a_model_is_a_user_that_owns_nothing(attacked: tuple[Yard, Mapping[str, Any]]) -> None:
    found = looked(attacked)
    assert int(found["user"]) >= 10_000
    assert found["become root by a program"].split()[0] == found["user"]


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_that_is_no_file_spoils_its_own_case_alone(
    attacked: tuple[Yard, Mapping[str, Any]], name: str
) -> None:
    yard, outcomes = attacked
    assert outcomes[name]["status"] in {"failed", "error"}
    assert not [path for path in (yard.out / "outputs").rglob("*") if path.is_symlink()]
    files = [path for path in yard.out.rglob("*") if path.is_file()]
    assert not [path for path in files if b"root:x:0:" in path.read_bytes()]


def test_a_process_that_is_left_behind_has_ended(attacked: tuple[Yard, Mapping[str, Any]]) -> None:
    yard, outcomes = attacked
    assert outcomes["daemon"]["status"] == "failed"
    assert not yard.processes("attacks.py")


@pytest.mark.parametrize(
    ("name", "outcome"), [("stopper", ("failed", "timeout")), ("killer", ("error", "tool"))], ids=["stopped", "killed"]
)
def test_the_process_that_waits_for_a_tool_may_be_lost(
    attacked: tuple[Yard, Mapping[str, Any]], name: str, outcome: tuple[str, str]
) -> None:
    _, outcomes = attacked
    assert (outcomes[name]["status"], outcomes[name]["kind"]) == outcome
