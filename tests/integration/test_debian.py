import json
import os
import tarfile
import tempfile
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from harness.containers import debian
from harness.containers.debian import bootstrapped
from harness.containers.definitions import Bootstrapped
from harness.core.callbacks import beginnings
from harness.core.errors import DiskError, EngineError, FetchError, HarnessError, IntegrityError, ToolError
from harness.store.store import Store

STATUS = """Package: libc6
Status: install ok installed
Version: 2.41-12

Package: zlib1g
Status: install ok installed
Description: a
 Version: not this one
Version: 1:1.3
"""
BASE = Bootstrapped(
    suite="trixie",
    packages=("python3.13", "libstdc++6"),
    sha256="0" * 64,
    pinned="2026-11-23",
    versions={"libc6": "2.41-11", "gone": "1"},
)
# With or without ./dev, and by different versions of tar.
MAKES_A_TAR = """
cd "$TMPDIR" && mkdir -p var/lib/dpkg dev usr && cp {status} var/lib/dpkg/status && touch dev/null -d 2026-01-01
touch -d @1700000000 var var/lib var/lib/dpkg var/lib/dpkg/status usr .
for each; do case $each in *.tar) target=$each ;; esac; done
tar --sort=name --numeric-owner --owner=0 --group=0 {options} -cf "$target" .; rm -r var dev usr
"""


