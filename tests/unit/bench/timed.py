"""Rounds for tests."""

from harness.bench.rounds import Round
from harness.core.timings import Latency


def latency(*samples_ms: float) -> Latency:
    """Return the latency of these samples."""
    return Latency.of(samples_ms)


def one_round(*times_ms: float, busy: float = 0.0) -> Round:
    """Return a round in which each side took so long."""
    return Round(times=tuple(map(latency, times_ms)), busy=busy)
