"""Which environment does which step."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.core.callbacks import Notice, ignore
from harness.core.cases import RandomWeights
from harness.core.settings import RunSettings
from harness.host.cancel import CancelToken
from harness.host.devices import Gpu
from harness.host.emulators import Emulator
from harness.pipeline.environment import Environment, EnvironmentRequest
from harness.pipeline.run_cache import Memory
from harness.pipeline.step_results import Results, StepResult
from harness.pipeline.steps import Compile, Draw, Step
from harness.search.environments import CachingProvider, SplitProvider, SplitStepRunner
from harness.store.store import Store
from tests.unit.executors import steps
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


@dataclass
class _Container:
    """Provides environments with emulators of their own."""

    environment: Environment
    engine: str = "container"

    def prepare(self, store: Store, cancel: CancelToken, notice: Notice) -> None:
        """Do nothing."""

    @contextlib.contextmanager
    def open(self, _request: EnvironmentRequest) -> Iterator[Environment]:
        yield self.environment


def test_what_is_emulated_is_what_runs(tmp_path: Path) -> None:
    runner = steps(tmp_path)
    first, second = (
        _Container(
            Environment(
                name="docker",
                toolchain=runner.toolchain,
                facts={"image": {"id": build}},
                emulators=(Emulator(kind="mirage", root=Path("/r"), build=build, configs={"gfx942": Path("c")}),),
            )
        )
        for build in ("1", "2")
    )
    request = EnvironmentRequest(
        cases=(), folders=(), store=runner.store, out_dir=tmp_path, gpus=(), cancel=CancelToken(), notice=ignore
    )
    caching = CachingProvider(provider=first, memory=Memory(), release="3.13.0", salt=0, reused={})
    for provider, build in ((caching, "1"), (SplitProvider(compiling=first, running=second), "2")):
        with provider.open(request) as environment:
            found = environment.emulator(RunSettings(emulator="auto"))
            assert found is not None
            assert found.build == build
            assert environment.identity({"hip"}, None)["image"] == {"id": build}
