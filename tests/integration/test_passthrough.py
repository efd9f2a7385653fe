"""GPUs in containers, with character devices in place of theirs: which ones a container may use, and the messages."""

import contextlib
import json
import os
import stat
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from harness.containers import confinement
from harness.containers.confinement import ContainerLimits
from harness.containers.engine_info import EngineInfo
from harness.core.errors import EngineError
from harness.host import devices
from harness.host.devices import Gpu, Vendor
from tests.integration.dock import Dock, hand_over, open_folder
from tests.integration.engines import USER
from tests.integration.laboratory import wait_for

GROUP = 993
# What /dev/null is: it can be opened, read and written by whoever may.
MAJOR, MINOR = 1, 3
LOOK = """
import json, os, sys
from harness.core import records
from harness.host import devices
from harness.pipeline.options import Options
gpus = [records.read(devices.Gpu, each) for each in json.loads(sys.argv[1])]
nodes = sorted({node for gpu in gpus for node in (*gpu.shared_nodes, gpu.node)})
can = {node: os.access(node, os.R_OK | os.W_OK) for node in nodes if os.path.exists(node)}
for node in [node for node, may in can.items() if may]:
    os.close(os.open(node, os.O_RDWR))
output = {"uid": os.getuid(), "groups": os.getgroups(), "can": can, "missing": [devices.missing(gpu) for gpu in gpus]}
open(sys.argv[2], "w").write(json.dumps(output))
"""


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Gpu, Gpu]]:
    """Return two GPUs with device files of the test; in a container, /tmp and /var/tmp have no devices."""
    with open_folder("/srv") as folder:
        names = [str(folder / name) for name in ("kfd", "renderD128", "renderD129")]
        for name in names:
            os.mknod(name, stat.S_IFCHR | 0o660, os.makedev(MAJOR, MINOR))
            os.chown(name, 0, GROUP)
            Path(name).chmod(0o660)
        monkeypatch.setattr(devices, "_SHARED_NODES", {Vendor.AMD: (names[0],), Vendor.NVIDIA: ()})
        gpus = [
            Gpu(index=index, vendor=Vendor.AMD, chip="gfx942", bus_id=f"0000:0{index}:00.0", node=node)
            for index, node in enumerate(names[1:])
        ]
        yield gpus[0], gpus[1]


def looked(dock: Dock, gpus: Sequence[Gpu], about: Sequence[Gpu], *, user: int) -> Any:
    """Return what a program finds in a container that may use some GPUs."""
    with open_folder() as folder, dock.engine.client() as engine:
        hand_over(folder, user)
        settings = confinement.settings(engine.info, folder, gpus, ContainerLimits())
        shared = f"devices._SHARED_NODES = {{devices.Vendor.AMD: {about[0].shared_nodes!r}}}\n"
        script = LOOK.replace("gpus = ", f"{shared}gpus = ", 1)
        settings["entrypoint"] = ["/usr/bin/python3.13", "-c", script]
        settings["user"] = settings["user"] if engine.info.rootless else f"{user}:{user}"
        name, output = f"test-{uuid.uuid4().hex[:8]}", folder / "output"
        as_json = json.dumps(
            [{**{one.name: getattr(each, one.name) for one in fields(Gpu)}, "vendor": "amd"} for each in about]
        )
        try:
            engine.create(name, dock.tag, [as_json, str(confinement.FOLDER / output.name)], settings)
            engine.start(name)
            wait_for(lambda: not engine.is_running(name))
            return json.loads(output.read_text())
        finally:
            with contextlib.suppress(EngineError):  # it removes itself, perhaps just now
                engine.discard(name)


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_a_gpu_is_there_for_a_user_who_is_not_root(
    docks: Callable[[str], Dock], cards: tuple[Gpu, Gpu], name: str
) -> None:
    dock = docks(name)
    assert dock.tag
    seen = looked(dock, cards[:1], cards, user=USER)
    assert seen["uid"] == USER
    assert GROUP in seen["groups"]
    assert seen["can"] == {cards[0].shared_nodes[0]: True, cards[0].node: True}
    assert seen["missing"][0] == ""
    assert f"{cards[1].node} does not exist" in seen["missing"][1], "the other GPU is not seen"
    assert f"--device {cards[1].node}" in seen["missing"][1]


