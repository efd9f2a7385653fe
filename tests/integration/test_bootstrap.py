"""The real mmdebstrap with today's archive: bases that are pinned today can be made again."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from containers.pin_images import pin
from harness.containers import definitions
from harness.containers.debian import bootstrapped, changes
from harness.containers.definitions import Bootstrapped
from harness.core.errors import FetchError
from harness.store.store import Store
from tests.integration.dock import NAME, Supplies

CONTAINERS = Path(__file__).parents[2] / "containers"
OF_THIS_MACHINE = ("etc/hostname", "etc/resolv.conf", "etc/apt/sources.list", "var/lib/apt")
KILLED = """
import sys
from pathlib import Path
from harness.containers import debian, definitions
from harness.store.store import Store
base = definitions.load(Path(sys.argv[1]))["cpu-debian"].base
debian.bootstrapped("cpu-debian", base, Store(Path(sys.argv[2])))
"""


def base_of(containers: Path, name: str) -> Bootstrapped:
    base = definitions.load(containers)[name].base
    assert isinstance(base, Bootstrapped)
    return base


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of containers/ with an old pin, which somebody far away has brought up to date."""
    folder = tmp_path_factory.mktemp("today") / "containers"
    shutil.copytree(CONTAINERS, folder)
    old = base_of(CONTAINERS, NAME)
    replaced(folder / definitions.IMAGES_NAME, old.sha256, "0" * 64)
    locked = json.loads((folder / definitions.PACKAGES_NAME).read_text())
    locked[NAME]["libc6"] = "0"
    (folder / definitions.PACKAGES_NAME).write_text(json.dumps(locked))
    with pytest.MonkeyPatch.context() as elsewhere:
        elsewhere.setenv("LANG", "de_DE.UTF-8")
        elsewhere.setenv("TZ", "Asia/Kathmandu")
        mask = os.umask(0o077)
        try:
            said = list(pin(folder, NAME))
        finally:
            os.umask(mask)
    now = base_of(folder, NAME)
    assert said[-1] == f"sha256 {'0' * 64} -> {now.sha256}"
    assert f"libc6 0 -> {now.versions['libc6']}" in said
    return folder


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_what_is_pinned_comes_out_again_wherever_it_is_made(today: Path, image_supplies: Supplies) -> None:
    base = base_of(today, NAME)
    assert base_of(image_supplies.containers, NAME).sha256 == base.sha256
    with Store(image_supplies.store_dir) as store:
        path = bootstrapped(NAME, base, store, offline=True)
    with tarfile.open(path) as archive:
        members = {member.name.removeprefix("./"): member for member in archive}
    assert not [name for name in OF_THIS_MACHINE if name in members]
    assert not [name for name, member in members.items() if member.isdev() or name.startswith("dev/")]
    assert not [name for name, member in members.items() if name.startswith("usr/share/man/") and member.isfile()]
    assert members["usr/bin/python3.13"].isfile()


def test_the_projects_pin_holds_unless_the_archive_has_moved_on(today: Path) -> None:
    ours, now = base_of(CONTAINERS, NAME), base_of(today, NAME)
    moved = list(changes(ours.versions, now.versions))
    assert bool(moved) == (ours.sha256 != now.sha256), moved
    assert set(now.packages) <= set(now.versions)


def test_a_pin_changes_its_own_lines_only(today: Path) -> None:
    now = base_of(today, NAME)
    before, after = ((each / definitions.IMAGES_NAME).read_text().splitlines() for each in (CONTAINERS, today))
    changed = {new for old, new in zip(before, after, strict=True) if old != new}
    assert changed <= {f'sha256 = "{now.sha256}"', f'pinned = "{now.pinned}"'}
    locked, updated = (json.loads((each / definitions.PACKAGES_NAME).read_text()) for each in (CONTAINERS, today))
    assert updated == {**locked, NAME: now.versions}


def test_an_archive_that_cannot_be_reached(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="cannot download the packages; check the network and proxy, or set another"):
        bootstrapped(NAME, base_of(CONTAINERS, NAME), Store(tmp_path), mirror="http://127.0.0.1:9/debian")


def test_a_kill_leaves_no_process_no_mount_and_no_folder_elsewhere(tmp_path: Path) -> None:
    elsewhere, store = tmp_path / "elsewhere", tmp_path / "store"
    elsewhere.mkdir()
    argv = [sys.executable, "-c", KILLED, str(CONTAINERS), str(store)]
    with subprocess.Popen(argv, env={**os.environ, "TMPDIR": str(elsewhere)}) as harness:
        until(lambda: any(store.glob("tmp/*/tmp/mmdebstrap.*/usr/bin/dpkg")))  # packages are being unpacked
        harness.send_signal(signal.SIGKILL)
    until(lambda: not processes_in(store))
    assert str(store) not in Path("/proc/mounts").read_text()
    assert list(elsewhere.iterdir()) == []
    assert not (store / "bases").exists()
    shutil.rmtree(store)  # nothing in it is mounted or in use


def until(is_so: Callable[[], bool]) -> None:
    for _ in range(1200):
        if is_so():
            return
        time.sleep(0.1)
    pytest.fail("it took two minutes")


def processes_in(folder: Path) -> list[str]:
    """Return the processes that run in a folder, or name it in their command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace")
            places = [str((process / link).readlink()) for link in ("cwd", "root")]
        except OSError:
            continue
        if any(str(folder) in each for each in (words, *places)):
            found.append(words)
    return found
