"""What the scheduler knows of a step: which cases want it, which steps it needs, and how many of these are not done."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.core.history import Cost
from harness.pipeline.steps import Plan, Step

UNKNOWN = Cost()


@dataclass(slots=True, kw_only=True, eq=False)
class OpenCase:
    """A case that is not decided.

    Attributes:
        number: its position among the plans.
        plan: its plan.
        id: its id.
        cost: what it took before.
        nodes: its steps, in the order of the plan.
        left: how many of them are not done.
    """

    number: int
    plan: Plan
    id: str
    cost: Cost = UNKNOWN
    nodes: list["Node"] = field(default_factory=list)
    left: int = 0


@dataclass(slots=True, kw_only=True, eq=False)
class Node:
    """A step that cases need, and what that step needs.

    Attributes:
        step: the step.
        needs: the steps that have to be done before.
        users: the undecided cases that need it, by their numbers.
        missing: how many of these are not done.
        needed_by: the steps that wait for it, in order.
        rank: of the steps that are ready, that with the highest rank is started first.
        has_begun: whether the executor has, or had it.
        is_done: whether it has a result.
    """

    step: Step
    needs: Sequence["Node"]
    users: dict[int, OpenCase] = field(default_factory=dict)
    missing: int = 0
    needed_by: dict["Node", None] = field(default_factory=dict)
    rank: float = 0.0
    has_begun: bool = False
    is_done: bool = False

    @property
    def is_ready(self) -> bool:
        """Whether it is wanted, can begin and did not."""
        return not self.has_begun and not self.missing and bool(self.users)
