"""How long a run of 100,000 cases takes on 1,000 workers: a simulation, and what it says is the bottleneck.

    python benchmarks/cluster.py [--measure] [--workers 1000] [--cases 100000]

A cluster of this size is not there, so its time is simulated: see cluster_model.py. What the client and the scheduler
cost per step is measured, with `--measure` on this machine now, with a real scheduler and real workers that do nothing;
then a run of two real workers is compared with a simulated one, too. Prints the assumptions and a Markdown table.
"""

import argparse
import gc
import itertools
import random
from dataclasses import asdict, dataclass, replace

import heading
from cluster_model import Simulation
from cluster_parts import COMPILE, MEASURED, Costs, Step, Worker

COMPILES, COMPILES_BESIDE_GPUS, GPUS = 8, 4, 8
CHIPS = {"gfx942": 0.5, "gfx950": 0.3, "gfx1201": 0.2}
WITHOUT_GPU_OF_5 = 3
SCARCE = {"gfx942": 0.57, "gfx950": 0.4, "gfx1201": 0.03}
SHARED = 0.4  # of the cases, with a module of an earlier one
COMPILE_S, RUN_S, MODULE_BYTES, OUTPUT_BYTES = (4.0, 1.5, 1200.0), (1.0, 1.0, 600.0), (2e5, 1.5, 1e9), (65e3, 2.0, 1e9)
MEASURED_WORKERS = 102
COUNTED = ("again", "sent again", "errors")
SHARES = ("client: work", "client: looks", "scheduler", "network")
BACK_S, FROZEN_S = 60.0, 600.0
ASSUMED = f"""Assumptions:

- Of the workers 60 % have {COMPILES} compile slots each, and 40 % have {COMPILES_BESIDE_GPUS} and {GPUS} GPUs of one \
chip: {", ".join(f"{share:.0%} {chip}" for chip, share in CHIPS.items())}. The cases are for these chips in the same \
shares.
- Each case is a compilation, a run on one GPU, and a comparison on the client; {SHARED:.0%} of the cases use a module \
of another one. What each takes is known from an earlier run.
- Log-normal, with median, sigma and limit: seconds of compilations {COMPILE_S}, seconds of runs {RUN_S}, bytes of
  modules {MODULE_BYTES}, bytes of outputs {OUTPUT_BYTES}. All bytes come back, over 10 Gbit/s; modules go out again.
- The client has one core for its own work, and a thread for each step that is under way.
- A killed worker is back after {BACK_S:.0f} s; a frozen one stays so for {FROZEN_S:.0f} s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What happens in a run.

    Attributes:
        name: in words.
        mtbf_h: hours between two deaths of a worker; 0 for none.
        frozen: the share of the workers that freeze once.
        bad: how many workers fail each step.
        chips: the share of the GPU workers by chip.
        is_free: whether client and scheduler cost nothing.
        is_flat: whether a step costs the scheduler no more than with as many workers as were measured.
    """

    name: str
    mtbf_h: float = 0.0
    frozen: float = 0.0
    bad: int = 0
    chips: dict[str, float]
    is_free: bool = False
    is_flat: bool = False

    def costs(self, measured: Costs) -> Costs:
        """Return what client and scheduler cost, given what they really cost."""
        if self.is_flat:
            scheduler = measured.scheduler + measured.scheduler_worker * MEASURED_WORKERS
            return replace(measured, scheduler=scheduler, scheduler_worker=0.0)
        return Costs() if self.is_free else measured


SCENARIOS = (
    Scenario(name="no failures", chips=CHIPS),
    Scenario(name="deaths, MTBF of a worker 100 h", mtbf_h=100, chips=CHIPS),
    Scenario(name="10 % of the workers freeze once", frozen=0.1, chips=CHIPS),
    Scenario(name="5 workers fail each step", bad=5, chips=CHIPS),
    Scenario(name="one chip is scarce", chips=SCARCE),
    Scenario(name="client and scheduler cost nothing", is_free=True, chips=CHIPS),
    Scenario(name="a step costs the scheduler what it does with 102 workers", is_flat=True, chips=CHIPS),
)


def main() -> None:
    """Simulate, and print."""
    parser = heading.parser(__doc__)
    parser.add_argument("--measure", action="store_true", help="measure the costs here, and check the model")
    parser.add_argument("--workers", type=int, default=1000, metavar="N", help="default: %(default)s")
    parser.add_argument("--cases", type=int, default=100_000, metavar="N", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="default: %(default)s")
    asked = parser.parse_args()
    heading.print_heading(f"{asked.workers} workers", f"{asked.cases} cases", f"seed {asked.seed}")
    costs = MEASURED
    if asked.measure:
        import cluster_costs  # noqa: PLC0415 - it needs Dask, which starts slowly

        costs = cluster_costs.measured()
        cluster_costs.validate(costs)
    print(f"{ASSUMED}\n\nSeconds of CPU:\n")
    print(*(f"- {name}: {value:.3g}" for name, value in asdict(costs).items()), sep="\n")
    columns = [
        "scenario",
        "hours",
        "99 % after",
        "lower bound",
        "ratio",
        "cases per hour",
        "at once",
        "compile slots busy",
        *CHIPS,
        *COUNTED,
        *SHARES,
    ]
    print(f"\n| {' | '.join(columns)} |\n|---|{'--:|' * (len(columns) - 1)}")
    gc.disable()  # of what is simulated there is always much, and it is needed
    for each in SCENARIOS:
        print(row(each, asked, each.costs(costs)), flush=True)
        gc.collect()


