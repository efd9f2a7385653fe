"""The workers of a cluster as of some moment, and how much of them the steps of a command use."""

import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from harness.cluster import labels
from harness.cluster.messages import Offer

_Needs = frozenset[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Roster:
    """The workers that are there, by address."""

    offers: Mapping[str, Offer] = field(default_factory=dict)
    _fitting: dict[_Needs, Sequence[str]] = field(default_factory=dict)
    _slots: dict[_Needs, int] = field(default_factory=dict)

    def fitting(self, needs: Mapping[str, int]) -> Sequence[str]:
        """Return the workers that can do a step with these needs."""
        key = frozenset(needs.items())
        if key not in self._fitting:
            self._fitting[key] = [each for each, offer in self.offers.items() if labels.fits(needs, offer.slots)]
        return self._fitting[key]

    def slots(self, needs: Mapping[str, int]) -> int:
        """Return how many steps with these needs all workers do at once."""
        key = frozenset(needs.items())
        if key not in self._slots:
            offers = (self.offers[each].slots for each in self.fitting(needs))
            self._slots[key] = sum(min(slots[label] // count for label, count in needs.items()) for slots in offers)
        return self._slots[key]


class Load:
    """The slots that the steps of a command use. Each step gets a worker with free ones, as long as there are any.

    So no step waits behind one of another kind: a worker of Dask begins its tasks in one order, whatever they need.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lock = threading.Lock()
        self._used: dict[str, Counter[str]] = {}
        self._next = 0

    def take(
        self, roster: Roster, needs: Mapping[str, int], avoided: Collection[str] = (), suspects: Collection[str] = ()
    ) -> str:
        """Return the worker for a step, or nothing if there is none.

        Args:
            roster: the workers that are there.
            needs: what the step needs.
            avoided: workers that have failed with this step.
            suspects: workers that have failed with some step. They get this one only if all others are busy, and not if
                it has failed before.
        """
        with self._lock:
            self._next += 1
            fitting = [each for each in self._turned(roster.fitting(needs)) if each not in avoided]
            trusted = [each for each in fitting if each not in suspects]
            free = next((each for each in trusted if self._share(roster, each, needs) <= 1), "")
            rest = trusted if trusted and avoided else fitting
            taken = free or min(rest, key=lambda each: self._share(roster, each, needs), default="")
            if taken:
                self._used.setdefault(taken, Counter()).update(needs)
            return taken

    def give_back(self, address: str, needs: Mapping[str, int]) -> None:
        """Note that a step has ended."""
        with self._lock:
            self._used[address].subtract(needs)

    def _turned(self, addresses: Sequence[str]) -> Iterator[str]:
        """Yield addresses from another one on each time, so that all get work."""
        count = len(addresses)
        return (addresses[(self._next + index) % count] for index in range(count))

    def _share(self, roster: Roster, address: str, needs: Mapping[str, int]) -> float:
        """Return which share of its slots a worker would use: above 1 if it has no free ones."""
        used, slots = self._used.get(address, Counter()), roster.offers[address].slots
        return max((used[label] + count) / slots[label] for label, count in needs.items())
