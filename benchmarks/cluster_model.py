"""A model of a run on a cluster, event by event: what the client, the scheduler, the network and the workers do.

It has the rules of harness/pipeline/executor.py, harness/cluster and Dask's scheduler: how many steps the client gives
to the cluster at once and in which order, which worker it chooses, and what is done again after a failure.
"""

import heapq
import itertools
import math
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cluster_parts import COMPILE, Costs, Server, Step, Worker, beat_s

ATTEMPTS, TOLERATED, LIVES, WAIT_S, HELD_BYTES = 3, 2, 4, 60.0, 1 << 30
FROZEN_S, LOOK_S, MANY = 30.0, 1.0, 100
BAD_S = 0.1  # after which a step of a bad worker fails
MOST = 0.98  # share of the time of client or scheduler that looking takes at most; above it, little else gets done


class Simulation:
    """One run. `run` raises AssertionError if a case does not end, or ends twice."""

    def __init__(self, workers: Sequence[Worker], steps: Iterable[Step], costs: Costs) -> None:
        """Prepare to do compilations, and the runs that need them."""
        self.workers, self.costs = workers, costs
        self.now, self._numbers, self._events = 0.0, itertools.count(), list[tuple[float, int, Any, Any]]()
        self.client, self.scheduler, self.network = Server(), Server(), Server()
        self._waiting: dict[str, list[tuple[float, int, Step]]] = {}
        self.busy, self.most, self._capacity = Counter[str](), 0, Counter[str]()
        self.worked, self.counts, self.ended = defaultdict[str, float](float), Counter[str](), Counter[int]()
        self._held, self._held_bytes = OrderedDict[Step, None](), 0.0
        self._roster: dict[str, list[Worker]] = {}
        self._next, self.ends_s = 0, list[float]()
        self.steps = tuple(steps)
        self.slots = sum((Counter(each.slots) for each in workers), Counter[str]())
        self._look_s = LOOK_S * max(1.0, len(workers) / MANY)
        for worker in workers:
            self._start(worker)
        self._look(())

    def at(self, when: float, what: Callable[..., None], *args: Any) -> None:
        """Let something happen."""
        heapq.heappush(self._events, (when, next(self._numbers), what, args))

    def run(self, cases: int) -> float:
        """Do all steps, and return the seconds; each case has ended exactly once."""
        for each in self.steps:
            self._wait(each)
        self._fill()
        while len(self.ended) < cases and self._events:
            self.now, _, what, args = heapq.heappop(self._events)
            what(*args)
        assert len(self.ended) == cases, f"{cases - len(self.ended)} cases have not ended"
        assert set(self.ended.values()) == {1}, "a case has ended twice"
        assert not self.busy.total(), "a step is under way for no case"
        return self.now

    # The client: harness/pipeline/executor.py and harness/cluster.

    def _kind(self, step: Step) -> str:
        return COMPILE if step.label == COMPILE else "gpu"  # the executor limits runs by the vendor of their GPUs

    def _wait(self, step: Step) -> None:
        heapq.heappush(self._waiting.setdefault(self._kind(step), []), (-step.rank, next(self._numbers), step))

    def _fill(self) -> None:
        for kind, waiting in self._waiting.items():
            while waiting and self.busy[kind] < max(1, self._capacity[kind]):
                self.busy[kind] += 1
                self.most = max(self.most, self.busy.total())
                self._place(heapq.heappop(waiting)[2], self.now + WAIT_S)

    def _client(self, cost: float) -> float:
        """Return when the client has done something, beside looking whether all workers are there."""
        looks = self.busy.total() * self.costs.watch + self.costs.look * len(self.workers) / self._look_s
        done = self.client.take(self.now, cost / (1 - min(MOST, looks)))
        self.worked["client"] += cost
        return done

    def _place(self, step: Step, deadline_s: float) -> None:
        """Choose a worker, and give it a step; without any, wait for one."""
        worker, cost = self._chosen(step)
        if worker is None:
            if self.now > deadline_s:
                self._done(step, is_good=False)
            else:
                self.at(self.now + LOOK_S, self._place, step, deadline_s)
            return
        worker.used[step.label] += 1
        worker.tasks.add(step)
        step.worker, step.is_begun = worker, False
        cost += self.costs.client / 2 + self._lent(step.compile)
        self.at(self._client(cost), self._scheduled, step, step.epoch)

    def _chosen(self, step: Step) -> tuple[Worker | None, float]:
        """Return the worker for a step, and what it costs to find it: `Load.take` of harness/cluster/roster.py."""
        self._next += 1
        fitting, label = self._roster.get(step.label, []), step.label
        start = self._next % len(fitting) if fitting else 0
        order = itertools.chain(itertools.islice(fitting, start, None), itertools.islice(fitting, start))
        for passed, each in enumerate(order):
            if each.used[label] < each.slots[label] and not each.is_suspect and each not in step.tried:
                return each, self.costs.fitting * len(fitting) + self.costs.passed * passed
        others = [each for each in fitting if each not in step.tried]
        if step.tried:  # one that failed waits for a worker that did not
            others = [each for each in others if not each.is_suspect] or others
        found = min(others, key=lambda each: (each.used[label] + 1) / each.slots[label], default=None)
        return found, (self.costs.fitting + self.costs.passed) * len(fitting)

    def _lent(self, module: Step | None) -> float:
        """Have the cluster hold a module; return what that costs the client."""
        if module is None:
            return 0.0
        if module in self._held:
            self._held.move_to_end(module)
            return 0.0
        self._held[module] = None
        self._held_bytes += module.size
        while len(self._held) > 1 and self._held_bytes > HELD_BYTES:
            self._held_bytes -= self._held.popitem(last=False)[0].size
        self.counts["sent again"] += module.was_sent
        module.was_sent = True
        self.network.take(self.now, module.size / self.costs.net_bytes_s)
        self._scheduler(self.costs.scheduler_lend + module.size * self.costs.scheduler_byte)
        return self.costs.lend + module.size * self.costs.client_byte

    def _returned(self, step: Step, epoch: int) -> None:
        """The scheduler knows that a step has ended: the client asks for its result, which the worker sends."""
        if epoch != step.epoch or step.worker is None or step.worker.state != "up":
            return
        sent = self.network.take(self.now, step.size / self.costs.net_bytes_s)
        read = self._client(self.costs.client / 2 + step.size * self.costs.client_byte)
        self.at(max(sent, read), self._taken, step, epoch)

    def _taken(self, step: Step, epoch: int) -> None:
        """The client has a result. Where the worker may be at fault, another one tries."""
        worker = step.worker
        if epoch != step.epoch or worker is None:
            return
        self._leave(step, worker)
        if worker.is_bad:
            step.tried.append(worker)
            others = any(each not in step.tried for each in self._roster[step.label])
            if len(step.tried) < ATTEMPTS and others:
                worker.is_suspect = True
                self.counts["again"] += 1
                self._place(step, self.now + WAIT_S)
                return
        for each in step.tried:
            if worker.is_bad:
                each.is_suspect = False
                continue
            each.failures += 1
            if each.failures == TOLERATED and each.state != "gone":
                self._lost(each, back_s=None)
        self._done(step, is_good=not worker.is_bad)

    def _leave(self, step: Step, worker: Worker) -> None:
        """A step is no longer with a worker."""
        worker.tasks.discard(step)
        worker.used[step.label] -= 1
        step.epoch += 1

    def _done(self, step: Step, *, is_good: bool) -> None:
        self.busy[self._kind(step)] -= 1
        self.counts["errors"] += not is_good
        if step.label == COMPILE and is_good:
            for run in step.runs:
                self._wait(run)
        cases = [step] if step.label != COMPILE or not step.runs else [] if is_good else step.runs
        for each in cases:
            cost = self.costs.case + (each.size if each.compile else 0.0) * self.costs.case_byte
            self.at(self._client(cost), self._ended, each.case)
        self._fill()

    def _ended(self, case: int) -> None:
        self.ended[case] += 1
        self.ends_s.append(self.now)

    def _looks(self, *gone: tuple[Worker, int]) -> None:
        """Let the client see what has changed: when it looks next, and then at all steps within a second."""
        self.at(math.floor(self.now / self._look_s + 1) * self._look_s + LOOK_S / 2, self._look, gone)

    def _look(self, gone: Iterable[tuple[Worker, int]]) -> None:
        """The client looks which workers there are, and gives the steps of those that are gone to others."""
        lost = [step for worker, epoch in gone if worker.epoch == epoch for step in worker.tasks]
        self._roster, self._capacity = {}, Counter()
        for worker in self.workers:
            if worker.state == "gone":
                continue
            for label, count in worker.slots.items():
                self._roster.setdefault(label, []).append(worker)
                self._capacity[COMPILE if label == COMPILE else "gpu"] += count
        for step in sorted(lost, key=lambda each: -each.rank):
            if step.worker:
                self._leave(step, step.worker)
            step.lives += 1
            self.counts["again"] += step.is_begun
            if step.lives == LIVES:
                self._done(step, is_good=False)
            else:
                self._place(step, self.now + WAIT_S)
        self._fill()

    # The scheduler.

    def _scheduled(self, step: Step, epoch: int) -> None:
        cost = self.costs.scheduler / 2 + self.costs.scheduler_worker * len(self.workers)
        self.at(self._scheduler(cost), self._assign, step, epoch)

    def _scheduler(self, cost: float) -> float:
        """Return when the scheduler has done something, beside listening to workers and telling of them."""
        count = len(self.workers)
        share = count * (self.costs.beat / beat_s(count) + self.costs.tell / self._look_s)
        return self.scheduler.take(self.now, cost / (1 - min(MOST, share)))

    def _assign(self, step: Step, epoch: int) -> None:
        """Give a step to its worker; without that, it waits until the client sees it."""
        worker = step.worker
        if epoch == step.epoch and worker and worker.state != "gone":
            worker.queue.append(step)
            self._begin(worker)

    # The workers.

    def _start(self, worker: Worker) -> None:
        worker.state, worker.free, worker.queue = "up", Counter(worker.slots), deque()
        worker.epoch += 1

    def _up(self, worker: Worker) -> None:
        self._start(worker)
        self._looks()

    def _begin(self, worker: Worker) -> None:
        """Begin steps. As in Dask, one whose slots are taken keeps those behind it from theirs, of whatever label."""
        queue = worker.queue
        while worker.state == "up" and queue and worker.free[queue[0].label]:
            step = queue.popleft()
            worker.free[step.label] -= 1
            step.is_begun = True
            self.at(self.now + (BAD_S if worker.is_bad else step.seconds), self._finished, worker, step, step.epoch)

    def _finished(self, worker: Worker, step: Step, epoch: int) -> None:
        if epoch != step.epoch or worker.state != "up":
            return
        worker.free[step.label] += 1
        self.worked[step.label] += BAD_S if worker.is_bad else step.seconds
        self._begin(worker)
        cost = self.costs.scheduler / 2 + step.size * self.costs.scheduler_byte
        self.at(self._scheduler(cost) + self.costs.latency, self._returned, step, epoch)

    def kill(self, number: int, back_s: float) -> None:
        """Kill a worker, which comes back after some time."""
        if self.workers[number].state == "up":
            self._lost(self.workers[number], back_s=back_s)

    def freeze(self, number: int, back_s: float) -> None:
        """Freeze a worker. The scheduler notices when it looks for the first time after the limit."""
        worker = self.workers[number]
        if worker.state != "up":
            return
        worker.state = "frozen"
        seen_s = self.now + max(FROZEN_S, 10 * beat_s(len(self.workers)))
        self.at(-(-seen_s // FROZEN_S) * FROZEN_S, self._missed, worker, worker.epoch, back_s)

    def _missed(self, worker: Worker, epoch: int, back_s: float) -> None:
        if worker.epoch == epoch and worker.state == "frozen":
            self._lost(worker, back_s=back_s)

    def _lost(self, worker: Worker, *, back_s: float | None) -> None:
        """The scheduler knows that a worker is gone; the client sees it when it looks."""
        worker.state = "gone"
        self._looks((worker, worker.epoch))
        if back_s is not None:
            self.at(self.now + max(back_s, self._look_s + LOOK_S), self._up, worker)  # with another address
