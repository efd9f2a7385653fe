"""Turns what was looked at into an answer: of operations, dispatches and kernels."""

from collections.abc import Iterator

from harness.core.statuses import Kind
from harness.localize.by_dispatch import Traced
from harness.localize.by_kernel import ByKernel
from harness.localize.by_operation import Located
from harness.localize.result import UNUSED, Answer, ComparedKernel, Grown, NamedOperation
from harness.localize.subject import Subject

_NOTHING = "No part of the program fails as the whole does; several operations that are fused may do it together."
_WITHOUT = "Without arguments that nothing uses, it does not fail."
_FIRST = "It is the first dispatch whose operands agree on both sides and whose results do not."


def of_operations(subject: Subject, located: Located, *, dispatch: str | None = None) -> Answer:
    """Return the answer of a search by operations."""
    phase, kind = subject.failure or (None, Kind.NUMERIC)
    culprits = located.culprits
    return Answer(
        why=culprits[0].why if culprits else _WITHOUT if located.unused else _NOTHING,
        kind=kind,
        phase=phase,
        culprits=tuple(_named(subject, located, dispatch)),
        confirmed=all(each.is_confirmed for each in culprits) if culprits else bool(located.unused),
        error_growth=tuple(_growth(subject, located)),
    )


def _named(subject: Subject, located: Located, dispatch: str | None) -> Iterator[NamedOperation]:
    program = subject.program
    for number, culprit in enumerate(located.culprits):
        for index in culprit.operations:
            operation = program.operations[index]
            yield NamedOperation(
                operation=operation.name,
                index=operation.index,
                line=operation.line,
                location=operation.location,
                function=operation.function,
                dispatch=dispatch if number == 0 else None,
                together=number,
            )
    for number in located.unused:
        yield NamedOperation(operation=UNUSED, index=number, line=None, function=program.function)


def _growth(subject: Subject, located: Located) -> Iterator[Grown]:
    alone = located.look.alone
    blamed = {index for culprit in located.culprits for index in culprit.operations}
    for value, error in sorted(located.look.errors.items()):
        operation = subject.program.operations[value[0]]
        yield Grown(
            operation=operation.name,
            index=operation.index,
            line=operation.line,
            type=subject.program.type(value),
            relative=error.relative,
            ulp=error.ulp,
            alone=alone[value].relative if value in alone else None,
            blamed=value[0] in blamed,
        )


def of_dispatches(traced: Traced) -> Answer:
    """Return the answer of a search by dispatches."""
    growth = tuple(
        Grown(
            operation=each.name,
            index=each.index,
            line=None,
            type=each.type,
            relative=each.error,
            ulp=each.ulp,
            blamed=each == traced.culprit,
        )
        for each in traced.pairs
    )
    if traced.culprit is None:
        return Answer(why=traced.why, error_growth=growth)
    name = traced.culprit.name
    blamed = NamedOperation(operation=name, index=traced.culprit.index, line=None, dispatch=name)
    return Answer(why=_FIRST, kind=Kind.NUMERIC, culprits=(blamed,), error_growth=growth)


def of_kernels(found: ByKernel) -> Answer:
    """Return the answer of a search by kernels."""
    failure, order = found.failure, [(each.program, each.executable) for each in found.kernels]
    culprits = (
        NamedOperation(
            operation=each.kernel,
            index=order.index((each.program, each.executable)),
            line=None,
            dispatch=each.kernel,
        )
        for each in found.culprits
    )
    kernels = (
        ComparedKernel(
            program=each.program,
            executable=each.executable,
            kernel=each.kernel,
            guard=each.guard,
            differences=each.differences,
            blamed=each in found.culprits,
        )
        for each in found.kernels
    )
    return Answer(
        why=found.why,
        kind=failure.kind if failure else None,
        phase=failure.phase if failure else None,
        culprits=tuple(culprits),
        confirmed=found.is_confirmed,
        kernels=tuple(kernels),
    )
