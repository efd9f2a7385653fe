"""Runs commands on odd specs in this process: no spec may end one with exit code 70."""

import contextlib
import io
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

from harness.cli.command_line import main
from harness.core.exit_codes import EXIT_BUG
from tests.fuzz import mutations, samples


class BugError(Exception):
    """A command ended with exit code 70."""


def example(seed: int, *, runnable: bool = False) -> bytes:
    """Return the spec that a seed stands for."""
    random = Random(f"command {seed}")  # noqa: S311 - no secret
    return mutations.documents(random.choice(samples.RUNNABLE if runnable else samples.SPECS), random)


def check(content: bytes, argv: Sequence[str], name: str = "clip_cpu.json") -> int:
    """Run a command on one spec beside a good one, and return its exit code.

    Raises:
        BugError: the command ended with exit code 70.
    """
    with tempfile.TemporaryDirectory(prefix="fuzz-") as root:
        model = Path(root) / "specs" / "toy"
        model.mkdir(parents=True)
        (model / "add.mlir").write_text(samples.ADD)
        (model / name).write_bytes(content)
        words = [each.format(root=root) for each in argv]
        code, told = run([*words, f"--specs={root}/specs"], Path(root))
    if code == EXIT_BUG:
        raise BugError(told)
    return code


def run(argv: Sequence[str], folder: Path) -> tuple[int, str]:
    """Run a command in a folder, and return its exit code and what it prints."""
    before, told = Path.cwd(), io.StringIO()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
            code = main(argv, {})
    finally:
        os.chdir(before)
    return code, told.getvalue()
