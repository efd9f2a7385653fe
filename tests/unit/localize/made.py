"""Programs for tests, and a subject that fails by a rule in place of compilers."""

import random
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.core.statuses import Kind, Phase
from harness.localize.difference import Difference
from harness.localize.laboratory import Trial
from harness.localize.program import ARGUMENT, Cut, Operation, Program, Value
from harness.localize.subject import Mark, Shown, Subject

F32 = "tensor<4xf32>"
NONE: Any = None
EMPTY = Trial(outcome=NONE, ran=None, out_dir=NONE)


def operation(*operands: Value, name: str = "arith.addf", type_: str = F32, **fields: Any) -> Operation:
    """Return an operation with one result."""
    known: dict[str, Any] = {
        "line": 1,
        "location": "",
        "function": "f",
        "index": 0,
        "crosses": (True,),
        "is_free": False,
        "callee": "",
        **fields,
    }
    return Operation(name=name, operands=operands, types=(type_,), **known)


def program(operations: Sequence[Operation], returns: Sequence[Value] | None = None) -> Program:
    """Return a program with one argument, which returns its last value by default."""
    return Program(
        function="f",
        blocks=1,
        arguments=(F32,),
        returns=tuple(returns or [(len(operations) - 1, 0)]),
        operations=tuple(operations),
        functions=("f",),
    )


def drawn(seed: int, size: int) -> Program:
    """Return a random program: each operation has one or two operands, near ones more often; all lead to the end."""
    random_ = random.Random(seed)  # noqa: S311 - for tests
    operations = []
    for index in range(size):
        before = [(each, 0) for each in range(max(0, index - 6), index)] or [(ARGUMENT, 0)]
        chosen = dict.fromkeys([*before[-1:], *random_.sample(before, min(len(before), random_.randint(0, 1)))])
        is_free = random_.random() < 0.1 and index < size - 1
        operations.append(operation(*chosen, is_free=is_free))
    return program(operations)


Rule = Callable[[Collection[int], Cut], Iterable[int]]


@dataclass(kw_only=True)
class RuledSubject(Subject):
    """A subject whose cuts fail by a rule: which of the operations that are computed go wrong, given a cut.

    An error goes on to all values that are computed from it.
    """

    rule: Rule
    tried: list[Cut] = field(default_factory=list)

    def shown(self, cut: Cut) -> Shown:
        """Return what the rule says."""
        self.tried.append(cut)
        computed = self._computed(cut)
        wrong = {value for value in self._wrong(computed, cut) if value in cut.returns}
        if self.failure:
            fails = bool(set(self.rule(computed, cut)))
            return Shown(mark=Mark.FAILS if fails else Mark.AGREES)
        errors = {each: Difference(relative=0.1 if each in wrong else 1e-8) for each in cut.returns}
        return Shown(mark=Mark.FAILS if wrong else Mark.AGREES, differences=errors, trials=(EMPTY, EMPTY))

    def keep(self, *_: object) -> bool:
        """Know all values."""
        return True

    def learn_values(self, *_: object) -> bool:
        """Know all values."""
        return True

    def _computed(self, cut: Cut) -> set[int]:
        """Return the operations that a cut computes."""
        found, waiting = set[int](), [index for index, _ in cut.returns]
        while waiting:
            index = waiting.pop()
            if index == ARGUMENT or index in found:
                continue
            found.add(index)
            waiting += [each[0] for each in self.program.operations[index].operands if each not in cut.boundary]
        return found

    def _wrong(self, computed: Collection[int], cut: Cut) -> set[Value]:
        wrong = {(index, 0) for index in self.rule(computed, cut)}
        for index in sorted(computed):
            operands = self.program.operations[index].operands
            if any(each in wrong and each not in cut.boundary for each in operands):
                wrong.add((index, 0))
        return wrong


def subject(program_: Program, rule: Rule, failure: tuple[Phase, Kind] | None = None) -> RuledSubject:
    """Return a subject that fails by a rule."""
    return RuledSubject(
        laboratory=NONE, editors=(), program=program_, inputs=(), matched={}, failure=failure, rule=rule
    )
