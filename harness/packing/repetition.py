"""Says whether a case ended as it did before (pure)."""

import math
from collections.abc import Iterator

from harness.core.measurements import Measurement
from harness.core.outcomes import Outcome

_FACTOR = 2.0  # between errors of one program on two machines, whose instructions round differently


def differences(before: Outcome, now: Outcome) -> list[str]:
    """Return in which ways a case ended otherwise than before; nothing if it ended the same way.

    Errors of outputs count as the same if they are within a factor of two, or both below their threshold.
    """
    return [*_of_status(before, now), *_of_outputs(before.outputs, now.outputs)]


def ending(outcome: Outcome) -> str:
    """Return how a case ended, such as `failed (run: crash)`."""
    how = ": ".join(filter(None, (outcome.phase, outcome.kind)))
    return f"{outcome.status} ({how})" if outcome.kind else str(outcome.status)


def _of_status(before: Outcome, now: Outcome) -> Iterator[str]:
    if (before.status, before.kind) != (now.status, now.kind) or (before.kind and before.phase != now.phase):
        yield f"ended as {ending(now)}, expected {ending(before)}{f': {now.reason}' if now.reason else ''}"


def _of_outputs(before: tuple[Measurement, ...], now: tuple[Measurement, ...]) -> Iterator[str]:
    if len(before) != len(now):
        yield f"{len(now)} outputs were compared, expected {len(before)}"
    for old, new in zip(before, now, strict=False):
        if old.kind != new.kind:
            yield f"output {new.index}: {new.kind or 'within its threshold'}, expected {old.kind or 'the same'}"
        elif not _is_near(old, new):
            yield f"output {new.index}: max error {new.max_abs_error}, expected about {old.max_abs_error}"


def _is_near(before: Measurement, now: Measurement) -> bool:
    ratios = [each.error_ratio for each in (before, now)]
    if all(each is not None and each <= 1 for each in ratios) and not before.conditions:
        return True
    errors = [each.max_abs_error for each in (before, now)]
    if not all(each is not None and math.isfinite(each) for each in errors):
        return str(errors[0]) == str(errors[1])
    least, most = sorted(each or 0.0 for each in errors)
    return most <= _FACTOR * least
