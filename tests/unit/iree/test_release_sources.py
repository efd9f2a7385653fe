"""Pages of hosts are asked for in the integration tests; here they lie on disk."""

import hashlib
import platform
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.core.cases import Release
from harness.core.errors import FetchError, UsageError
from harness.core.settings import FetchSettings, ReleaseSettings
from harness.fetch import provision
from harness.iree import release_sources, releases
from harness.iree.releases import ReleaseWheels, Wheel
from harness.store.store import Store
from tests.unit.command_lines import settings

NIGHTLY, COMMIT = "3.14.0rc20261101", "0123456789" * 4
STAMP = f'VERSION = "{NIGHTLY}"\nREVISIONS = {{"IREE": "{COMMIT}"}}\n'
HOST = "https://host.example"
_EMPTY: Mapping[str, str] = {}


def wheel(folder: Path, package: str, version: str, files: Mapping[str, str] = _EMPTY, made: int = 2026) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"iree_base_{package}-{version}-cp312-cp312-linux_{platform.machine()}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {"iree/x.py": "", **files}.items():
            archive.writestr(zipfile.ZipInfo(name, (made, 1, 1, 0, 0, 0)), text)
    return path


def both(folder: Path, version: str, **options: Any) -> Path:
    wheel(folder, "compiler", version, **options)
    wheel(folder, "runtime", version, **options)
    return folder


def asked(*options: str, environment: Mapping[str, str] = _EMPTY) -> tuple[ReleaseSettings, FetchSettings]:
    found = settings("--offline", *options, environment=environment)
    return found.release, found.fetch


def others(store: Store, *options: str, said: list[str] | None = None, **more: Any) -> list[str]:
    """Return the names of the releases beyond the lock."""
    names = release_sources.known(*asked(*options, **more), store, (said if said is not None else []).append).names
    return [name for name in names if name not in releases.locked()]


@pytest.mark.parametrize("option", ["--find-links", "--wheels"])
def test_a_folder_of_wheels(tmp_path: Path, store: Store, option: str) -> None:
    folder = both(tmp_path / "a b", NIGHTLY, files={"iree/compiler/version.py": STAMP})
    (folder / "README").write_text("no wheel")
    found = release_sources.known(*asked(option, str(folder)), store).find(NIGHTLY)
    assert (found.release, found.commit) == (Release(name=NIGHTLY, date=20261101), COMMIT)
    assert [each.url for each in found.wheels] == [path.as_uri() for path in sorted(folder.glob("*.whl"))]
    assert not any(each.sha256 for each in found.wheels)


def test_folders_of_the_command_line_and_of_the_environment(tmp_path: Path, store: Store) -> None:
    a, b, c, d = (both(tmp_path / name, f"3.14.0rc2026110{number}") for number, name in enumerate("abcd", 1))
    options = ("--find-links", str(a), "--find-links", b.as_uri(), "--wheels", str(c))
    environment = {"HARNESS_FIND_LINKS": f"{d} {a}"}
    assert others(store, *options, environment=environment) == [f"3.14.0rc2026110{number}" for number in range(1, 5)]


