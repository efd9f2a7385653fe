"""Runs tools with Apptainer, which has no daemon and needs no root: each tool in a container of its own.

    apptainer exec ... IMAGE TOOL ARGUMENT...

Such a container has the user's own rights at most, and cannot gain more. It sees the image, which is read-only, its
private folder and the files that it may read, no network, and no process but its own. So the tools of a run, which are
all the same user's, cannot reach each other.
"""

import csv
import io
import re
import shutil
import signal
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

from harness.core.cases import EMPTY
from harness.core.errors import EngineError
from harness.core.values import frozen
from harness.host import cores, devices, files, process
from harness.host.beneath import Folder
from harness.host.cancel import CancelToken
from harness.host.devices import Gpu, Vendor
from harness.host.disk import free_bytes
from harness.host.process import ProcessResult
from harness.pipeline.tools import HERE, ToolEnd, ToolRun

NAME = "apptainer"
_WORK = "/work"  # the folder of a tool in its container
_TEMPORARY, _WRAPPER = "tmp", "wrapper"
_ASKED_WITHIN_S = 60.0
_VERSION_BYTES, _TAIL_BYTES = 1 << 10, 1 << 12
# A variable of this name reaches a container, without the first part.
_PREFIX = "APPTAINERENV_"
# Of `apptainer exec`: no folder, variable, process, capability or network of this machine, whatever its settings say.
_CLOSED = (
    *("--userns", "--containall", "--cleanenv", "--no-home", "--no-mount=bind-paths", "--no-privs"),
    *("--net", "--network=none", f"--pwd={_WORK}"),
)
_FAILED, _SIGNALLED = 255, 128
_FATAL = re.compile(r"FATAL: +(.+)")


@frozen
class Apptainer:
    """The Apptainer of this machine.

    Attributes:
        program: path of it.
        version: such as `1.4.5`.
    """

    program: str
    version: str

    def __str__(self) -> str:
        """Return `apptainer 1.4.5, rootless`."""
        return f"{NAME} {self.version}, rootless"

    def argv(self, *words: str) -> list[str]:
        """Return a command line of it that prints errors only, without colours."""
        return [self.program, "--silent", "--nocolor", *words]


def find() -> Apptainer | None:
    """Return the Apptainer on PATH; None if there is none, or it does not say its version."""
    if (program := shutil.which(NAME)) is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        process.run([program, "--version"], cwd=Path(folder), log_path=log, timeout_s=_ASKED_WITHIN_S)
        said = re.search(r"version (\S+)", files.read(log, _VERSION_BYTES).decode(errors="replace"))
    return Apptainer(program=program, version=said[1]) if said else None


def required() -> Apptainer:
    """Return the Apptainer on PATH, or raise EngineError."""
    if found := find():
        return found
    raise EngineError("apptainer is not on PATH, or does not start. Install or load it, or use --engine local.")


@frozen
class ApptainerTools:
    """Runs tools in containers.

    Attributes:
        apptainer: starts them.
        image: a folder with the root of the image, or a SIF file.
        shown: what each container sees beside the image, for reading, by path in it.
        gpus: the GPUs that tools may use.
        variables: environment variables of each tool.
    """

    apptainer: Apptainer
    image: Path
    shown: Mapping[str, Path]
    gpus: Sequence[Gpu] = ()
    variables: Mapping[str, str] = field(default_factory=lambda: EMPTY)

    def run(self, asked: ToolRun, cancel: CancelToken) -> ToolEnd:
        """Run a tool in a folder below that for its results; see `Tools.run`.

        Raises:
            EngineError: Apptainer cannot start the container.
        """
        results, folder = Folder(asked.folder), asked.folder / "work"
        folder.mkdir()
        try:
            argv = self.exec_argv(asked, folder)
            for name in (*asked.reads, _WRAPPER):
                (folder / name).touch()  # Apptainer mounts a file over a file
            (folder / _TEMPORARY).mkdir()
            with cores.pinned(asked.cores):
                ended = process.run(argv, cwd=folder, log_path=asked.log_path, timeout_s=asked.timeout_s, cancel=cancel)
            _check(ended, asked.log_path)
            for name in asked.writes:
                if results.is_regular(folder / name):
                    results.move(folder / name, asked.folder / name)
            return ToolEnd(process=_of_tool(ended), free_bytes=free_bytes(folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def exec_argv(self, asked: ToolRun, folder: Path) -> list[str]:
        """Return the command line that runs a tool in a container. `env -i` keeps the user's settings of Apptainer out.

        Args:
            asked: the tool.
            folder: its private folder on this machine.
        """
        program, wrapper = self._wrapped(asked.argv[0])
        reads = {f"{_WORK}/{name}": path.absolute() for name, path in {**asked.reads, **wrapper}.items()}
        variables = {**self.variables, **asked.variables, "TMPDIR": f"{HERE}/{_TEMPORARY}"}
        return [
            *("/usr/bin/env", "-i", f"PATH={_SEARCH_PATH}"),
            *(f"{_PREFIX}{name}={value}" for name, value in variables.items() if name != "HOME"),
            *self.apptainer.argv("exec", *_CLOSED),
            *_mount(folder, _WORK, is_read_only=False),
            *(word for place, path in {**self.shown, **reads}.items() for word in _mount(path, place)),
            *_gpu_words(self.gpus),
            *(str(self.image), program, *asked.argv[1:]),
        ]

    def _wrapped(self, program: str) -> tuple[str, Mapping[str, Path]]:
        """Return a program as its container has it; one of this machine that the image lacks is a file to read."""
        is_shown = any(program.startswith(f"{place}/") for place in self.shown)
        is_here = "/" in program and Path(program).is_file()
        if is_shown or not is_here or (self.image / program.lstrip("/")).exists():
            return program, {}
        return f"{_WORK}/{_WRAPPER}", {_WRAPPER: Path(program)}


# Where Apptainer finds the programs that it starts itself.
_SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _mount(source: Path, target: str, *, is_read_only: bool = True) -> list[str]:
    """Return the words that show a file or folder in a container. The fields are those of a CSV line."""
    line = io.StringIO()
    fields = ["type=bind", f"source={source}", f"destination={target}", *["ro"] * is_read_only]
    csv.writer(line, lineterminator="").writerow(fields)
    return ["--mount", line.getvalue()]


def _gpu_words(gpus: Iterable[Gpu]) -> Iterator[str]:
    """Yield what passes GPUs through: NVIDIA's with the libraries of the driver, others by device file."""
    gpus = list(gpus)
    others = [gpu for gpu in gpus if gpu.vendor is not Vendor.NVIDIA]
    for node in devices.nodes(others):
        yield from _mount(Path(node), str(node), is_read_only=False)
    if len(others) < len(gpus):
        yield "--nv"


def _check(ended: ProcessResult, log: Path) -> None:
    """Raise EngineError if Apptainer could not start a tool."""
    if ended.exit_code != _FAILED:
        return
    with files.opened(log) as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        said = _FATAL.findall(file.read().decode(errors="replace"))
    if said:
        raise EngineError(
            f"Apptainer cannot start a container: {said[-1].rstrip('.')}. Check `apptainer exec` by hand."
        )


def _of_tool(ended: ProcessResult) -> ProcessResult:
    """Return how a tool ended: Apptainer, like a shell, has the exit code 128 + N for signal N."""
    number = (ended.exit_code or 0) - _SIGNALLED
    return replace(ended, exit_code=None, signal=number) if number in signal.valid_signals() else ended
