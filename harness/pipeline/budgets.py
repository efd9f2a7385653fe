"""Compares what a case took with its budget; no I/O.

A number is compared as soon as the steps that it is of have ended well. One that they do not tell counts as exceeded: a
budget that nothing can be compared with would otherwise hold for ever.
"""

from collections.abc import Iterable, Iterator, Sequence

from harness.core.budgets import Limit, Quantity, Statistic
from harness.core.cases import Case
from harness.core.floats import Number
from harness.core.measurements import BudgetCheck
from harness.core.statuses import Kind, Phase, Status, Verdict
from harness.core.text import listed, number
from harness.core.timings import Latency, Timing
from harness.pipeline.step_results import BenchmarkResult, CompileResult, RunResult, StepResult
from harness.pipeline.steps import Compile, Plan

_PHASES = {Quantity.PEAK_BYTES: Phase.RUN, Quantity.LATENCY_MS: Phase.BENCHMARK}  # all others are of the compilation
_TEN = 10


def timing(case: Case) -> Timing | None:
    """Return how the function of a case is timed for its budget; None if it has none for a latency."""
    limit = case.limits.get(Quantity.LATENCY_MS)
    return limit.timing if limit else None


def measures_compiler(case: Case) -> bool:
    """Whether a case has a budget for what its compilations take."""
    return Quantity.COMPILE_SECONDS in case.limits


def remarks(case: Case) -> Iterator[str]:
    """Yield a remark if quantities have a budget, and none for this target."""
    missing = {quantity: limits for quantity, limits in case.spec.budget.items() if quantity not in case.limits}
    if missing:
        having = ", ".join(f"{quantity} ({listed(sorted(limits))})" for quantity, limits in missing.items())
        yield f"no budget for {case.target.names[0]}; there are budgets of {having}"


def checks(plan: Plan, left: Sequence[StepResult]) -> tuple[BudgetCheck, ...]:
    """Return the numbers of a case that have a budget, in the order of `Quantity`; `left` is what its steps left."""
    if not (limits := plan.case.limits):
        return ()
    found = _numbers(plan, left)
    return tuple(_check(each, found[each], limits[each]) for each in Quantity if each in found and each in limits)


def _numbers(plan: Plan, left: Sequence[StepResult]) -> dict[Quantity, float | None]:
    """Return the numbers of the steps that have ended well; None for one that is not known."""
    numbers: dict[Quantity, float | None] = {}
    of_latency = plan.case.limits.get(Quantity.LATENCY_MS)
    modules = [each.module for each in left if isinstance(each, CompileResult)]
    if modules and len(modules) == sum(isinstance(step, Compile) for step in plan.steps):
        numbers[Quantity.DISPATCHES] = _sum(each.dispatches for each in modules)
        numbers[Quantity.MODULE_BYTES] = _sum(each.bytes for each in modules)
        numbers[Quantity.COMPILE_SECONDS] = _sum(each.compile_seconds for each in modules)
    for each in left:
        match each:
            case RunResult(verdict=None):
                numbers[Quantity.PEAK_BYTES] = each.process.peak_memory_bytes
            case BenchmarkResult() if of_latency:
                numbers[Quantity.LATENCY_MS] = _statistic(each.latency, of_latency.statistic)
    return numbers


def _statistic(latency: Latency, statistic: Statistic) -> float:
    match statistic:
        case Statistic.MIN:
            return latency.minimum_ms
        case Statistic.MEDIAN:
            return latency.median_ms
        case Statistic.MEAN:
            return latency.mean_ms


def _sum(found: Iterable[Number | None]) -> float | None:
    every = [*found]
    known = [each for each in every if each is not None]
    return sum(known) if len(known) == len(every) else None


def _check(quantity: Quantity, value: float | None, limit: Limit) -> BudgetCheck:
    is_within = value is not None and value <= limit.most
    statistic = limit.statistic if quantity is Quantity.LATENCY_MS else None
    return BudgetCheck(name=quantity, value=value, limit=limit.most, statistic=statistic, exceeded=not is_within)


def verdict(found: Iterable[BudgetCheck]) -> Verdict | None:
    """Return the verdict for a case of which all else is good; None if no budget is exceeded."""
    exceeded = [each for each in found if each.exceeded]
    if not exceeded:
        return None
    return Verdict(status=Status.FAILED, kind=Kind.BUDGET, reason="; ".join(map(_excess, exceeded)))


def phase(found: Iterable[BudgetCheck]) -> Phase:
    """Return the phase from which the first number is that exceeds its budget."""
    return next(_PHASES.get(Quantity(each.name), Phase.COMPILE) for each in found if each.exceeded)


def _excess(check: BudgetCheck) -> str:
    """Return `dispatches: 42, budget 40 (5% more)`."""
    name = f"{check.name} ({check.statistic})" if check.statistic else check.name
    if check.value is None:
        return f"{name}: unknown, budget {number(check.limit)}"
    return f"{name}: {number(check.value)}, budget {number(check.limit)} ({_more(check.value, check.limit)} more)"


def _more(value: float, limit: float) -> str:
    """Return the excess in percent, or as a number where there is nothing that it could be a part of."""
    if limit <= 0:
        return number(value - limit)
    percent = 100 * (value / limit - 1)
    return f"{percent:.0f}%" if percent >= _TEN else f"{percent:.2g}%"
