import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from harness.containers import dependencies
from harness.core.callbacks import beginnings
from harness.core.errors import FetchError, UsageError
from harness.store.store import Store

METADATA = "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
FILES = {
    "tiny.py": "def main():\n    return 1\n",
    "tiny-1.0.dist-info/METADATA": METADATA,
    "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: us\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "tiny-1.0.dist-info/entry_points.txt": "[console_scripts]\ntiny = tiny:main\n",
    "tiny-1.0.dist-info/RECORD": "",
}


def containers(folder: Path, *, tag: str = "py3-none-any", digest: str = "") -> Path:
    """Lay out a lock file with one wheel, which is beside it."""
    folder.mkdir(exist_ok=True)
    wheel = folder / f"tiny-1.0-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in FILES.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    digest = digest or hashlib.sha256(wheel.read_bytes()).hexdigest()
    (folder / "requirements.txt").write_text(f"tiny @ file://{wheel} --hash=sha256:{digest}\n")
    return folder


def contents(site: Path) -> dict[str, bytes]:
    return {str(path.relative_to(site)): path.read_bytes() for path in site.rglob("*") if path.is_file()}


def test_what_is_installed_is_the_same_everywhere(tmp_path: Path) -> None:
    folder = containers(tmp_path / "containers")
    sites = []
    for name, mask in (("a", 0o022), ("some/where/else", 0o077)):
        before = os.umask(mask)
        try:
            sites.append(dependencies.installed(folder, "3.13", Store(tmp_path / name)))
        finally:
            os.umask(before)
    first, second = map(contents, sites)
    assert first == second
    assert first["tiny.py"].decode() == FILES["tiny.py"]
    assert first["tiny-1.0.dist-info/METADATA"].decode() == METADATA
    # No program, which begins with a path of this machine; nothing of where it came from and went to.
    assert not [name for name in first if name.startswith("bin/") or name.endswith(("RECORD", "url.json", ".lock"))]
    assert not [name for name, text in first.items() if str(tmp_path).encode() in text]


def test_it_is_installed_once(tmp_path: Path, store: Store) -> None:
    folder, notices = containers(tmp_path / "containers"), list[str]()
    store.on_work = beginnings(notices.append)
    first = dependencies.installed(folder, "3.13", store)
    assert dependencies.installed(folder, "3.13", store) == first
    assert dependencies.installed(folder, "3.12", store) != first
    assert notices == [
        f"installing the dependencies of the harness for Python {version}" for version in ("3.13", "3.12")
    ]


@pytest.mark.parametrize(
    ("tag", "digest", "message"),
    [("py3-none-any", "0" * 64, "Hash mismatch"), ("cp312-cp312-manylinux_2_28_x86_64", "", "Python version")],
)
def test_what_does_not_fit_is_not_installed(tmp_path: Path, store: Store, tag: str, digest: str, message: str) -> None:
    folder = containers(tmp_path / "containers", tag=tag, digest=digest)
    with pytest.raises(FetchError, match="Cannot install the dependencies of the harness; check the network") as caught:
        dependencies.installed(folder, "3.13", store)
    assert message.lower() in str(caught.value).lower()
    assert not (store.root / "dependencies").exists()


def test_without_a_lock(tmp_path: Path, store: Store) -> None:
    with pytest.raises(UsageError, match=r"requirements.txt: cannot be read \(No such file or directory\); restore it"):
        dependencies.installed(tmp_path, "3.13", store)
