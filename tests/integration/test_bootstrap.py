"""The real mmdebstrap with today's archive: bases that are pinned today can be made again."""

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from containers.pin_images import pin
from harness.containers import definitions
from harness.containers.debian import bootstrapped, changes
from harness.containers.definitions import Bootstrapped
from harness.core.errors import FetchError, IntegrityError
from harness.store.store import Store
from tests.integration.dock import Supplies

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
    """Return a copy of containers/, with both images of Debian pinned to today's archive by somebody far away."""
    folder = tmp_path_factory.mktemp("today") / "containers"
    shutil.copytree(CONTAINERS, folder)
    with pytest.MonkeyPatch.context() as elsewhere:
        elsewhere.setenv("LANG", "de_DE.UTF-8")
        elsewhere.setenv("TZ", "Asia/Kathmandu")
        mask = os.umask(0o077)
        try:
            for name in ("cpu-debian", "rocm-debian"):
                list(pin(folder, name))
        finally:
            os.umask(mask)
    return folder


def test_what_is_pinned_comes_out_again_wherever_it_is_made(today: Path, image_supplies: Supplies) -> None:
    base = base_of(today, "cpu-debian")
    assert base_of(image_supplies.containers, "cpu-debian").sha256 == base.sha256
    with Store(image_supplies.store_dir) as store:
        path = bootstrapped("cpu-debian", base, store, offline=True)
    with tarfile.open(path) as archive:
        members = {member.name.removeprefix("./"): member for member in archive}
    assert not [name for name in OF_THIS_MACHINE if name in members]
    assert not [name for name, member in members.items() if member.isdev() or name.startswith("dev/")]
    assert not [name for name, member in members.items() if name.startswith("usr/share/man/") and member.isfile()]
    assert members["usr/bin/python3.13"].isfile()


@pytest.mark.parametrize("name", ["cpu-debian", "rocm-debian"])
def test_the_projects_pins_hold_unless_the_archive_has_moved_on(today: Path, name: str) -> None:
    ours, now = base_of(CONTAINERS, name), base_of(today, name)
    moved = list(changes(ours.versions, now.versions))
    assert bool(moved) == (ours.sha256 != now.sha256), moved
    assert set(now.packages) <= set(now.versions)
    text = (today / definitions.IMAGES_NAME).read_text()
    pins = ((ours.sha256, now.sha256), (ours.pinned, now.pinned)) if moved else ()
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        line for line in (CONTAINERS / definitions.IMAGES_NAME).read_text().splitlines() if line.startswith("#")
    ]
    assert all(new in text for _, new in pins)


def test_another_pin_is_refused_and_nothing_is_kept(tmp_path: Path, today: Path) -> None:
    base = base_of(today, "cpu-debian")
    version = base.versions["libc6"]
    wrong = replace(base, sha256="0" * 64, versions={**base.versions, "libc6": "0"})
    with (
        Store(tmp_path / "store") as store,
        pytest.raises(IntegrityError, match=r"nox -s pins -- cpu-debian") as caught,
    ):
        bootstrapped("cpu-debian", wrong, store)
    assert f"These packages differ: libc6 0 -> {version}. " in str(caught.value)
    assert base.sha256 in str(caught.value)
    assert not (tmp_path / "store/bases").exists()
    assert list((tmp_path / "store/tmp").iterdir()) == []


def test_an_archive_that_cannot_be_reached(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="cannot download the packages; check the network and proxy, or set another"):
        bootstrapped(
            "cpu-debian", base_of(CONTAINERS, "cpu-debian"), Store(tmp_path), mirror="http://127.0.0.1:9/debian"
        )


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
