"""What an image is made from: its recipe, its tag, which is a digest of all inputs, and its build context."""

import copy
import functools
import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import harness
from harness.containers import definitions, image_wheels, manifest, provenance
from harness.containers.definitions import Bootstrapped, Image, Pulled
from harness.containers.manifest import Manifest
from harness.core.settings import ContainerSettings
from harness.core.values import frozen
from harness.host import bundled
from harness.iree import toolchain
from harness.iree.releases import ReleaseWheels
from harness.iree.toolchain import Toolchain

_TAG_DIGITS = 12
# Files that an installation leaves behind, which differ from one installation to the next.
_LEFT_OUT = frozenset({"__pycache__", "entry.json", "install.log", "requirements.txt", ".lock"})


@frozen
class Recipe:
    """What an image for an IREE release is made from.

    Attributes:
        image: definition of the image.
        release: the IREE release, with a sha256 for each wheel.
        containers: folder with Dockerfile and lock files.
    """

    image: Image
    release: ReleaseWheels
    containers: Path

    @property
    def inputs(self) -> str:
        """The sha256 of everything that the image is made from."""
        return _json_sha256({"frame": frame(self.image, self.containers), "toolchain": toolchain.key(self.release)})

    @property
    def tag(self) -> str:
        """`cpu-3.13.0-0123456789ab`. A plus, as in versions of local builds, is not valid in a tag."""
        return f"{self.image.name}-{self.release.release.name.replace('+', '_')}-{self.inputs[:_TAG_DIGITS]}"

    @property
    def arguments(self) -> Mapping[str, str]:
        """The arguments of the Dockerfile, except the base image."""
        return {"PYTHON": self.image.python, "HIP": self.image.hip or ""}

    def manifest(self, tools: Toolchain) -> Manifest:
        """Return the manifest of the image, given the toolchain that is copied into it."""
        return Manifest(
            image=self.image.name,
            tag=self.tag,
            inputs=self.inputs,
            frame=frame(self.image, self.containers),
            base=_base(self.image),
            requirements=_requirements(self.containers),
            harness=this_harness(),
            toolchain=toolchain.moved(tools, manifest.ROOT / "toolchain"),
            hip=self.image.hip,
            wheels=image_wheels.digest(self.image.wheels),
            index=self.image.wheels.index if self.image.wheels else None,
            emulator=self.image.emulator,
        )


def frame(image: Image, containers: Path) -> str:
    """Return the sha256 of everything that an image is made from, except the IREE release."""
    return _json_sha256(
        {
            "machine": platform.machine(),
            "base": _base(image),
            "python": image.python,
            "hip": image.hip,
            "wheels": image_wheels.digest(image.wheels),
            "emulator": image.emulator,
            "dockerfile": _text_sha256(containers / "Dockerfile"),
            "requirements": _requirements(containers),
            "harness": this_harness(),
        }
    )


def folder(settings: ContainerSettings) -> Path:
    """Return the folder with images.toml: that of the settings, else the bundled one."""
    return settings.definitions or bundled.folder("containers")


def recipe(settings: ContainerSettings, chosen: Image, release: ReleaseWheels) -> Recipe:
    """Return the recipe of an image for a release, each of whose wheels has a sha256.

    Raises:
        UsageError: other wheels of the image are not pinned.
    """
    image_wheels.check_pinned(chosen)
    return Recipe(image=chosen, release=release, containers=folder(settings))


@functools.cache
def this_harness() -> str:
    """Return the version of this harness with a digest of its files."""
    return f"{harness.__version__}+{bundled.sources_sha256()[:_TAG_DIGITS]}"


