"""The pass of the compiler that goes wrong, found by halving; a rule stands in for the compiler."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from harness.core.outcomes import Outcome
from harness.core.statuses import Kind, Phase, Status
from harness.localize import passes
from harness.localize.laboratory import BAD, Experiment, Trial
from harness.localize.program import Cut
from harness.localize.subject import Mark, Shown

NONE: Any = None
PASSES = 37
CUT = Cut(returns=((0, 0),))
FAILED = """softmax.mlir:1:1: error: too large
// -----// IR Dump After VerifySizes Failed (iree-verify-sizes) //----- //
module {}
// -----// IR Dump After Lowering Failed (iree-lowering) //----- //
"""


@dataclass
class Compiler:
    """A compiler whose pass number `guilty` makes the result wrong; 0 for one that does not need a pass for that."""

    folder: Path
    guilty: int
    tried: int = 0

    def tried_with(self, experiments: Sequence[Experiment], sides: Sequence[int]) -> list[Trial]:
        """Return a trial whose log has the passes that ran."""
        self.tried += sides == [BAD]
        (flag,) = experiments[0].flags or ("",)
        limit = int(flag.rpartition("=")[2] or 0) if "limit" in flag else 0
        lines = [
            f"BISECT: {'' if n <= limit else 'NOT '}running pass ({n}) pass {n} on f" for n in range(1, PASSES + 1)
        ]
        log = self.folder / f"{self.tried}.log"
        log.write_text(FAILED if "print" in flag else "\n".join(lines))
        outcome = Outcome(
            id="a", model="a", submodel="a", backend="cpu", chip=None, status=Status.RAN, logs={"compile": log.name}
        )
        return [Trial(outcome=replace(outcome, reason=str(limit)), ran=None, out_dir=self.folder)]


@dataclass
class Function:
    """Stands in for a subject."""

    compiler: Compiler
    failure: tuple[Phase, Kind] | None = None

    @property
    def laboratory(self) -> Any:
        """Return what compiles."""
        return self

    def tried(self, experiments: Sequence[Experiment], sides: Sequence[int]) -> list[Trial]:
        """Compile."""
        return self.compiler.tried_with(experiments, sides)

    def experiment(self, _cut: Cut, _side: int) -> Experiment:
        """Return a program."""
        return Experiment(program=NONE, inputs=(), function="f")

    def judged(self, _returns: object, trials: Sequence[Trial]) -> Shown:
        """Say whether the guilty pass ran."""
        is_wrong = int(trials[0].outcome.reason) >= self.compiler.guilty
        return Shown(mark=Mark.FAILS if is_wrong else Mark.AGREES)


@pytest.mark.parametrize("guilty", [1, 2, 18, PASSES - 1, PASSES])
def test_the_first_pass_that_makes_a_number_wrong_is_named(tmp_path: Path, guilty: int) -> None:
    subject: Any = Function(Compiler(tmp_path, guilty))
    assert passes.guilty(subject, CUT) == f"pass {guilty} on f"


@pytest.mark.parametrize("guilty", [0, PASSES + 1])
def test_a_number_that_passes_of_llvm_do_not_decide_names_none(tmp_path: Path, guilty: int) -> None:
    subject: Any = Function(Compiler(tmp_path, guilty))
    assert passes.guilty(subject, CUT) == ""


def test_the_innermost_pass_that_failed_is_named(tmp_path: Path) -> None:
    subject: Any = Function(Compiler(tmp_path, 0), failure=(Phase.COMPILE, Kind.COMPILE))
    assert passes.guilty(subject, CUT) == "VerifySizes (iree-verify-sizes)"


def test_a_crash_while_running_names_none(tmp_path: Path) -> None:
    subject: Any = Function(Compiler(tmp_path, 0), failure=(Phase.RUN, Kind.CRASH))
    assert passes.guilty(subject, CUT) == ""
