"""Repeats runs of a release, and tells whether they agree; no I/O.

An answer rests on the releases on both sides of it. If a case fails only sometimes, one run says little about a
release, so these are run many times. Runs that disagree make a release flaky, which is neither good nor bad.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from harness.core.statuses import Phase, Status
from harness.search import case_numbers
from harness.search.metric import Metric
from harness.search.probes import ENDED_IN_ERROR, FLAKY, GREEN, Probe, Question

# How many runs are enough beside the answer, once they have taken so many seconds. 60 runs show a failure in 1 of 20
# runs with a probability of 95 %; slow models are run less often.
_ENOUGH = ((60, 0.0), (5, 20.0), (2, 120.0))
_FAILED_COMPILATIONS = 2


def repeated(known: Probe, run: Probe, question: Question) -> Probe:
    """Return the probe of a release with one more run: what enough runs agree on, else flaky.

    Errors say nothing of a release: if only they keep enough runs from agreeing, the release ended in an error.

    Args:
        known: all runs before.
        run: the run.
        question: says how many runs have to agree.
    """
    tally = dict(Counter(known.tally) + Counter(run.tally))
    agreed = _agreed(tally, question)
    failing = known if known.failure or known.status == FLAKY or not run.failure else run
    shown = next((each for each in (known, run) if [*each.tally] == [agreed]), failing)
    together = replace(
        shown,
        tally=tally,
        seconds=round(known.seconds + run.seconds, 3),
        repeating_s=known.repeating_s + run.repeating_s,
        devices=tuple(dict.fromkeys((*known.devices, *run.devices))),
    )
    if agreed is not None:
        return together
    if len(_votes(tally)) == 1:  # all that disagrees are errors
        errored = run if run.status == Status.ERROR else known
        return replace(
            together, status=Status.ERROR, kind=errored.kind, phase=errored.phase, reason=_disagreement(tally)
        )
    return replace(together, status=FLAKY, kind=None, phase=None, reason=_disagreement(tally))


def is_settled(probe: Probe, question: Question) -> bool:
    """Return whether more runs cannot change the result: enough agree already, or no longer can."""
    most, left = max(_votes(probe.tally).values(), default=0), question.repeat - probe.runs
    return most >= question.at_least or most + left < question.at_least


def is_confirmed(probe: Probe, question: Question) -> bool:
    """Return whether a release was run often enough for an answer that rests on it.

    A failing compilation is repeated once. One that succeeds is not, since its module is cached.
    """
    if not question.confirms or probe.verdict or not _depends_on_runs(question.metric):
        return True
    if probe.phase in {Phase.COMPILE, None} and probe.status != FLAKY:
        return not probe.failure or probe.runs >= _FAILED_COMPILATIONS
    return any(probe.runs >= runs and probe.repeating_s >= seconds for runs, seconds in _ENOUGH)


def _depends_on_runs(asked: Metric | None) -> bool:
    return asked is None or not {*asked.names} <= {*case_numbers.OF_MODULES}


def _votes(tally: Mapping[str, int]) -> Mapping[str, int]:
    """Return the tally without runs that ended in an error, if there are others: errors say nothing of the release."""
    return {label: count for label, count in tally.items() if not label.startswith(ENDED_IN_ERROR)} or tally


def _agreed(tally: Mapping[str, int], question: Question) -> str | None:
    """Return how enough runs ended, or None."""
    votes = _votes(tally)
    label = max(votes, key=votes.__getitem__)
    enough = len(votes) == 1 if question.confirms else votes[label] >= question.at_least
    return label if enough or len(tally) == 1 else None


def agreeing(probe: Probe) -> int:
    """Return the number of runs that ended as most of them did."""
    return max(_votes(probe.tally).values(), default=1)


def _disagreement(tally: Mapping[str, int]) -> str:
    """Return how many of how many runs ended how, as in `3 of 60 runs failed (compare: numeric), 57 passed`."""
    first, *others = sorted(tally.items(), key=lambda each: (each[0] in GREEN, each[1]))
    return ", ".join([f"{first[1]} of {sum(tally.values())} runs {first[0]}", *(f"{n} {label}" for label, n in others)])