def workers(count: int, scenario: Scenario, rng: random.Random) -> list[Worker]:
    """Return the workers of a scenario."""
    found: list[Worker] = []
    for number in range(count):
        if number % 5 < WITHOUT_GPU_OF_5:
            slots = {COMPILE: COMPILES}
        else:
            chip = chip_at(number / count, scenario.chips)
            slots = {COMPILE: COMPILES_BESIDE_GPUS, chip: GPUS}
        found.append(Worker(number=number, slots=slots))
    for worker in rng.sample(found, scenario.bad):
        worker.is_bad = True
    return found


def chip_at(place: float, shares: dict[str, float]) -> str:
    """Return the chip at a place from 0 to 1, if the chips are in a row by their shares."""
    sums = itertools.accumulate(shares.values())
    return next((chip for chip, end in zip(shares, sums, strict=True) if place < end), [*shares][-1])


def steps(cases: int, rng: random.Random) -> list[Step]:
    """Return the compilations of so many cases, with the runs that need them."""
    found: dict[str, list[Step]] = {chip: [] for chip in CHIPS}
    for case in range(cases):
        chip = rng.choices([*CHIPS], [*CHIPS.values()])[0]
        modules = found[chip]
        if not modules or rng.random() > SHARED:
            modules.append(Step(label=COMPILE, seconds=drawn(COMPILE_S, rng), size=drawn(MODULE_BYTES, rng)))
            module = modules[-1]
        else:
            module = rng.choice(modules)
        run = Step(label=chip, seconds=drawn(RUN_S, rng), size=drawn(OUTPUT_BYTES, rng), case=case, compile=module)
        run.rank = run.seconds
        module.runs.append(run)
        module.rank = module.seconds + max(each.rank for each in module.runs)
    return [step for each in found.values() for step in each]


def drawn(shape: tuple[float, float, float], rng: random.Random) -> float:
    """Return a log-normal number with a median, a sigma and a limit."""
    median, sigma, limit = shape
    return min(limit, median * rng.lognormvariate(0.0, sigma))


def simulated(scenario: Scenario, count: int, cases: int, costs: Costs, seed: int) -> Simulation:
    """Return a scenario that has been simulated."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    todo = steps(cases, rng)
    found = Simulation(workers(count, scenario, rng), todo, costs)
    if scenario.mtbf_h:
        for worker in range(count):
            when = rng.expovariate(1 / (scenario.mtbf_h * 3600))
            found.at(when, found.kill, worker, BACK_S)
    first_s = max(lower_bounds(found, cases).values())  # so the run goes on when they freeze
    for worker in rng.sample(range(count), round(scenario.frozen * count)):
        found.at(rng.uniform(0, first_s), found.freeze, worker, FROZEN_S)
    found.run(cases)
    return found


def lower_bounds(run: Simulation, cases: int) -> dict[str, float]:
    """Return the seconds that a run takes at least, for each reason."""
    runs = [each for step in run.steps for each in step.runs]
    found = {COMPILE: sum(each.seconds for each in run.steps) / run.slots[COMPILE]}
    for chip in CHIPS:
        found[chip] = sum(each.seconds for each in runs if each.label == chip) / max(1, run.slots[chip])
    found["longest case"] = max(step.rank for step in run.steps)
    costs, done = run.costs, [*run.steps, *runs]
    back, out = sum(each.size for each in done), sum(each.size for each in run.steps if each.runs)
    lent = sum(bool(each.runs) for each in run.steps)
    found["client"] = len(done) * costs.client + lent * costs.lend + (back + out) * costs.client_byte
    found["client"] += cases * costs.case + sum(each.size for each in runs) * costs.case_byte
    each_s = costs.scheduler + costs.scheduler_worker * len(run.workers)
    found["scheduler"] = len(done) * each_s + lent * costs.scheduler_lend + (back + out) * costs.scheduler_byte
    found["network"] = (back + out) / costs.net_bytes_s
    return found


def row(scenario: Scenario, asked: argparse.Namespace, costs: Costs) -> str:
    """Return a row of the table."""
    run = simulated(scenario, asked.workers, asked.cases, costs, asked.seed)
    bounds = lower_bounds(run, asked.cases)
    least = max(bounds, key=bounds.__getitem__)
    cells = [
        scenario.name,
        f"{run.now / 3600:.2f}",
        f"{run.ends_s[len(run.ends_s) * 99 // 100] / 3600:.3f}",
        f"{bounds[least] / 3600:.2f} ({least})",
    ]
    cells.append(f"{run.now / bounds[least]:.2f}")
    cells += [f"{asked.cases / run.now * 3600:,.0f}", f"{run.most:,}"]
    cells += [f"{run.worked[label] / (run.slots[label] * run.now):.0%}" for label in (COMPILE, *CHIPS)]
    cells += [f"{run.counts[name]:,}" for name in COUNTED]
    work = run.worked["client"] / run.now
    looks = (run.client.busy - run.worked["client"]) / run.now
    cells += [f"{work:.0%}", f"{looks:.0%}", f"{run.scheduler.busy / run.now:.0%}", f"{run.network.busy / run.now:.0%}"]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
