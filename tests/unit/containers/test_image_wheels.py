import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.containers import image_wheels
from harness.core.errors import IntegrityError

DEVEL = "rocm_sdk_devel/_devel.tar"


def member(name: str, link: str = "", *, mode: int = 0o644, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = tarfile.SYMTYPE if link else kind, link, mode
    return info


def site(folder: Path, *members: tarfile.TarInfo, files: Mapping[str, str] = {}) -> Path:
    """Return a folder of installed wheels, with an archive of members."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / DEVEL).parent.mkdir(parents=True)
    with tarfile.open(folder / DEVEL, "w") as tar:
        for each in members:
            each.size = len(each.name) if each.isreg() else 0
            tar.addfile(each, io.BytesIO(each.name.encode()))
    return folder


def test_an_archive_in_a_wheel_is_unpacked_beside_it(tmp_path: Path) -> None:
    members = (
        member("./_devel/bin/tool", mode=0o4777),
        member("_devel/empty", kind=tarfile.DIRTYPE),
        member("_devel/lib/x.so", "../../_core/lib/x.so.7"),
        member("_devel/pipe", kind=tarfile.FIFOTYPE),
    )
    had, to = site(tmp_path / "site", *members, files={"_core/lib/x.so.7": "x"}), tmp_path / "to"
    to.mkdir()
    image_wheels.unpack("rocm", had, to)
    found = sorted(str(path.relative_to(to)) for path in to.rglob("*") if not path.is_dir())
    assert found == ["_core/lib/x.so.7", "_devel/bin/tool", "_devel/lib/x.so"]
    assert (to / "_devel/lib/x.so").read_text() == "x"
    assert (to / "_devel/bin/tool").stat().st_mode & 0o7777 == 0o755
    assert (to / "_devel/empty").is_dir()
    assert (had / DEVEL).exists(), "the store keeps what it has"


@pytest.mark.parametrize(
    "wrong",
    [member("/etc/passwd"), member("a/../../b"), member("a/b", "../../c"), member("a/b", "/etc/passwd")],
    ids=lambda each: each.name + each.linkname,
)
def test_an_archive_that_leads_elsewhere_is_refused(tmp_path: Path, wrong: tarfile.TarInfo) -> None:
    (tmp_path / "to").mkdir()
    with pytest.raises(IntegrityError, match=r"^rocm: an archive in a wheel leads to .*; expected a path beneath it"):
        image_wheels.unpack("rocm", site(tmp_path / "site", wrong), tmp_path / "to")
    assert list((tmp_path / "to").iterdir()) == []
