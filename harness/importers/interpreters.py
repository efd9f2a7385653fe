"""Finds the Python that an importer's wheels are for, which may be another one than that of the harness."""

import sys
from pathlib import Path

from harness.core.errors import ToolError
from harness.core.text import one_line
from harness.host import process
from harness.host.cancel import CancelToken
from harness.iree import wheels

RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
_TIMEOUT_S = 600.0
_LOG = "python.log"
_SAID = 300


def interpreter(
    version: str, folder: Path, *, running: str = RUNNING, offline: bool = False, cancel: CancelToken | None = None
) -> Path:
    """Return a Python of a version: the running one, one of this machine, or one that uv installs.

    Args:
        version: such as `3.11`.
        folder: an empty folder for uv's log.
        running: the version of this process.
        offline: install none.
        cancel: stops the installation.

    Raises:
        ToolError: there is none, and none can be installed.
        Cancelled: `cancel` was set.
    """
    if version == running:
        return Path(sys.executable)
    for words in [("find",), *([] if offline else [("install",), ("find",)])]:
        log = folder / f"{len(list(folder.iterdir()))}-{_LOG}"
        argv = [wheels.uv_path(), "python", *words, "--no-config", f"cpython@{version}"]
        ended = process.run(argv, cwd=folder, log_path=log, timeout_s=_TIMEOUT_S, cancel=cancel)
        said = log.read_text(encoding="utf-8", errors="replace").strip()
        if words == ("find",) and ended.exit_code == 0:
            return Path(said.splitlines()[-1])
    hint = "run once without --offline" if offline else "install it"
    raise ToolError(f"The importer needs Python {version}; {hint}. uv said: {one_line(said, limit=_SAID)}")
