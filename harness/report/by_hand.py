"""Makes the lines with which a user repeats the programs of a case without the harness, from any folder.

Results quote in `environment`, as `by_hand`, the path of each program, and if it is in an image, the `image` and the
words that run a `container` of it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.outcomes import Outcome
from harness.core.text import command

_PROGRAMS = ("iree-compile", "iree-run-module", "iree-benchmark-module")


def tool_lines(outcome: Outcome, environment: Mapping[str, Any], folder: Path) -> list[str]:
    """Return a line for each program that the case ran, last the one that decided; none if its files were not kept.

    Args:
        outcome: the case.
        environment: what the results say of the environment.
        folder: the folder of the results.
    """
    where = environment.get("by_hand") or {}
    return [_line(list(argv), where, folder / outcome.work) for argv in (outcome.tools if where else ())]


def _line(argv: list[str], where: Mapping[str, Sequence[str]], work: Path) -> str:
    if programs := [index for index, word in enumerate(argv) if word in _PROGRAMS]:
        argv[programs[-1]] = str(where.get(argv[programs[-1]], argv[programs[-1]]))  # a wrapper may say it too
    if "/" in argv[0]:
        argv[0] = str(Path(argv[0]).absolute())
    if container := where.get("container"):
        at_work = ["--workdir", str(work.absolute()), "--entrypoint", argv[0]]
        return command([*container, *at_work, str(where.get("image", "")), *argv[1:]])
    return f"(cd {command([str(work)])} && {command(argv)})"