def test_own_builds_order_by_the_newest_time_in_their_files(tmp_path: Path, store: Store) -> None:
    folder = tmp_path / "own"
    both(folder, "3.14.0.dev0+aaa", made=2027)
    both(folder, "3.14.0.dev0+bbb", made=2026)
    both(folder, NIGHTLY, made=2028)
    assert others(store, "--wheels", str(folder)) == [NIGHTLY, "3.14.0.dev0+bbb", "3.14.0.dev0+aaa"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken off", b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_wheel_is_skipped_and_told(tmp_path: Path, store: Store, content: bytes) -> None:
    folder, said = both(tmp_path / "own", NIGHTLY), list[str]()
    broken = wheel(folder, "compiler", "3.14.0rc20261102")
    broken.write_bytes(content)
    assert others(store, "--wheels", str(folder), said=said) == [NIGHTLY]
    assert [line.startswith(f"skipping {broken}: not a readable wheel (") for line in said] == [True]


def test_a_page_on_disk(tmp_path: Path, store: Store) -> None:
    folder, said = both(tmp_path / "w", NIGHTLY), list[str]()
    names = [path.name for path in sorted(folder.iterdir())]
    page = tmp_path / "page.html"
    page.write_text(f'<a href="w/{names[0]}#sha256={"ab" * 32}"><a href="w/{names[1]}"><a href="ftp://h/{names[0]}">')
    known = release_sources.known(*asked("--find-links", str(page)), store, said.append)
    assert [(each.url, each.sha256) for each in known.find(NIGHTLY).wheels] == [
        ((folder / names[0]).as_uri(), ("ab" * 32,)),
        ((folder / names[1]).as_uri(), ()),
    ]
    assert said == [f"skipping ftp://h/{names[0]}: {page.as_uri()} links to it by ftp:; expected https: or http:"]


def test_a_page_that_is_none(tmp_path: Path, store: Store) -> None:
    with (tmp_path / "page.html").open("wb") as file:
        file.truncate((16 << 20) + 1)
    with pytest.raises(FetchError) as caught:
        others(store, "--find-links", str(tmp_path / "page.html"))
    told = "page.html: not a page of wheels: it has more than 16.8 MB; check "
    assert told in str(caught.value)


def test_a_page_that_was_never_had(store: Store) -> None:
    with pytest.raises(FetchError) as caught:
        others(store, "--find-links", f"{HOST}/page.html?token=s3cret")
    assert str(caught.value).startswith(f"Cannot download the wheel index: {HOST}/page.html?token=***: not in the")
    assert "once without --offline" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--wheels=/no/where"], "/no/where: no such folder; pass a folder of wheels to --find-links or --wheels."),
        (["--find-links=/no/where"], "/no/where: no such folder; "),
        (["--find-links=file:///no/where"], "/no/where: no such folder; "),
        (["--find-links=s3://b/x"], "--find-links s3://b/x: expected an https:, http: or file: URL, or a folder."),
        (["--iree=3.99.0"], "3.99.0: no such IREE release; "),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_asked_for(options: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        release_sources.check(asked(*options)[0])
    assert str(caught.value).startswith(message)


def test_what_only_a_page_can_know_is_not_said_before() -> None:
    release_sources.check(asked("--iree=3.99.0", f"--find-links={HOST}/page.html")[0])


@pytest.mark.parametrize(("options", "name"), [([], releases.newest().name), (["--iree=3.9.0"], "3.9.0")])
def test_for_what_the_lock_has_no_page_is_asked(store: Store, options: list[str], name: str) -> None:
    page = f"--find-links={HOST}/page.html"
    assert release_sources.chosen(*asked(page, *options), store) == releases.find(name)


def test_own_wheels_count_in_the_place_of_the_lock(tmp_path: Path, store: Store) -> None:
    folder = both(tmp_path / "own", "3.9.0")
    assert release_sources.chosen(*asked("--wheels", str(folder)), store) == releases.find(releases.newest().name)
    found = release_sources.chosen(*asked("--wheels", str(folder), "--iree=3.9.0"), store)
    assert (found.release, found.wheels[0].url is None) == (releases.find("3.9.0").release, False)


def test_a_release_is_pinned_by_what_its_files_have(tmp_path: Path, store: Store) -> None:
    folder = both(tmp_path / "own", NIGHTLY)
    release, fetch = asked("--wheels", str(folder), f"--iree={NIGHTLY}", "--locked")
    with provision.fetcher(fetch, store, print) as fetcher:
        exact = release_sources.pinned(release_sources.chosen(release, fetch, store), fetcher)
        assert release_sources.pinned(releases.find("3.9.0"), fetcher) == releases.find("3.9.0")
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())]
    assert [each.sha256 for each in exact.wheels] == [(digest,) for digest in digests]


def test_what_nothing_vouches_for_is_refused_with_locked(store: Store) -> None:
    wheels = (Wheel(package="iree-base-compiler", version=NIGHTLY, sha256=(), url=f"{HOST}/w.whl?sig=s3cret"),)
    release = ReleaseWheels(release=releases.of_build(NIGHTLY), release_candidate=NIGHTLY, commit="", wheels=wheels)
    with provision.fetcher(asked("--locked")[1], store, print) as fetcher, pytest.raises(FetchError) as caught:
        release_sources.pinned(release, fetcher)
    named = f"{HOST}/w.whl?sig=***: --locked requires a sha256, and the page has none; "
    assert str(caught.value).startswith(named)


@pytest.mark.parametrize("name", ["nightly", "3.14.0rc20261101"])
def test_a_release_that_is_not_locked_may_be_a_nightly(store: Store, name: str) -> None:
    hint = r"add --find-links https://iree\.dev/pip-release-links\.html\.$"
    with pytest.raises(UsageError, match=hint):
        release_sources.check(asked(f"--iree={name}")[0])
    with pytest.raises(UsageError, match=hint):
        release_sources.known(*asked(), store).find(name)
