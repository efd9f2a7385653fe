"""Print the flags of the newest IREE release that harness/iree/flag_classes.json does not classify.

Run by `nox -s pins`. Specs cannot use a flag before it has a class.
"""

import re
import subprocess
import sys
from pathlib import Path

from harness.core.settings import default_store
from harness.iree import flag_classes, releases, toolchain
from harness.iree.flag_classes import FlagClass, Tool
from harness.iree.toolchain import Toolchain
from harness.store.store import Store

_COMPILE_FLAG = re.compile(r"^  (--?[A-Za-z0-9][\w.-]*)(\S?)", re.MULTILINE)
_RUN_FLAG = re.compile(r"^(?:# )?(--\w+)(?:=.*)?$", re.MULTILINE)


def main() -> None:
    """Install the newest release, and print each flag without a class."""
    with Store(default_store()) as store:
        tools = toolchain.installed(releases.find(releases.newest().name), store)
    for tool, found in flags(tools).items():
        for name, needs_value in found.items():
            if (wrong := problem(tool, name, needs_value=needs_value)) is not None:
                sys.stdout.write(f"{tool} {name}: {wrong} in flag_classes.json\n")


def flags(tools: Toolchain) -> dict[Tool, dict[str, bool]]:
    """Return the flags of each tool of a release, and whether they need a value."""
    compiler = _COMPILE_FLAG.findall(_printed(tools.iree_compile, "--help-hidden"))
    runtime = _RUN_FLAG.findall(_printed(tools.iree_run_module, "--help"))
    return {
        Tool.COMPILE: {name: mark == "=" for name, mark in compiler},
        Tool.RUN: dict.fromkeys(runtime, True),
    }


def problem(tool: Tool, name: str, *, needs_value: bool) -> str | None:
    """Return what is wrong with the class of a flag, or None."""
    found = flag_classes.of(name, tool)
    if found is None:
        return "no class"
    return "`value`, but needs none," if found is FlagClass.VALUE and not needs_value else None


def _printed(program: Path, flag: str) -> str:
    return subprocess.run([program, flag], capture_output=True, text=True, check=True, timeout=60).stdout


if __name__ == "__main__":
    main()
