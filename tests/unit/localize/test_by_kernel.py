"""Which kernels are blamed, by rules in place of compilers and GPUs."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from harness.core.callbacks import ignore
from harness.core.outcomes import Outcome
from harness.core.statuses import Kind, Phase, Status
from harness.localize.by_kernel import ByKernel, KernelSearch
from harness.localize.code_objects import Launch
from harness.localize.exports import Export
from harness.localize.guard import Kernel
from harness.localize.laboratory import BAD
from harness.localize.transplant import Name, Transplants
from tests.unit.reports import outcome

NONE: Any = None
PASSED, WRONG, CRASHED = (Status.PASSED, None), (Status.FAILED, Kind.NUMERIC), (Status.FAILED, Kind.CRASH)
End = tuple[Status, Kind | None]
Rule = Callable[[int, Collection[int]], End]


def kernel(number: int, grid: str = "1 x 1 x 1") -> Kernel:
    name = f"f_dispatch_{number}"
    export = Export(executable=name, kernel=f"{name}_add", file="", grid=grid)
    return Kernel(export=export, launch=Launch(name=name, workgroup_size=(64,), arguments=(), argument_bytes=0))


@dataclass(kw_only=True)
class Ruled(Transplants):
    """Kernels of a program, and how the case ends on a side with some of them of the other side."""

    rule: Rule
    sides: Sequence[Sequence[Kernel]]
    is_run: bool = True
    tried: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)

    def kernels(self, side: int) -> Mapping[str, Sequence[Kernel]]:
        """Return the kernels of a side."""
        return {"model": self.sides[side]}

    def end(self, side: int, names: Collection[Name]) -> Outcome:
        """Return what the rule says."""
        numbers = tuple(int(executable.rpartition("_")[2]) for _, executable in names)
        self.tried.append((side, numbers))
        status, kind = self.rule(side, numbers)
        phase = Phase.COMPARE if kind is Kind.NUMERIC else Phase.RUN
        return outcome(status=status, kind=kind, phase=phase, reason="why")

    @property
    def blocked(self) -> str:
        """Why nothing can be run."""
        return "" if self.is_run else "no GPU"


def searched(rule: Rule, count: int = 16, good: Sequence[Kernel] = (), **fields: Any) -> tuple[ByKernel, Ruled]:
    own = [kernel(number) for number in range(count)]
    ruled = Ruled(laboratory=NONE, rule=rule, sides=(own, good or own), **fields)
    return KernelSearch(transplants=ruled, labels=("3.13.0", "3.9.0"), notice=ignore).found(), ruled


def guilty(*numbers: int) -> Rule:
    """Return the rule of a case with guilty kernels on the bad side."""

    def rule(side: int, names: Collection[int]) -> End:
        left = {*numbers} - {*names} if side == BAD else {*numbers} & {*names}
        return WRONG if left else PASSED

    return rule


@pytest.mark.parametrize("numbers", [(0,), (15,), (7,), (3, 12), (0, 7, 8)])
def test_the_guilty_kernels_are_named_and_proved(numbers: tuple[int, ...]) -> None:
    found, ruled = searched(guilty(*numbers))
    assert [each.executable for each in found.culprits] == [f"f_dispatch_{each}" for each in numbers]
    assert found.is_confirmed
    assert found.why.endswith("3.9.0 fails in the same way.")
    assert len(ruled.tried) <= 3 + 16 * len(numbers)


def test_a_proof_in_one_direction_is_said_to_be_one() -> None:
    found, _ = searched(lambda side, names: PASSED if side != BAD or 3 in names else WRONG)
    assert [each.executable for each in found.culprits] == ["f_dispatch_3"]
    assert not found.is_confirmed
    assert "but with that of 3.13.0, 3.9.0 does not fail in the same way" in found.why


def test_kernels_are_innocent_if_all_of_the_good_side_do_not_help() -> None:
    good = [*(kernel(number) for number in range(15)), kernel(15, grid="2 x 1 x 1")]
    found, ruled = searched(lambda side, _: WRONG if side == BAD else PASSED, good=good)
    assert found.culprits == ()
    assert "15 kernels of 3.9.0 in its module, so these are not the cause" in found.why
    assert "1 kernel that could not be transplanted" in found.why
    assert len(ruled.tried) == 3


def test_a_crash_of_a_transplant_is_no_verdict() -> None:
    def rule(side: int, names: Collection[int]) -> End:
        return CRASHED if 2 in names else guilty(9)(side, names)

    found, _ = searched(rule)
    assert [each.executable for each in found.culprits] == ["f_dispatch_9"]
    found, _ = searched(lambda side, names: CRASHED if names else guilty(9)(side, names))
    assert found.culprits == ()
    assert "which shows nothing" in found.why


def test_a_case_that_crashes_is_mended_but_a_crash_proves_nothing() -> None:
    def rule(side: int, names: Collection[int]) -> End:
        return PASSED if guilty(4)(side, names) == PASSED else CRASHED

    found, _ = searched(rule)
    assert [each.executable for each in found.culprits] == ["f_dispatch_4"]
    assert not found.is_confirmed


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (lambda *_: WRONG, "On the good side, with one executable for each kernel, it fails: why"),
        (lambda *_: PASSED, "the bad side does not fail"),
        (lambda *_: (Status.RAN, None), "The case needs expected outputs."),
        (lambda *_: (Status.ERROR, Kind.DEVICE), "16 kernels can be transplanted. To try them"),
    ],
)
def test_what_stands_in_the_way_is_said(rule: Rule, why: str) -> None:
    found, _ = searched(rule)
    assert why in found.why
    assert found.culprits == ()


@pytest.mark.parametrize(
    ("count", "good", "why"),
    [
        (0, [], "The program has no kernels."),
        (2, [kernel(7)], "The releases split the program into different kernels."),
        (1, [kernel(0, grid="2 x 1 x 1")], "No kernel of one side can run in the module of the other."),
    ],
)
def test_without_kernels_to_transplant_nothing_is_tried(count: int, good: Sequence[Kernel], why: str) -> None:
    found, ruled = searched(guilty(0), count, good)
    assert found.why.startswith(why) or not count
    assert len(ruled.tried) == 2
    found, ruled = searched(guilty(0), count, good, is_run=False)
    assert "No kernel can be transplanted, and nothing was run: no GPU" in found.why
    assert ruled.tried == []
