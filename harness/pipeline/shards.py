"""Divides the cases of a run among machines. All of them divide in the same way, without asking each other.

So nothing counts that differs between machines, such as their histories: only the ids of the cases, and durations from
files that all have.
"""

import heapq
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.core.callbacks import Notice
from harness.core.cases import Case
from harness.core.shards import Shard
from harness.report import durations
from harness.report.facts import count_of_cases


def part(chosen: Sequence[Case], shard: Shard, files: Sequence[Path], notice: Notice) -> list[Case]:
    """Return the cases of a shard, in their order.

    Args:
        chosen: all cases of the run.
        shard: which part.
        files: where the durations are.
        notice: told by what the cases were divided.

    Raises:
        UsageError: durations cannot be read.
    """
    known = durations.read(files) if files else {}
    own = members([case.id for case in chosen], shard, known)
    found = [case for case in chosen if case.id in own]
    by = "their number; name files with --durations to divide by time"
    if files:
        total = sum(case.id in known for case in chosen)
        by = f"durations, known of {total}"
    notice(f"shard {shard}: {len(found)} of {count_of_cases(len(chosen))}, divided by {by}")
    return found


def members(ids: Sequence[str], shard: Shard, durations_s: Mapping[str, float]) -> frozenset[str]:
    """Return the ids of the cases of a shard. No I/O.

    The longest case goes first, and each to the shard that has least to do by then. A case whose duration is not known
    counts as the median of the others.
    """
    known = [durations_s[each] for each in ids if each in durations_s]
    usual = statistics.median(known) if known else 1.0
    costs = {each: durations_s.get(each, usual) for each in ids}
    loads = [(0.0, 0, number) for number in range(1, shard.total + 1)]  # seconds, cases
    own: set[str] = set()
    for each in sorted(costs, key=lambda name: (-costs[name], name)):
        seconds, count, number = heapq.heappop(loads)
        heapq.heappush(loads, (seconds + costs[each], count + 1, number))
        if number == shard.number:
            own.add(each)
    return frozenset(own)
