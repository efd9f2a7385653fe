"""Wheels of builds that never were: the files of a real installed release, with another version and commit in them."""

import base64
import hashlib
import platform
import re
import zipfile
from pathlib import Path

from harness.iree import toolchain
from harness.iree.toolchain import Toolchain

NIGHTLY, OWN, COMMIT = "3.14.0rc20261101", "3.14.0.dev0+0123abc", "0123456789" * 4
_PACKAGES = ("compiler", "runtime")
_MADE = (2026, 11, 1, 5, 0, 0)


def wheels(tools: Toolchain, version: str, into: Path, commit: str | None = COMMIT) -> list[Path]:
    """Write both wheels of an installed release as those of another version, without the time to compress them."""
    into.mkdir(exist_ok=True)
    site = toolchain.folder(tools)
    return [_wheel(next(site.glob(f"iree_base_{name}-*.dist-info")), version, into, str(commit)) for name in _PACKAGES]


def _wheel(about: Path, version: str, into: Path, commit: str) -> Path:
    site, package = about.parent, about.name.partition("-")[0]
    path = into / f"{package}-{version}-cp312-abi3-manylinux_2_28_{platform.machine()}.whl"
    record = []
    with zipfile.ZipFile(path, "w") as archive:
        for line in (about / "RECORD").read_text().splitlines():
            name = line.rsplit(",", 2)[0]
            if _is_packed(name, about):
                content = _changed(site / name, version, commit)
                packed = name.replace(about.name, f"{package}-{version}.dist-info")
                record.append(f"{packed},sha256={_digest(content)},{len(content)}")
                _add(archive, packed, content, (site / name).stat().st_mode)
        packed = f"{package}-{version}.dist-info/RECORD"
        _add(archive, packed, "\n".join([*record, f"{packed},,\n"]).encode(), 0o644)
    return path


def _is_packed(name: str, about: Path) -> bool:
    """Return whether a file came in the wheel, and is of any use here."""
    if name.startswith(about.name):
        return name.rpartition("/")[2] in {"METADATA", "WHEEL", "top_level.txt", "entry_points.txt"}
    return not name.startswith(("..", "bin/", "iree/_runtime_libs_tracy")) and "__pycache__" not in name


def _changed(path: Path, version: str, commit: str) -> bytes:
    content = path.read_bytes()
    if path.name == "METADATA":
        return re.sub(rb"(?m)^Version: .*", b"Version: " + version.encode(), content, count=1)
    if path.name == "version.py":
        content = re.sub(rb'VERSION = ".*"', b'VERSION = "' + version.encode() + b'"', content)
        return re.sub(rb'"IREE": "[0-9a-f]{40}"', b'"IREE": "' + commit.encode() + b'"', content)
    return content


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def _add(archive: zipfile.ZipFile, name: str, content: bytes, mode: int) -> None:
    info = zipfile.ZipInfo(name, _MADE)
    info.external_attr = (0o100000 | mode) << 16
    archive.writestr(info, content)
