"""How a function is timed, and the times."""

from collections.abc import Sequence

from harness.core.floats import Number
from harness.core.values import frozen


@frozen
class Timing:
    """How often and how long `iree-benchmark-module` calls a function.

    Attributes:
        repetitions: number of repetitions; each gives one time, the mean over its calls.
        seconds: the shortest duration of a repetition, in seconds; a slower function is called once.
        warmup_seconds: how long the function is called before, in seconds.
    """

    repetitions: int = 10
    seconds: float = 0.1
    warmup_seconds: float = 0.5


@frozen
class StepTime:
    """When a step of a case was done. Cases may share a step; then each of them has it.

    Attributes:
        step: such as `compile`, `compile_pipeline` or `run`.
        began: when it began, after it had waited for its resource, in UTC, ISO 8601 with milliseconds.
        seconds: how long it held its resource.
        resource: what that is: `network`, `compiler`, `cpu`, `compare`, or a GPU such as `gpu 0`.
    """

    step: str
    began: str
    seconds: Number
    resource: str


@frozen
class Reused:
    """An earlier run whose result counts, because all that it depends on is the same.

    Attributes:
        began: when it began, in UTC, ISO 8601 with milliseconds.
        seconds: how long it and the comparison of its outputs took.
    """

    began: str
    seconds: Number


@frozen
class Latency:
    """How long calls of a function took.

    Attributes:
        samples_ms: for each repetition, the mean over its calls, in milliseconds.
        minimum_ms: the smallest of them.
        median_ms: the median.
        mean_ms: the mean.
        spread_ms: the distance between the first and the third quartile; 0 for one repetition.
    """

    samples_ms: tuple[Number, ...]
    minimum_ms: Number
    median_ms: Number
    mean_ms: Number
    spread_ms: Number

    @classmethod
    def of(cls, samples_ms: Sequence[float]) -> "Latency":
        """Return the latency of at least one repetition."""
        import statistics  # noqa: PLC0415 - takes 2 ms of every start, and only benchmarks need it

        several = samples_ms if len(samples_ms) > 1 else [*samples_ms, *samples_ms]
        first, _, third = statistics.quantiles(several, method="inclusive")
        return cls(
            samples_ms=tuple(samples_ms),
            minimum_ms=min(samples_ms),
            median_ms=statistics.median(samples_ms),
            mean_ms=statistics.fmean(samples_ms),
            spread_ms=third - first,
        )
