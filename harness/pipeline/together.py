"""Runs several sessions whose environments are open together."""

from collections.abc import Callable, Sequence

from harness.pipeline.prepared import Prepared
from harness.pipeline.progress import Live
from harness.pipeline.session import Session


def run_together(
    sessions: Sequence[Session],
    live: Live,
    then: Callable[[tuple[Prepared, ...]], None],
    ready: tuple[Prepared, ...] = (),
) -> None:
    """Run sessions one after the other, and call `then` while the environments of all of them are open.

    Args:
        sessions: what is run.
        live: shows the runs while they go on.
        then: takes what each left; not called if one could not open its environment.
        ready: what those before them left.
    """
    if not sessions:
        then(ready)
        return
    first, *rest = sessions
    first.run(live, lambda prepared: run_together(rest, live, then, (*ready, prepared)))
