"""Runs the tools of an installed release, whose files are read and compared with its wheels before the first one runs.

A program is read with all that is in its folder, and the folder of the compiler is 20 times as large as that of the
runtime: a run that compiles nothing does not wait for it.
"""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from harness.core.errors import NoVerdictError
from harness.host.cancel import CancelToken
from harness.iree import toolchain
from harness.iree.toolchain import Toolchain
from harness.pipeline.tools import ToolEnd, ToolRun, Tools


@dataclass(eq=False, kw_only=True)
class CheckedTools:
    """Runs tools; threads may share it.

    Attributes:
        tools: what runs them.
        release: the release that they are of.
        read: reads folders of the release, which is installed again if they changed.
    """

    tools: Tools
    release: Toolchain
    read: Callable[[Collection[str]], object]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _known: dict[str, NoVerdictError | None] = field(default_factory=dict)

    def run(self, asked: ToolRun, cancel: CancelToken) -> ToolEnd:
        """Run a tool after its folder was read; see `Tools.run`.

        Raises:
            NoVerdictError: the release changed, and cannot be installed again.
        """
        root = toolchain.folder(self.release)
        for each in toolchain.PROGRAMS:
            if any(word.startswith(f"{root}/{each}") for word in asked.argv):
                self._check(each)
        return self.tools.run(asked, cancel)

    def _check(self, folder: str) -> None:
        with self._lock:
            if folder not in self._known:
                self._known[folder] = self._problem(folder)
            problem = self._known[folder]
        if problem:
            raise problem

    def _problem(self, folder: str) -> NoVerdictError | None:
        try:
            self.read([folder])
        except NoVerdictError as error:
            return error
        return None