def test_without_a_gpu_there_is_none(each_dock: Dock, cards: tuple[Gpu, Gpu]) -> None:
    seen = looked(each_dock, (), cards, user=each_dock.engine.user or USER)
    assert seen["can"] == {}
    assert ["does not exist" in each for each in seen["missing"]] == [True, True]


def test_without_the_group_the_device_may_not_be_opened(
    each_dock: Dock, cards: tuple[Gpu, Gpu], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "group_ids", lambda _: ())
    seen = looked(each_dock, cards[:1], cards[:1], user=each_dock.engine.user or USER)
    assert seen["can"] == {cards[0].shared_nodes[0]: False, cards[0].node: False}
    assert f"it belongs to group {'nogroup' if each_dock.engine.name == 'rootless' else GROUP}" in seen["missing"][0]


def test_what_everybody_may_open_is_there_without_root_too(each_dock: Dock, cards: tuple[Gpu, Gpu]) -> None:
    for node in (*cards[0].shared_nodes, cards[0].node):
        Path(node).chmod(0o666)
    seen = looked(each_dock, cards[:1], cards[:1], user=each_dock.engine.user or USER)
    assert seen["can"] == {cards[0].shared_nodes[0]: True, cards[0].node: True}
    assert seen["missing"] == [""]


def test_a_plain_file_is_not_passed_for_a_device(each_dock: Dock, cards: tuple[Gpu, Gpu]) -> None:
    Path(cards[0].node).unlink()
    Path(cards[0].node).write_text("")
    seen = looked(each_dock, cards[:1], cards[:1], user=each_dock.engine.user or USER)
    assert cards[0].node not in seen["can"]
    assert f"{cards[0].node} does not exist" in seen["missing"][0] or "is not accessible" in seen["missing"][0]


INFO = EngineInfo(
    name="docker",
    version="28.3.0",
    socket="/s",
    rootless=False,
    remapped=False,
    limits=True,
    selinux=False,
    cdi_dirs=(),
)


def cdi_spec(folder: Path, cards: Sequence[Gpu]) -> None:
    """Write a CDI specification like AMD's toolkit: a device per GPU, and one for all."""
    own = {str(card.index): [*card.shared_nodes, card.node] for card in cards}
    own["all"] = list(dict.fromkeys(node for nodes in own.values() for node in nodes))
    entries = [
        {"name": name, "containerEdits": {"deviceNodes": [{"path": node} for node in nodes]}}
        for name, nodes in own.items()
    ]
    spec = {"cdiVersion": "0.6.0", "kind": "amd.com/gpu", "devices": entries}
    (folder / "amd.json").write_text(json.dumps(spec))


def host(info: EngineInfo, cards: Sequence[Gpu], tmp_path: Path) -> Any:
    return confinement.settings(info, tmp_path, cards, ContainerLimits())["host"]


def test_by_name_where_the_engine_knows_names(cards: tuple[Gpu, Gpu], tmp_path: Path) -> None:
    cdi_spec(tmp_path, cards)
    given = host(replace(INFO, cdi_dirs=(str(tmp_path),)), cards[1:], tmp_path)
    assert given["devices"] == []
    assert [dict(each) for each in given["device_requests"]] == [
        {"Driver": "cdi", "Count": 0, "DeviceIDs": ["amd.com/gpu=1"], "Capabilities": [], "Options": {}}
    ]
    assert given["group_add"] == [str(GROUP)], "a name does not let anybody in"


def test_by_file_where_a_name_is_missing_or_the_engine_knows_none(cards: tuple[Gpu, Gpu], tmp_path: Path) -> None:
    files = [f"{node}:{node}:rw" for node in (*cards[0].shared_nodes, cards[0].node, cards[1].node)]
    cdi_spec(tmp_path, cards[:1])
    partly = host(replace(INFO, cdi_dirs=(str(tmp_path),)), cards, tmp_path)
    assert (partly["devices"], partly["device_requests"]) == (files, [])
    cdi_spec(tmp_path, cards)
    old = host(INFO, cards, tmp_path)
    assert (old["devices"], old["device_requests"]) == (files, [])
