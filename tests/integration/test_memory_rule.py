"""A compilation that had too little memory beside others."""

import os
import signal
from pathlib import Path

from tests.integration.laboratory import Laboratory

PROGRAM = Path(__file__).parents[2] / "quality_tests/tiny/clip.mlir"


def test_a_compilation_that_is_killed_beside_another_is_done_again_alone(lab: Laboratory) -> None:
    for name in ("one", "two"):
        mlir = lab.file(f"{name}.mlir", f"{PROGRAM.read_text()}\n// {name}, compiled by no other test\n")
        lab.spec(f"{name}_cpu", mlir=mlir, inputs=None, outputs=None, compile_only=True)

    def one_is_killed() -> bool:
        """Kill one of two compilers, as the kernel does where memory is short."""
        compilers = [pid for pid in lab.processes("iree-compile") if _name(pid) == "iree-compile"]
        if len(compilers) == 2:
            os.kill(compilers[0], signal.SIGKILL)
        return len(compilers) == 2

    result = lab.interrupted("--jobs", "2", until=one_is_killed, number=signal.SIGCONT)
    cases = result.report["cases"]
    assert [case["status"] for case in cases] == ["compiled", "compiled"], result.text
    note = "done again, alone, because iree-compile was killed by SIGKILL, probably out of memory"
    (again,) = (case for case in cases if note in case["notes"])
    assert f"{again['id']}: {note}" in " ".join(result.text.split())
    other, own = (
        next(step for step in case["steps"] if step["step"] == "compile")
        for case in sorted(cases, key=lambda case: case is again)
    )
    assert other["began"] < own["began"], "it waited for the other one"


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