def fake(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put an mmdebstrap on the search path that records its arguments and runs a script."""
    program = folder / "bin/mmdebstrap"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{folder}/argv\nenv >{folder}/environment\n{script}')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def tar_script(folder: Path, options: str) -> str:
    (folder / "status").write_text(STATUS)
    return MAKES_A_TAR.format(status=folder / "status", options=options)


def called(folder: Path) -> list[str]:
    return (folder / "argv").read_text().splitlines()


@pytest.fixture(autouse=True)
def _on_a_pinned_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")


@pytest.fixture
def sha256(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the sha256 of what the fake makes."""
    fake(tmp_path, tar_script(tmp_path, "--format=pax --exclude=./dev"), monkeypatch)
    (tmp_path / "first").mkdir()
    return debian.bootstrap(BASE, tmp_path / "first").sha256


@pytest.mark.parametrize(
    "options", ["--format=pax --exclude=./dev", "--format=gnu", "--format=ustar --blocking-factor=3"]
)
def test_the_same_members_make_the_same_bytes(
    tmp_path: Path, store: Store, sha256: str, monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    fake(tmp_path, tar_script(tmp_path, options), monkeypatch)
    notices: list[str] = []
    store.on_work = beginnings(notices.append)
    base = replace(BASE, sha256=sha256)
    path = bootstrapped("cpu-debian", base, store)
    assert bootstrapped("cpu-debian", base, store, offline=True) == path
    assert notices == ["bootstrapping trixie for cpu-debian"]
    with tarfile.open(path) as archive:
        members = {member.name: member for member in archive}
    assert members["./dev"].isdir()
    assert "./dev/null" not in members
    assert sorted(file.name for file in path.parent.iterdir()) == ["base.tar", "entry.json"]


def test_how_mmdebstrap_is_called(tmp_path: Path, store: Store, sha256: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    bootstrapped("cpu-debian", replace(BASE, sha256=sha256), store, mirror="https://archive.example/20261123")
    argv = called(tmp_path)
    assert argv[0] == "--mode=unshare"
    assert "--include=python3.13,libstdc++6" in argv
    assert argv[-3] == "trixie"
    assert argv[-1] == "https://archive.example/20261123"
    environment = dict(line.partition("=")[::2] for line in (tmp_path / "environment").read_text().splitlines())
    assert environment["SOURCE_DATE_EPOCH"] == "1760000000"
    assert (environment["LC_ALL"], environment["TZ"], environment["PYTHONPATH"]) == ("C.UTF-8", "UTC", "")
    # Without root, mmdebstrap runs as several users, which cannot enter the folders of pytest.
    within = store.root / "tmp" if os.geteuid() == 0 else tempfile.gettempdir()
    assert Path(environment["TMPDIR"]).is_relative_to(within)


def test_other_bytes_than_those_that_are_pinned(store: Store, sha256: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        bootstrapped("cpu-debian", BASE, store)
    assert str(caught.value) == (
        f"cpu-debian: the bootstrapped trixie has sha256 {sha256}, expected {'0' * 64} (pinned on 2026-11-23). "
        "These packages differ: removed gone 1, libc6 2.41-11 -> 2.41-12, added zlib1g 1:1.3. Use a snapshot of the "
        "archive from that day with --debian-mirror URL, or pin the current packages with "
        "`nox -s pins -- cpu-debian`."
    )
    assert not (store.root / "bases").exists()
    assert list((store.root / "tmp").iterdir()) == []
    same = replace(BASE, versions={"libc6": "2.41-12", "zlib1g": "1:1.3"})
    with pytest.raises(IntegrityError, match="No package differs, so the tools do"):
        bootstrapped("cpu-debian", same, store)
    many = replace(BASE, versions={**same.versions, **{f"p{number}": "1" for number in range(30)}})
    with pytest.raises(IntegrityError, match=r"removed p7 1|and 5 more\."):
        bootstrapped("cpu-debian", many, store)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (
            "E: Failed to fetch http://x/y  Could not connect",
            (FetchError, "trixie: cannot download the packages; check the network"),
        ),
        (
            "E: Unable to locate package nosuch",
            (FetchError, "Output of mmdebstrap: E: Unable to locate package nosuch"),
        ),
        ("tar: ./a: Cannot write: No space left on device", (DiskError, " to bootstrap trixie; free disk space")),
        ("E: You don't have enough free space in /var/cache.", (DiskError, " to bootstrap trixie; free disk space")),
        (
            "I: fine\nE: unshare syscall failed",
            (ToolError, "debian-archive-keyring). Output of mmdebstrap: E: unshare syscall failed"),
        ),
        ("I: fine", (ToolError, "Output of mmdebstrap: none")),
    ],
)
def test_why_it_failed(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, output: str, expected: tuple[type[HarnessError], str]
) -> None:
    error, message = expected
    fake(tmp_path, f'cat <<"END" >&2\n{output}\nEND\nmkdir "$TMPDIR/left"; exit 25\n', monkeypatch)
    with pytest.raises(error) as caught:
        bootstrapped("cpu-debian", BASE, store)
    assert message in str(caught.value)
    assert "I: fine" not in str(caught.value)
    assert list((store.root / "tmp").iterdir()) == []


def test_without_mmdebstrap(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolError, match="Install the package mmdebstrap"):
        bootstrapped("cpu-debian", BASE, store)


def test_offline(store: Store) -> None:
    with pytest.raises(FetchError, match="the base image has not been built yet; run once without --offline"):
        bootstrapped("cpu-debian", BASE, store, offline=True)


def test_another_machine_than_those_that_are_pinned_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    with pytest.raises(EngineError, match="the base image is pinned for x86_64, but this machine is aarch64"):
        bootstrapped("cpu-debian", BASE, store)


@pytest.mark.parametrize("mirror", ["deb [trusted=yes] http://x y main", "-", "/etc/apt/sources.list", "http://a b"])
def test_a_mirror_that_is_no_url(store: Store, mirror: str) -> None:
    with pytest.raises(EngineError, match="expected the URL of a Debian archive"):
        bootstrapped("cpu-debian", BASE, store, mirror=mirror)


def test_the_locked_versions_are_json_of_names() -> None:
    folder = Path(__file__).parents[2] / "containers"
    locked = json.loads((folder / "packages.lock.json").read_text())
    images = tomllib.loads((folder / "images.toml").read_text())
    assert locked.keys() == {name for name, image in images.items() if "suite" in image}
    for versions in locked.values():
        assert "libc6" in versions
        assert {type(version) for version in versions.values()} == {str}
