"""How long tests wait for what is sure to come: none depends on how fast the machine is."""

import time
from collections.abc import Callable

PATIENCE_S = 120.0  # where tools or engines are started
IN_PROCESS_S = 60.0


def comes_true(condition: Callable[[], object], within_s: float = IN_PROCESS_S) -> bool:
    """Wait for a condition, and return whether it held at some moment."""
    deadline = time.monotonic() + within_s
    while not (holds := bool(condition())) and time.monotonic() < deadline:
        time.sleep(0.005)
    return holds
