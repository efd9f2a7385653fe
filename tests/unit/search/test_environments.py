"""Which environment does which step."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.core.cases import RandomWeights
from harness.host.devices import Gpu
from harness.pipeline.step_results import Results, StepResult
from harness.pipeline.steps import Compile, Draw, Step
from harness.search.environments import SplitStepRunner
from tests.unit.samples import planned, spec


@dataclass
class _Noting:
    """Notes the steps that it is asked for."""

    steps: list[type[Step]] = field(default_factory=list)

    def run(self, step: Step, _results: Results, _gpus: Sequence[Gpu]) -> StepResult:
        self.steps.append(type(step))
        return StepResult()


def test_what_reads_a_program_is_done_where_programs_are_compiled() -> None:
    compiling, running = _Noting(), _Noting()
    split = SplitStepRunner(compiling=compiling, running=running)
    for step in planned(spec(real_weights=None, weights=(RandomWeights(seed=3),))).steps:
        split.run(step, Results(), ())
    assert compiling.steps == [Compile, Draw]
    assert not {Compile, Draw} & set(running.steps)
