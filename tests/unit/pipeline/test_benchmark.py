"""How benchmarks are planned, and how the reports of iree-benchmark-module are read."""

import json
from pathlib import Path

import pytest

from harness.core.timings import Latency, Timing
from harness.pipeline import benchmark
from harness.pipeline.options import Options
from harness.pipeline.step_results import StepFailedError
from harness.pipeline.steps import Benchmark, Compare, Run, needs
from tests.unit.samples import planned, spec

TIMED = Options(timing=Timing(repetitions=3, seconds=0.05, warmup_seconds=1))
ENTRY = {"run_type": "iteration", "real_time": 2.5, "cpu_time": 5.0, "time_unit": "ms"}


def entries(*entries: object) -> str:
    return json.dumps({"benchmarks": entries})


def test_a_benchmark_has_the_arguments_of_the_run_and_follows_its_comparison() -> None:
    plan = planned(spec(run_args=("--device_allocator=caching",)), options=TIMED)
    run, compare, timed = plan.steps[-3:]
    assert isinstance(run, Run)
    assert isinstance(compare, Compare)
    assert isinstance(timed, Benchmark)
    assert timed.argv == (
        *("iree-benchmark-module", *run.argv[1:-1]),
        *("--benchmark_repetitions=3", "--benchmark_min_time=0.05s", "--benchmark_min_warmup_time=1"),
        *("--benchmark_out=benchmark.json", "--benchmark_out_format=json"),
    )
    assert run.argv[-1].startswith("--output=")
    assert needs(timed) == (compare,)


def test_a_wrapper_stands_before_the_program_and_may_have_its_name() -> None:
    options = Options(timing=Timing(), run_wrapper=("perf", "iree-run-module"), tool_verdict=True)
    timed = planned(options=options).steps[-1]
    assert isinstance(timed, Benchmark)
    assert timed.argv[:4] == ("perf", "iree-run-module", "iree-benchmark-module", "--device=local-task")
    assert not any(word.startswith("--expected") for word in timed.argv)
    assert timed.compare is None


def test_nothing_is_timed_unless_it_is_asked_for_or_where_nothing_runs() -> None:
    assert not any(isinstance(step, Benchmark) for step in planned().steps)
    assert not any(isinstance(step, Benchmark) for step in planned(spec(compile_only=True), options=TIMED).steps)


def test_the_times_are_those_of_the_repetitions_in_milliseconds(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    others = (ENTRY | {"real_time": 4000.0, "time_unit": "us"}, ENTRY | {"run_type": "aggregate"})
    path.write_text(entries(ENTRY, *others, ENTRY | {"real_time": 1e6, "cpu_time": 3e6, "time_unit": "ns"}))
    assert benchmark.read(path) == (
        Latency(samples_ms=(2.5, 4.0, 1.0), minimum_ms=1.0, median_ms=2.5, mean_ms=2.5, spread_ms=1.5),
        Latency(samples_ms=(5.0, 0.005, 3.0), minimum_ms=0.005, median_ms=3.0, mean_ms=8.005 / 3, spread_ms=2.4975),
    )


@pytest.mark.parametrize("text", ["", entries(), "{}"])
def test_a_report_without_a_time_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    assert benchmark.read(path) is None


@pytest.mark.parametrize(
    "text",
    [
        *("[1]", "{", entries(1), entries({}) + "x"),
        *(entries(ENTRY | wrong) for wrong in ({"time_unit": "h"}, {"cpu_time": 0}, {"real_time": -1})),
    ],
)
def test_a_report_that_cannot_be_read_is_an_error_of_the_tool(tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(StepFailedError, match="its report cannot be read"):
        benchmark.read(path)


def test_a_report_that_is_missing_is_an_error_of_the_tool(tmp_path: Path) -> None:
    with pytest.raises(StepFailedError, match="No such file"):
        benchmark.read(tmp_path / "report.json")
