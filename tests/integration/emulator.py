"""Stand-ins for emulators of AMD GPUs: their command lines, in a ROCm root with the HIP runtime of the tests.

They are also in wheels as AMD's package index has them: most files of a root are in an archive in one wheel, with links
to those of the other.
"""

import io
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.integration import hip

VERSION = "10.1.0a20261101"
BUILD = f"{VERSION}, 91c477bfb062"
CONFIGS = {"gfx942_cdna3": "chip=gfx942", "amdgpu_cdna4": "chip=gfx950 fails=1:719", "readme": ""}
_ROCJITSU = """\
#!/bin/sh
[ "$HSA_ENABLE_SDMA $1 $3" = "1 --config --" ] || exit 64
export STAND_IN_HIP="name=Emulated $(cat "$2")"
shift 3
exec "$@"
"""
_MIRAGE = """\
#!/bin/sh
[ "$HSA_ENABLE_SDMA $1 $2 $4" = "1 run --config --" ] || exit 64
export STAND_IN_HIP="name=Mirage $(cat "$3")"
shift 4
exec "$@"
"""
FILES: Mapping[str, str] = {
    "bin/rocjitsu": _ROCJITSU,
    "bin/mirage": _MIRAGE,
    "lib/librocjitsu_kmd.so": "emulator",
    ".info/version": f"{VERSION}\n",
    **{f"share/rocjitsu/configs/{name}.json": words for name, words in CONFIGS.items()},
}


def write_root(folder: Path, library: Path) -> Path:
    """Write a ROCm root with both emulators."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(_mode(name))
    (folder / "lib" / hip.LIBRARY).symlink_to(library)
    return folder


def _mode(name: str) -> int:
    return 0o755 if name.startswith("bin/") else 0o644


def write_index(folder: Path, library: Path) -> None:
    """Write a package index with the wheels of a ROCm root: a folder for each package, without hashes."""
    core = {f"_rocm_sdk_core/lib/{hip.LIBRARY}.7": library.read_bytes()}
    devel = {"rocm_sdk_devel/__init__.py": b"", "rocm_sdk_devel/_devel.tar.xz": _archive()}
    for package, content in (("rocm-sdk-core", core), ("rocm-sdk-devel", devel)):
        (folder / package).mkdir(parents=True)
        _write_wheel(folder / package, package, content)


def _archive() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:xz") as tar:
        for name, text in FILES.items():
            info = tarfile.TarInfo(f"_rocm_sdk_devel/{name}")
            info.mode, info.size = _mode(name), len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
        link = tarfile.TarInfo(f"_rocm_sdk_devel/lib/{hip.LIBRARY}")
        link.type, link.linkname = tarfile.SYMTYPE, f"../../_rocm_sdk_core/lib/{hip.LIBRARY}.7"
        tar.addfile(link)
    return file.getvalue()


def _write_wheel(folder: Path, package: str, content: Mapping[str, bytes]) -> None:
    name = f"{package.replace('-', '_')}-{VERSION}"
    files = {**content, **dict(_metadata(package, f"{name}.dist-info"))}
    record = "".join(f"{path},,\n" for path in (*files, f"{name}.dist-info/RECORD"))
    with zipfile.ZipFile(folder / f"{name}-py3-none-linux_x86_64.whl", "w") as wheel:
        for path, data in {**files, f"{name}.dist-info/RECORD": record.encode()}.items():
            wheel.writestr(zipfile.ZipInfo(path), data)


def _metadata(package: str, folder: str) -> Iterator[tuple[str, bytes]]:
    yield f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {VERSION}\n".encode()
    yield f"{folder}/WHEEL", b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-linux_x86_64\n"
