"""The model of a large cluster: what it says has to hold for a small one, too."""

import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

import cluster
from cluster import CHIPS, SCENARIOS, Scenario
from cluster_model import Simulation
from cluster_parts import COMPILE, MEASURED, Costs, Step

CASES, WORKERS = 120, 100
MANY = replace(SCENARIOS[0], mtbf_h=0.02, frozen=0.3, bad=5)
NOTHING = Costs()


@pytest.mark.parametrize("scenario", [*SCENARIOS, MANY], ids=lambda scenario: scenario.name)
def test_each_case_ends_once(scenario: Scenario) -> None:
    run = cluster.simulated(scenario, WORKERS, CASES, scenario.costs(MEASURED), 3)
    assert sorted(run.ended.elements()) == list(range(CASES))


def test_what_is_lost_is_done_again() -> None:
    assert cluster.simulated(MANY, WORKERS, CASES, MEASURED, 3).counts["again"]


@pytest.mark.parametrize("costs", [NOTHING, MEASURED], ids=["no-costs", "costs"])
def test_no_run_is_shorter_than_its_lower_bounds(costs: Costs) -> None:
    run = cluster.simulated(SCENARIOS[0], WORKERS, CASES, costs, 3)
    assert run.now >= max(cluster.lower_bounds(run, CASES).values())


def test_more_workers_never_take_longer() -> None:
    seconds = [cluster.simulated(SCENARIOS[0], count, CASES, NOTHING, 3).now for count in (20, 40, 80, 160)]
    assert seconds == sorted(seconds, reverse=True)


def test_workers_have_the_slots_that_are_told() -> None:
    found = cluster.workers(100, SCENARIOS[0], random.Random(1))  # noqa: S311 - no secret
    assert sum(each.slots[COMPILE] for each in found) == 60 * 8 + 40 * 4
    assert {chip for each in found for chip in each.slots} == {COMPILE, *CHIPS}


def test_steps_of_equal_length_fill_all_slots() -> None:
    steps = [Step(label=COMPILE, seconds=1.0, size=0.0, case=number) for number in range(60)]
    pair = cluster.workers(2, SCENARIOS[0], random.Random(1))  # noqa: S311 - no secret; 8 slots each
    assert Simulation(pair, steps, NOTHING).run(60) == pytest.approx(4.0)
