"""Finds the emulators of AMD GPUs in a ROCm root, and the words with which they run a command.

rocjitsu executes the machine code of a GPU on the CPU, below the HIP runtime of the same root; mirage starts it in a
session of its own, by the same configuration. Which chips there are is read from the folder of configurations.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from harness.core.errors import DeviceError
from harness.core.values import frozen
from harness.host import files

AUTO, ROCJITSU, MIRAGE = "auto", "rocjitsu", "mirage"
ROOT = Path("/opt/rocm")
# The chips that every emulator had a configuration for so far.
USUAL = ("gfx942", "gfx950")
_CONFIGS = Path("share/rocjitsu/configs")
_LIBRARIES = tuple(map(Path, ("lib/librocjitsu.so", "lib/librocjitsu_kmd.so")))  # of newer and of older releases
_VERSION = Path(".info/version")
_VERSION_BYTES, _DIGITS = 256, 12
_CHIP = re.compile(r"(?:^|^amdgpu_rdna\d_)(gfx[0-9a-f]{3,5})(?:_|$)")
_SEVERAL = re.compile(r"_\d+gpu$")
# The chips of configurations whose names have none: older releases.
_ALIASES: Mapping[str, str] = MappingProxyType({"amdgpu_cdna3": "gfx942", "amdgpu_cdna4": "gfx950"})
_NEXT = (
    "Install ROCm 10 or later with it (`rocm-sdk init`), and name the folder that `rocm-sdk path --root` prints with "
    "--emulator-root."
)


@frozen
class Emulator:
    """An emulator of AMD GPUs.

    Attributes:
        kind: `rocjitsu` or `mirage`.
        root: the ROCm root that has it.
        build: which build it is, such as `10.1.0a20261101, 3f5c9e0b12aa`.
        configs: the path of its configuration in the root, by chip.
    """

    kind: str
    root: Path
    build: str
    configs: Mapping[str, Path]

    def __str__(self) -> str:
        """Return `rocjitsu 10.1.0a20261101, 3f5c9e0b12aa`."""
        return f"{self.kind} {self.build}".strip()

    @property
    def chips(self) -> tuple[str, ...]:
        """The chips that it has a configuration for."""
        return tuple(sorted(self.configs))

    def words(self, chip: str | None) -> tuple[str, ...]:
        """Return the words before a command that runs on a chip.

        Raises:
            DeviceError: there is no configuration for the chip.
        """
        config = self.configs.get(chip or "")
        if config is None:
            known = ", ".join(self.chips)
            raise DeviceError(f"{self.kind} in {self.root} has no configuration for {chip}; expected one of {known}.")
        chosen = (*(["run"] if self.kind == MIRAGE else []), "--config", str(self.root / config))
        libraries = f"LD_LIBRARY_PATH={self.root / 'lib'}"
        program = str(self.root / "bin" / self.kind)
        return ("env", "HSA_ENABLE_SDMA=1", libraries, program, *chosen, "--")

    def moved(self, root: Path) -> "Emulator":
        """Return the emulator as it is where its root has another path."""
        return replace(self, root=root)


def found(kind: str, root: Path | None) -> Emulator:
    """Return the emulator of a kind on this machine.

    Args:
        kind: `rocjitsu`, `mirage`, or `auto` for the first of these.
        root: the ROCm root; None for the usual one.

    Raises:
        DeviceError: there is none, or none of its configurations is for a known chip.
    """
    folder = root.absolute() if root else ROOT
    return chosen(kind, all_in(folder), where=str(folder), advice=_NEXT)


def chosen(kind: str, among: Sequence[Emulator], *, where: str, advice: str) -> Emulator:
    """Return the emulator of a kind; the first for `auto`.

    Args:
        kind: as for `found`.
        among: those that there are.
        where: the place that has them, for the message.
        advice: what to do if there is none, for the message.

    Raises:
        DeviceError: there is none, or none of its configurations is for a known chip.
    """
    for each in among:
        if kind in {AUTO, each.kind}:
            if each.configs:
                return each
            raise DeviceError(f"{each.root / _CONFIGS} has no configuration of a chip that {each.kind} runs. {advice}")
    what = "neither rocjitsu nor mirage is" if kind == AUTO else f"{kind} is not"
    raise DeviceError(f"No emulator of AMD GPUs: {what} in {where}. {advice}")


def all_in(root: Path) -> tuple[Emulator, ...]:
    """Return the emulators in a ROCm root: rocjitsu, then mirage."""
    return tuple(_of(kind, root) for kind in (ROCJITSU, MIRAGE) if (root / "bin" / kind).is_file())


def _of(kind: str, root: Path) -> Emulator:
    return Emulator(kind=kind, root=root, build=_build(root), configs=dict(_configs(root)))


def _configs(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield the configurations of each chip, the one to use last: that of one GPU which is emulated by itself.

    Others have several GPUs, translate for another chip, or are for a daemon (ROCm/rocm-systems@01bdacd:
    emulation/rocjitsu/docs/configuration.md).
    """
    for path in sorted((root / _CONFIGS).glob("*.json"), key=lambda path: _rank(path.stem), reverse=True):
        name = _CHIP.search(path.stem)
        if (chip := name[1] if name else _ALIASES.get(path.stem)) and not _SEVERAL.search(path.stem):
            yield chip, path.relative_to(root)


def _rank(name: str) -> tuple[bool, bool, int, str]:
    """Return what orders the configurations of a chip, the one to use first: new names, no daemon, and plain ones."""
    return name.startswith("amdgpu"), name.endswith("_kmd"), len(name), name


def _build(root: Path) -> str:
    """Return the version of a ROCm root, and a digest of the emulator's library, as far as they are there."""
    digests = filter(None, (_digest(root / library) for library in _LIBRARIES))
    return ", ".join(filter(None, (_version(root / _VERSION), next(digests, ""))))


def _version(path: Path) -> str:
    try:
        return files.read(path, _VERSION_BYTES).decode(errors="replace").strip()
    except (OSError, ValueError):
        return ""


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:_DIGITS]
    except OSError:
        return ""
