"""Says of the cases that failed in a run whether they are flaky."""

from collections.abc import Iterator

from harness.core.errors import DiskError
from harness.core.outcomes import Report
from harness.core.text import one_line
from harness.history import listing
from harness.history.history import RECENT, History
from harness.report import facts

_MOST = 20


def flaky(report: Report, history: History | None) -> Iterator[str]:
    """Yield a line for each case that failed in a run that is recorded, and that is flaky.

    A history that cannot be read, of which the run has said so, has nothing to say.

    Args:
        report: what the run found.
        history: where it is recorded; None if it is not.
    """
    bad = [outcome.id for outcome in report.cases if outcome.is_excused or not facts.is_green(outcome)][:_MOST]
    if history is None:
        return
    try:
        for name in bad:
            if remark := listing.steadiness(history.results(name, RECENT)):
                yield f"{one_line(name)} is {remark}"
    except DiskError:
        return
