"""Runs the tools of an IREE release, each in a private folder that only it sees.

A tool finds there the files that it may read, under plain names, and a folder for temporary files. Of what it writes
only files with the names asked for are taken out, and only regular ones. Then the folder is removed with all else.

Environments differ in how much a tool could do beyond that: on this machine it runs as the user, in a container as a
user of its own that owns nothing else (`harness.containers.worker`).
"""

import functools
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Protocol

from harness.core.cases import EMPTY
from harness.core.values import frozen
from harness.host import cores, libraries, process
from harness.host.beneath import Folder
from harness.host.cancel import CancelToken
from harness.host.disk import free_bytes
from harness.host.process import ProcessResult

# The folder of a tool, by a path of plain characters that no other process needs to know: iree-compile links through a
# shell, to which it gives paths without quotes.
HERE = "/proc/self/cwd"
_WORK, _TEMPORARY = "work", "tmp"
_LINKER = "iree-lld"
_LIBRARIES, _CUDA, _SEARCH_PATH = "libraries", "libcuda.so", "LD_LIBRARY_PATH"
_SHADERS = "MESA_SHADER_CACHE_DIR"


@frozen
class ToolRun:
    """What a tool is run for.

    Attributes:
        argv: the command line: the path of the program in its environment, perhaps after a wrapper.
        reads: the files that it may read, by plain name.
        writes: the plain names of the files to take out, as far as it writes them.
        folder: where they are taken to; it exists.
        log_path: what stdout and stderr are appended to.
        timeout_s: limit in seconds.
        variables: environment variables beside those of the harness.
        cores: the cores that it may use; none for all.
    """

    argv: tuple[str, ...]
    reads: Mapping[str, Path] = field(default_factory=lambda: EMPTY)
    writes: tuple[str, ...] = ()
    folder: Path
    log_path: Path
    timeout_s: float
    variables: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    cores: tuple[int, ...] = ()


@frozen
class ToolEnd:
    """How a tool ended, and the free space in bytes of the disk that it wrote to."""

    process: ProcessResult
    free_bytes: int


class Tools(Protocol):
    """Runs the tools of an environment."""

    def run(self, asked: ToolRun, cancel: CancelToken) -> ToolEnd:
        """Run a tool and wait for its end.

        Raises:
            ToolError: it cannot be started.
            EngineError: its container is gone.
            DiskError: a file cannot be written.
            Cancelled: `cancel` was set.
        """


@frozen
class LocalTools:
    """Runs tools on this machine, as its user.

    Attributes:
        shaders: folder where drivers for Vulkan keep compiled shaders; None for their own choice.
    """

    shaders: Path | None = None

    def run(self, asked: ToolRun, cancel: CancelToken) -> ToolEnd:
        """Run a tool in a folder below that for its results; see `Tools.run`."""
        with Folder(asked.folder).within(asked.folder) as above:
            above.renew(_WORK)
            try:
                with above.within(_WORK) as folder:
                    for name, path in asked.reads.items():
                        folder.point(name, path.absolute())
                    ended = self._ended(asked, folder, cancel)
                    for name in asked.writes:
                        if folder.is_regular(name):
                            folder.move(name, name, above)
                    return ToolEnd(process=ended, free_bytes=free_bytes(folder.descriptor))
            finally:
                above.remove(_WORK)

    def _ended(self, asked: ToolRun, folder: Folder, cancel: CancelToken) -> ProcessResult:
        with cores.pinned(asked.cores):
            return process.run(
                located(asked.argv),
                cwd=folder.path,
                log_path=asked.log_path,
                timeout_s=asked.timeout_s,
                cancel=cancel,
                variables={**asked.variables, **prepared(folder, asked.argv), **self._places(asked.argv)},
            )

    def _places(self, argv: Sequence[str]) -> dict[str, str]:
        """Return the environment variables with which a driver for Vulkan finds what it compiled before."""
        if not self.shaders or not _has_device(argv, "vulkan") or process.inherited(_SHADERS):
            return {}
        self.shaders.mkdir(mode=0o700, parents=True, exist_ok=True)
        return {_SHADERS: str(self.shaders)}


def located(argv: Sequence[str]) -> list[str]:
    """Return a command line that starts the same program, perhaps a wrapper, from any folder, if there is one."""
    found = None if argv[0].startswith("/") else shutil.which(argv[0])
    return [str(Path(found).absolute()) if found else argv[0], *argv[1:]]


def prepared(folder: Folder, argv: Sequence[str]) -> dict[str, str]:
    """Make a folder ready for a tool, and return the environment variables with which it finds its places there."""
    folder.make(_TEMPORARY)
    variables = {"TMPDIR": f"{HERE}/{_TEMPORARY}", "PWD": HERE}
    if linker := _linker(argv[0]):
        folder.point(_LINKER, linker)
        variables["IREE_LLVM_EMBEDDED_LINKER_PATH"] = f"{HERE}/{_LINKER}"
    own = process.inherited(_SEARCH_PATH).split(":")
    if _has_device(argv, "cuda") and (
        driver := libraries.without_link(_CUDA, (*filter(None, own), *libraries.FOLDERS))
    ):
        folder.make(_LIBRARIES)
        folder.point(f"{_LIBRARIES}/{_CUDA}", driver)
        variables[_SEARCH_PATH] = ":".join(filter(None, (f"{HERE}/{_LIBRARIES}", *own)))
    return variables


@functools.cache
def _linker(program: str) -> Path | None:
    """Return the linker beside a program; None if it has none."""
    found = Path(program).resolve().with_name(_LINKER)
    return found if found.exists() else None


def _has_device(argv: Sequence[str], driver: str) -> bool:
    return any(word.startswith(f"--device={driver}") for word in argv)
