"""Releases beyond the lock: real programs in wheels of other versions, on pages of a real server and in folders."""

import hashlib
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest

from harness.iree.toolchain import Toolchain
from tests.integration import rebuilt
from tests.integration.laboratory import Laboratory, Result, clean_environment
from tests.integration.rebuilt import COMMIT, NIGHTLY, OWN

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def nightly(tmp_path_factory: pytest.TempPathFactory, toolchain: Callable[[str], Toolchain]) -> Path:
    """Return a folder with both wheels of a nightly build."""
    folder = tmp_path_factory.mktemp("nightly")
    rebuilt.wheels(toolchain("3.13.0"), NIGHTLY, folder)
    return folder


class Site:
    """A server's folder with wheels, and a page of links to them."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder, self.page = folder, f"{url}/links.html"
        (folder / "w+w").mkdir()

    def has(self, *paths: Path) -> None:
        """Have wheels, without a copy."""
        for path in paths:
            (self._folder / "w+w" / path.name).symlink_to(path)

    def write(self, sha256: Callable[[Path], str] | None = None) -> None:
        """Write the page, with digests if they are given."""
        paths = sorted((self._folder / "w+w").iterdir())
        links = [f"{quote('w+w/' + path.name)}{f'#sha256={sha256(path)}' if sha256 else ''}" for path in paths]
        links = [link.replace("_", "%5F") for link in links]
        (self._folder / "links.html").write_text("".join(f'<a href="./{link}">{link}</a>\n' for link in links))

    def empty(self) -> None:
        """Have nothing any more."""
        shutil.rmtree(self._folder / "w+w")
        (self._folder / "links.html").unlink()


@pytest.fixture
def site(server: str, tmp_path: Path) -> Site:
    return Site(tmp_path / "www", server)


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def iree(result: Result) -> Mapping[str, str]:
    told: Mapping[str, str] = result.report["environment"]["iree"]
    return told


def test_a_nightly_of_a_page_is_judged_and_again_without_a_network(lab: Laboratory, site: Site, nightly: Path) -> None:
    lab.spec()
    site.has(*nightly.iterdir())
    site.write(digest)
    asked = ("--iree", NIGHTLY, "--find-links", site.page)
    result = lab.run(*asked, "--locked")
    assert result.verdict == (0, "passed", None), result.text
    assert iree(result) == {"release": NIGHTLY, "compiler_commit": COMMIT, "runtime_commit": COMMIT}
    assert "is not in the lock" not in result.text
    site.empty()
    (installed,) = lab.store_dir.glob(f"toolchains/*/{NIGHTLY}-*")
    before = {path.relative_to(installed): path.stat().st_size for path in installed.rglob("*.py")}
    assert not [path for path in installed.rglob("*") if path.name in {"RECORD", "direct_url.json", "uv_cache.json"}]
    shutil.rmtree(installed)
    again = lab.run(*asked, "--offline")
    assert again.verdict == (0, "passed", None), again.text
    assert f"installing IREE {NIGHTLY}" in again.text
    assert before == {path.relative_to(installed): path.stat().st_size for path in installed.rglob("*.py")}
    assert again.case["modules"][0]["cached"]
    gone = lab.run(*asked)
    assert gone.verdict == (3, "error", "fetch")
    told = f"Cannot download the wheel index: {site.page}: the server answered 404 "
    assert told in gone.case["reason"]
    assert "check --find-links or HARNESS_FIND_LINKS" in gone.case["reason"]


def test_what_a_page_has_may_change_and_a_wrong_digest_is_refused(lab: Laboratory, site: Site, nightly: Path) -> None:
    lab.spec()
    site.has(next(nightly.glob("*runtime*")))
    compiler = lab.root / next(nightly.glob("*compiler*")).name
    compiler.write_bytes(b"another")
    asked = ("--iree", NIGHTLY, "--find-links", site.page)
    site.write(digest)
    assert f"{NIGHTLY}: no such IREE release" in lab.run(*asked, command="plan").text
    site.has(compiler)
    site.write(lambda path: digest(path)[::-1])
    assert lab.run(*asked, command="plan").code == 0
    result = lab.run(*asked)
    assert result.verdict == (3, "error", "integrity"), result.text
    reason, right = result.case["reason"], digest(compiler)
    assert f"IREE {NIGHTLY}: a wheel does not match its sha256. {site.page.rpartition('/')[0]}/w%2Bw/iree%5F" in reason
    assert re.search(rf"its content is sha256:{right}, 7 bytes.*; expected sha256:{right[::-1]}; correct the p", reason)


def test_a_nightly_in_a_folder_is_planned_without_being_installed(lab: Laboratory, nightly: Path) -> None:
    lab.spec()
    lab.store_dir = lab.root / "store"
    planned = lab.run("--iree", NIGHTLY, command="plan", environment={"HARNESS_FIND_LINKS": str(nightly)})
    assert planned.code == 0, planned.text
    assert "iree-compile model.mlir" in planned.text
    assert not (lab.store_dir / "toolchains").exists()
    wrong = lab.run("--iree", "3.14.0rc20261102", "--find-links", str(nightly))
    assert wrong.code == 2
    assert f"3.14.0rc20261102: no such IREE release; did you mean {NIGHTLY}? Available: 3.0.0, " in wrong.text


def test_an_own_build_is_judged(lab: Laboratory, toolchain: Callable[[str], Toolchain]) -> None:
    lab.spec()
    folder = lab.root / "local builds"
    rebuilt.wheels(toolchain("3.13.0"), OWN, folder)
    result = lab.run("--iree", OWN, "--wheels", str(folder), "--offline", "--locked")
    assert result.verdict == (0, "passed", None), result.text
    assert iree(result)["release"] == OWN


def test_the_tag_of_an_image_is_that_of_the_wheels(lab: Laboratory, site: Site) -> None:
    names = [f"iree_base_{each}-{OWN}-py3-none-linux_{platform.machine()}.whl" for each in ("compiler", "runtime")]
    asked = ("--iree", OWN, "--find-links", site.page)
    for name in names:
        (lab.root / name).write_text(name)
        site.has(lab.root / name)
    site.write()
    refused = tag(lab, *asked, "--locked")
    assert refused.returncode == 3
    assert "--locked requires a sha256, and the page has none" in refused.stderr
    first = tag(lab, *asked)
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith(f"cpu-{OWN.replace('+', '_')}-")
    assert first.stderr.count("is not in the lock file; trusting sha256:") == 2
    (lab.root / names[0]).write_text("another")
    held = tag(lab, *asked)
    assert (held.stdout, held.stderr) == (first.stdout, ""), "what was trusted once is held to"
    site.write(digest)
    another = tag(lab, *asked)
    assert another.returncode == 0
    assert another.stdout != first.stdout


def tag(lab: Laboratory, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run `harness image tag`, which needs no engine."""
    argv = [sys.executable, "-m", "harness", "image", "tag"]
    argv += ["--store", str(lab.root / "store"), *options]
    return subprocess.run(argv, env=clean_environment(), capture_output=True, text=True, check=False, cwd=lab.root)


def test_the_original_suites_way_asks_for_them_too(lab: Laboratory, site: Site) -> None:
    lab.spec()
    argv = [sys.executable, "quality_tests/", f"--test-file-directory={lab.specs}", "--find-links", site.page]
    environment = clean_environment() | {"IREE_TEST_FILES": str(lab.root / "store")}
    options = ["--iree", NIGHTLY, "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run([*argv, *options], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert f"Cannot download the wheel index: {site.page}: the server answered 404 " in done.stderr
