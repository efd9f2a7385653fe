"""A model of a run on a cluster, event by event: what the client, the scheduler, the network and the workers do.

It has the rules of harness/pipeline/executor.py, harness/cluster and Dask's scheduler: how many steps the client gives
to the cluster at once and in which order, how Dask chooses a worker, and what is done again after a failure.
"""

import heapq
import itertools
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from cluster_parts import AS_IS, COMPILE, Costs, Rules, Server, Step, Worker, beat_s

AHEAD, ATTEMPTS, ALLOWED_FAILURES, TOLERATED, HELD_BYTES = 2, 3, 3, 2, 1 << 30
FROZEN_S, RESULT_S = 30.0, 10.0
BAD_S = 0.1  # after which a step of a bad worker fails
SPREAD = 0.6180339887  # decides between equal workers
COLLAPSED = 0.98  # above this share of the client's time for polls, little else gets done


class Simulation:
    """One run. `run` raises AssertionError if a case does not end, or ends twice."""

    def __init__(self, workers: Sequence[Worker], steps: Iterable[Step], costs: Costs, rules: Rules = AS_IS) -> None:
        """Prepare to do compilations, and the runs that need them."""
        self.workers, self.costs = workers, costs
        self._is_per_chip, self._is_split = rules.is_per_chip, rules.is_split
        self.now, self._numbers, self._events = 0.0, itertools.count(), list[tuple[float, int, Any, Any]]()
        self.client, self.scheduler, self.network = Server(), Server(), Server()
        self._waiting: dict[str, list[tuple[float, int, Step]]] = {}
        self._busy, self.capacity = Counter[str](), Counter[str]()
        self.worked, self.counts, self.ended = Counter[str](), Counter[str](), Counter[int]()
        self._failures, self._held, self._held_bytes = Counter[int](), OrderedDict[Step, None](), 0.0
        self._heaps: dict[str, list[tuple[float, float, int, int]]] = {}
        self._nowhere, self.ends_s = list[Step](), list[float]()
        self.steps = tuple(steps)
        compiles = [each.seconds for each in self.steps]
        runs = [run.seconds for each in self.steps for run in each.runs]
        self._usual = {True: sum(compiles) / len(compiles), False: sum(runs) / max(1, len(runs))}
        self.slots = sum((Counter(each.slots) for each in workers), Counter[str]())
        for worker in workers:
            self._up(worker)

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
        assert not self._busy.total(), "a step is under way for no case"
        return self.now

    # The client: harness/pipeline/executor.py and harness/cluster/runner.py.

    def _kind(self, step: Step) -> str:
        return step.label if step.label == COMPILE or self._is_per_chip else "gpu"

    def _wait(self, step: Step) -> None:
        heapq.heappush(self._waiting.setdefault(self._kind(step), []), (-step.rank, next(self._numbers), step))

    def _fill(self) -> None:
        for kind, waiting in self._waiting.items():
            while waiting and self._busy[kind] < max(1, AHEAD * self.capacity[kind]):
                self._busy[kind] += 1
                self._submit(heapq.heappop(waiting)[2])

    def _client(self, cost: float) -> float:
        """Return when the client has done something beside its polls."""
        workers = len(self.workers)
        polls = self._busy.total() * (self.costs.poll + self.costs.poll_worker * workers)
        share = polls + self.costs.look_worker * workers
        self.counts["collapsed"] += share > COLLAPSED
        done = self.client.take(self.now, cost / (1 - min(COLLAPSED, share)))
        self.worked["client"] += cost
        return done

    def _submit(self, step: Step) -> None:
        cost = (self.costs.client + self.costs.client_worker * len(self.workers)) / 2
        module = step.compile
        if module and module not in self._held:  # it was dropped, and is sent again
            self.counts["sent again"] += 1
            cost += module.size * self.costs.client_byte
            self.network.take(self.now, module.size / self.costs.net_bytes_s)
            self._keep(module, None)
        elif module:
            self._held.move_to_end(module)
        self.at(self._client(cost), self._scheduled, step, step.epoch)

    def _keep(self, module: Step, holder: Worker | None) -> None:
        module.holder, module.state = holder, "held"
        if holder:
            holder.modules.add(module)
        self._held[module] = None
        self._held_bytes += module.size
        while len(self._held) > 1 and self._held_bytes > HELD_BYTES:
            dropped, _ = self._held.popitem(last=False)
            self._held_bytes -= dropped.size
            if dropped.holder:
                dropped.holder.modules.discard(dropped)
                dropped.holder = None

    def _returned(self, step: Step, epoch: int) -> None:
        """The scheduler knows that a step has ended: the client asks for its result."""
        if epoch != step.epoch:
            return
        if step.worker and step.worker.state == "frozen":
            self.counts["late"] += 1
            return
        cost = (self.costs.client + self.costs.client_worker * len(self.workers)) / 2
        sent = self.network.take(self.now, step.size / self.costs.net_bytes_s)
        read = self._client(cost + step.size * self.costs.client_byte)
        self.counts["late"] += max(sent, read) - self.now > RESULT_S
        self.at(max(sent, read), self._taken, step, epoch)

    def _taken(self, step: Step, epoch: int) -> None:
        """The client has a result."""
        worker = step.worker
        if epoch != step.epoch or worker is None:
            return
        worker.tasks.discard(step)
        if worker.is_bad:
            step.tried.append(worker)
            if len(step.tried) < ATTEMPTS and any(self._fits(each, step) for each in self.workers):
                step.epoch += 1
                self.counts["again"] += 1
                self._submit(step)
                return
            self._done(step, is_good=False)
            return
        for each in step.tried:
            self._failures[each.number] += 1
            if self._failures[each.number] == TOLERATED and each.state != "gone":
                self._lost(each, back_s=None, is_expected=True)
        self._done(step, is_good=True)

    def _done(self, step: Step, *, is_good: bool) -> None:
        self._busy[self._kind(step)] -= 1
        step.is_taken = True
        self.counts["errors"] += not is_good
        if step.label == COMPILE and is_good:
            self._keep(step, step.worker)
            for run in step.runs:
                self._wait(run)
        cases = [step] if step.label != COMPILE or not step.runs else [] if is_good else step.runs
        for each in cases:
            self.at(self._client(self.costs.case), self._ended, each.case)
        self._fill()

    def _ended(self, case: int) -> None:
        self.ended[case] += 1
        self.ends_s.append(self.now)

    # The scheduler.

    def _scheduled(self, step: Step, epoch: int) -> None:
        cost = self.costs.scheduler / 2 + self.costs.scheduler_worker * len(self.workers)
        self.at(self._scheduler(cost), self._assign, step, epoch)

    def _scheduler(self, cost: float) -> float:
        """Return when the scheduler has done something beside listening to signs of life."""
        count = len(self.workers)
        share = self.costs.beat * count / beat_s(count)
        return self.scheduler.take(self.now, cost / (1 - min(COLLAPSED, share)))

    def _fits(self, worker: Worker, step: Step) -> bool:
        return worker.state in {"up", "frozen"} and step.label in worker.slots and worker not in step.tried

    def _assign(self, step: Step, epoch: int) -> None:
        """Give a step to the worker that has its module, or to that with the least to do for each of its threads."""
        if epoch != step.epoch:
            return
        module = step.compile
        if module and module.state == "lost":
            module.waiters.append(step)
            return
        holder = module.holder if module else None
        worker = holder if holder and self._fits(holder, step) else self._least(step)
        step.worker, step.state = worker, "queued"
        if worker is None:
            self._nowhere.append(step)
            return
        worker.tasks.add(step)
        self._load(worker, self._usual[step.label == COMPILE])
        worker.queues[self._queue(step)].append(step)
        self._begin(worker, self._queue(step))

    def _least(self, step: Step) -> Worker | None:
        heap, skipped, found = self._heaps.get(step.label, []), [], None
        while heap and found is None:
            entry = heapq.heappop(heap)
            worker = self.workers[entry[2]]
            if entry[3] == worker.version and worker.state in {"up", "frozen"}:
                skipped.append(entry)
                found = worker if self._fits(worker, step) else None
        for entry in skipped:
            heapq.heappush(heap, entry)
        return found

    def _load(self, worker: Worker, seconds: float) -> None:
        worker.load_s += seconds
        worker.version += 1
        for label in worker.slots:
            entry = (worker.load_s / worker.threads, next(self._numbers) * SPREAD % 1, worker.number, worker.version)
            heapq.heappush(self._heaps.setdefault(label, []), entry)

    # The workers.

    def _up(self, worker: Worker) -> None:
        worker.state, worker.load_s, worker.free = "up", 0.0, Counter(worker.slots)
        worker.epoch += 1
        worker.queues = defaultdict(deque)
        for label, count in worker.slots.items():
            self.capacity[label] += count
            self.capacity["gpu"] += count * (label != COMPILE)
        self._load(worker, 0.0)
        nowhere, self._nowhere = self._nowhere, []
        for step in nowhere:
            self._assign(step, step.epoch)
        self._fill()

    def _queue(self, step: Step) -> str:
        return step.label if self._is_split else ""

    def _begin(self, worker: Worker, name: str) -> None:
        """Begin steps. As in Dask, one whose slots are taken keeps those behind it from theirs, of whatever label."""
        queue = worker.queues[name]
        while worker.state == "up" and queue and worker.free[queue[0].label]:
            step = queue.popleft()
            worker.free[step.label] -= 1
            step.state = "running"
            self.at(self.now + (BAD_S if worker.is_bad else step.seconds), self._finished, worker, step, step.epoch)

    def _finished(self, worker: Worker, step: Step, epoch: int) -> None:
        if epoch != step.epoch or worker.state != "up":
            return
        worker.free[step.label] += 1
        self.worked[step.label] += BAD_S if worker.is_bad else step.seconds
        self._load(worker, -self._usual[step.label == COMPILE])
        self._begin(worker, self._queue(step))
        if step.is_taken:  # a module that was lost
            worker.tasks.discard(step)
            waiters, step.waiters = step.waiters, []
            step.holder, step.state = worker, "held"
            worker.modules.add(step)
            for each in waiters:
                self._assign(each, each.epoch)
            return
        step.state = "done"
        cost = self.costs.scheduler / 2 + step.size * self.costs.scheduler_byte
        self.at(self._scheduler(cost) + self.costs.latency, self._returned, step, epoch)

    def kill(self, number: int, back_s: float) -> None:
        """Kill a worker, which comes back after some time."""
        if self.workers[number].state == "up":
            self._lost(self.workers[number], back_s=back_s, is_expected=False)

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
            self._lost(worker, back_s=back_s, is_expected=False)

    def _lost(self, worker: Worker, *, back_s: float | None, is_expected: bool) -> None:
        """A worker is gone: what it had to do, and modules that only it had, are done again by others."""
        worker.state = "gone"
        for label, count in worker.slots.items():
            self.capacity[label] -= count
            self.capacity["gpu"] -= count * (label != COMPILE)
        tasks, worker.tasks = sorted(worker.tasks, key=lambda each: -each.rank), set()
        modules, worker.modules = sorted(worker.modules, key=lambda each: -each.rank), set()
        for step in tasks:
            self.counts["again"] += step.state in {"running", "done"}
            step.deaths += step.state != "done" and not is_expected
            step.epoch += 1
            if step.deaths > ALLOWED_FAILURES and not step.is_taken:
                self._done(step, is_good=False)
            else:
                self._scheduled(step, step.epoch)
        for module in modules:
            self.counts["again"] += 1
            module.holder, module.state, module.epoch = None, "lost", module.epoch + 1
            self._scheduled(module, module.epoch)
        if back_s is not None:
            self.at(self.now + back_s, self._up, worker)