def write(recipe: Recipe, tools: Toolchain, dependencies: Path, file: IO[bytes], *, wheels: Path | None = None) -> None:
    """Write the build context. The same inputs give the same bytes.

    Args:
        recipe: recipe of the image.
        tools: the installed release.
        dependencies: folder with the dependencies of the harness, for the image's Python.
        file: the tar to write.
        wheels: folder with the wheels of the image; None if it has none.
    """
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as tar:
        _add_text(tar, "Dockerfile", definitions.text(recipe.containers / "Dockerfile"))
        for name, path in _files(dependencies):
            _add(tar, f"packages/{manifest.DEPENDENCIES.name}/{name}", path)
        for member, content in image_wheels.members(recipe.image.name, wheels) if wheels else ():
            _add_member(tar, f"packages/{manifest.WHEELS.name}/{member.name}", member, content)
        for name, path in _files(toolchain.folder(tools)):
            _add(tar, f"toolchain/{name}", path)
        for name, path in bundled.sources():
            _add(tar, f"harness/harness/{name}", path)
        described = recipe.manifest(tools)
        _add_text(tar, f"harness/{manifest.NAME}", manifest.text(described))
        _add_text(tar, f"harness/{provenance.NAME}", _provenance(recipe, described))
        for name, start in (
            ("harness", "harness.cli.main import entry_point"),
            (manifest.WORKER.name, "harness.containers.worker import main"),
        ):
            program = f"#!{recipe.image.python}\nfrom {start}\n\n{start.split()[-1]}()\n"
            _add_text(tar, f"harness/bin/{name}", program, mode=0o755)
        iree = described.toolchain
        for path in (iree.iree_compile, iree.iree_run_module, iree.iree_dump_module):
            _add_link(tar, f"harness/bin/{path.name}", path)


def _provenance(recipe: Recipe, described: Manifest) -> str:
    machine = platform.machine()
    made = provenance.statement(
        described,
        recipe.release.wheels,
        parameters={**recipe.arguments, "machine": machine},
        dockerfile=_file_sha256(recipe.containers / "Dockerfile"),
        sources=bundled.sources_sha256(),
        contents=recipe.release.contents.get(machine),
        more=recipe.image.wheels.locked if recipe.image.wheels else (),
    )
    return provenance.text(made)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield (relative path, path) of the files below a folder, in a fixed order."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if not _LEFT_OUT.intersection(name.parts) and (path.is_file() or path.is_symlink()):
            yield str(name), path


def _base(image: Image) -> str:
    """Return the base image: `NAME:TAG@sha256:DIGEST` or `debian-SUITE@sha256:DIGEST`."""
    match image.base:
        case Bootstrapped(suite=suite, sha256=sha256):
            return f"debian-{suite}@sha256:{sha256}"
        case Pulled(reference=reference):
            return reference


def _requirements(containers: Path) -> str:
    """Return the sha256 of the lock file of the harness's dependencies."""
    return _text_sha256(containers / "requirements.txt")


def _text_sha256(path: Path) -> str:
    return hashlib.sha256(definitions.text(path).encode()).hexdigest()


def _file_sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _json_sha256(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _add(tar: tarfile.TarFile, name: str, path: Path) -> None:
    tar.inodes = {}  # type: ignore[attr-defined]  # write hard links as files of their own
    info = tar.gettarinfo(path, name)
    info = _plain(info, mode=0o755 if info.mode & 0o100 else 0o644)
    if not info.isreg():
        return tar.addfile(info)
    with path.open("rb") as file:
        return tar.addfile(info, file)


def _add_member(tar: tarfile.TarFile, name: str, member: tarfile.TarInfo, content: IO[bytes] | None) -> None:
    info = copy.copy(member)
    info.name, info.pax_headers = name, {}
    tar.addfile(_plain(info, mode=0o755 if info.mode & 0o100 else 0o644), content)


def _add_text(tar: tarfile.TarFile, name: str, text: str, *, mode: int = 0o644) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(text.encode())
    tar.addfile(_plain(info, mode=mode), io.BytesIO(text.encode()))


def _add_link(tar: tarfile.TarFile, name: str, target: Path) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, str(target)
    tar.addfile(_plain(info, mode=0o777))


def _plain(info: tarfile.TarInfo, *, mode: int) -> tarfile.TarInfo:
    """Remove what differs between machines."""
    plain = copy.copy(info)  # TarInfo.replace is new in Python 3.11.4
    plain.mode, plain.mtime, plain.uid, plain.gid, plain.uname, plain.gname = mode, 0, 0, 0, "", ""
    return plain
