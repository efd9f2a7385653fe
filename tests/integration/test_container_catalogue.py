"""The whole catalogue in a container, without network; small stand-ins replace the models."""

from collections.abc import Callable, Sequence

import pytest

from tests.integration.dock import Dock, Yard
from tests.integration.laboratory import Result
from tests.integration.range_server import RangeServer
from tests.integration.stand_ins.catalogue import CATALOGUE, catalogue, contents, host_of, mirror
from tests.integration.stand_ins.findings import (
    MODELS,
    OTHERWISE,
    modules,
    on_cpu,
    statuses,
    verdicts,
)

FOR_CHIP = ("--backend", "rocm", "--compile-chip", "gfx90a", "--compile-only")
Yards = Callable[[Dock], Yard]


@pytest.fixture
def yard_on(yards: Callable[..., Yard]) -> Yards:
    """Return a function that makes laboratories whose specs are the repository's."""

    def made(dock: Dock) -> Yard:
        yard = yards(dock)
        yard.specs = CATALOGUE
        return yard

    return made


def ran_all(yard: Yard, *arguments: str) -> Result:
    """Run all models in a container, and check that they ran there."""
    result = yard.run(*MODELS, *arguments)
    assert result.code == 0, result.text
    assert result.report["environment"]["engine"] == "container"
    assert yard.left() == []
    return result


def test_all_that_the_cpu_can_is_run_and_again_without_a_host(dock: Dock, yard_on: Yards) -> None:
    yard = yard_on(dock)
    with host_of(contents(catalogue())) as gone:
        first = ran_all(yard, *mirror(gone))
        statuses_of_first, verdicts_of_first = statuses(first), verdicts(first)
    assert statuses_of_first == on_cpu()
    again = ran_all(yard, "--offline", *mirror(gone))
    assert verdicts(again) == verdicts_of_first
    assert {module["cached"] for module in modules(again)} == {True}


def test_all_compile_for_a_chip_or_fail_as_their_specs_say(
    dock: Dock, yard_on: Yards, host: RangeServer, tuned: Sequence[str]
) -> None:
    found = statuses(ran_all(yard_on(dock), *FOR_CHIP, "--sku", "mi308", *tuned, *mirror(host)))
    assert len(found) == 14
    assert found == {case: "xfailed" if case in OTHERWISE else "compiled" for case in found}
