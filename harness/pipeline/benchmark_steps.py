"""Plans how the function of a run is timed: the command line of iree-benchmark-module."""

from harness.core.timings import Timing
from harness.pipeline import run_steps
from harness.pipeline.run_steps import program_index
from harness.pipeline.steps import Benchmark, Compare, Run

PROGRAM, REPORT = "iree-benchmark-module", "benchmark.json"
_OF_RUNS = ("--output=", "--expected_")  # arguments that only iree-run-module takes


def benchmark_step(run: Run, compare: Compare | None, timing: Timing) -> Benchmark:
    """Return the step that times the function of a run.

    Args:
        run: the run.
        compare: the comparison of its outputs, if there is one.
        timing: how often and how long.
    """
    words = [word for word in run.argv if not word.startswith(_OF_RUNS)]
    words[program_index(words, run_steps.PROGRAM)] = PROGRAM
    own = (
        f"--benchmark_repetitions={timing.repetitions}",
        f"--benchmark_min_time={timing.seconds:g}s",
        f"--benchmark_min_warmup_time={timing.warmup_seconds:g}",
        f"--benchmark_out={REPORT}",
        "--benchmark_out_format=json",
    )
    return Benchmark(run=run, compare=compare, argv=(*words, *own))
