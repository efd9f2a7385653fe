"""What an engine reports about itself, and what follows for containers."""

from collections.abc import Mapping
from typing import Any

from harness.core.values import frozen

_CDI_PODMAN = (5, 4)


@frozen
class EngineInfo:
    """What an engine reports about itself.

    Attributes:
        name: `docker` or `podman`.
        version: such as `28.2.2`.
        socket: path of its socket.
        rootless: whether it runs without root.
        remapped: whether users of a container are not those of this machine (dockerd --userns-remap).
        limits: whether it can limit memory and processes of a container. With cgroup version 1, only root can.
        selinux: whether it labels files for SELinux.
        cdi_dirs: folders with CDI specifications; empty if it does not support CDI devices.
    """

    name: str
    version: str
    socket: str
    rootless: bool
    remapped: bool
    limits: bool
    selinux: bool
    cdi_dirs: tuple[str, ...]

    def __str__(self) -> str:
        """Return `docker 28.2.2` or `podman 5.4.2, rootless`."""
        return f"{self.name} {self.version}{', rootless' if self.rootless else ''}"


def read(socket: str, name: str, info: Mapping[str, Any]) -> EngineInfo:
    """Return the description of an engine, given its name and its answer to /info.

    Raises:
        AttributeError, KeyError, TypeError: the answer is not one of an engine.
    """
    version = info["ServerVersion"]
    is_new = _numbers(version) >= _CDI_PODMAN
    options = info.get("SecurityOptions") or ()
    dirs = tuple(info.get("CDISpecDirs") or ())
    # Podman does not report them; before 5.4 its API silently ignores CDI devices (v5.4.0:pkg/specgenutil).
    if name == "podman" and is_new:
        dirs = ("/etc/cdi", "/var/run/cdi")
    rootless = bool(info.get("Rootless")) or any("rootless" in each for each in options)  # Podman, Docker
    return EngineInfo(
        name=name,
        version=version,
        socket=socket,
        rootless=rootless,
        limits=bool(info.get("MemoryLimit", True)) and not (rootless and info.get("CgroupVersion") == "1"),
        remapped=any("userns" in each for each in options),
        selinux=any("selinux" in each for each in options),
        cdi_dirs=dirs,
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(
        int(each) for each in version.split("+", maxsplit=1)[0].split("-", maxsplit=1)[0].split(".") if each.isdecimal()
    )
