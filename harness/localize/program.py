"""A program as the operations of one function, and the parts of it that can be cut out (no I/O).

A value is `(operation, result)`: the index of its operation in the block of the function, from 0, and the number of the
result; `(ARGUMENT, number)` is an argument of the function.
"""

import functools
import re
from collections.abc import Collection, Iterable, Iterator
from collections.abc import Set as AbstractSet

from harness.core.tensors import TensorType
from harness.core.values import frozen

ARGUMENT = -1
# Of what a cut keeps with its uses, those that have numbers, in a program or outside it.
_STORED = re.compile(r".*\.(?:constant|const|literal|global[._]load.*)")
Value = tuple[int, int]
_TORCH = re.compile(r"!torch\.vtensor<\[([^\]]*)\],([su]?)(\w+|complex<f\d+>)>")
_BUILTIN = re.compile(r"tensor<(.*)>")


@frozen
class Operation:
    """An operation of the function.

    Attributes:
        name: such as `linalg.matmul`; that of the framework where the importer kept it, such as `onnx.Gemm`.
        line: its line in the program, from 1; None if the program says where it was in another file.
        location: where it was in another file; empty for none.
        function: the function of the program that it is in, which may be inlined.
        index: its position in the block of that function, from 0.
        operands: the values of the function that it uses, those in its regions among them.
        types: the types of its results, as MLIR writes them.
        crosses: which of them can be arguments or results of a function.
        is_free: whether it computes nothing from tensors, as a constant does; a cut keeps it with what uses its value.
        callee: the function that it calls; empty if it calls none.
    """

    name: str
    line: int | None
    location: str
    function: str
    index: int
    operands: tuple[Value, ...]
    types: tuple[str, ...]
    crosses: tuple[bool, ...]
    is_free: bool
    callee: str

    @property
    def is_stored(self) -> bool:
        """Whether its value is a constant or a weight."""
        return self.is_free and bool(_STORED.fullmatch(self.name))


@frozen
class Cut:
    """A part of a function, as a function: it returns values, and needs all that they are computed from.

    Attributes:
        returns: the values that it returns.
        boundary: the values that are arguments of it wherever they are used, and not computed.
        keeps: the arguments of the function, by number, that it has though nothing uses them.
    """

    returns: tuple[Value, ...]
    boundary: frozenset[Value] = frozenset()
    keeps: frozenset[int] = frozenset()


@frozen(slots=False)
class Program:
    """The operations of a function.

    Attributes:
        function: its name.
        blocks: the number of its blocks; only a function of one block can be cut.
        arguments: the types of its arguments.
        returns: the values that it returns.
        operations: its operations, without the return.
        functions: the names of all functions of the program.
    """

    function: str
    blocks: int
    arguments: tuple[str, ...]
    returns: tuple[Value, ...]
    operations: tuple[Operation, ...]
    functions: tuple[str, ...]

    @functools.cached_property
    def taps(self) -> tuple[Value, ...]:
        """The values that can be returned, that something computes, and that the function needs, in order."""
        needed = self.ancestors(self.returns)
        return tuple(
            (index, number)
            for index, each in enumerate(self.operations)
            if index in needed and not each.is_free
            for number, crosses in enumerate(each.crosses)
            if crosses
        )

    @property
    def results(self) -> tuple[Value, ...]:
        """The returned values that something computes."""
        tapped = frozenset(self.taps)
        return tuple(dict.fromkeys(each for each in self.returns if each in tapped))

    def type(self, value: Value) -> str:
        """Return the type of a value, as MLIR writes it."""
        index, number = value
        return self.arguments[number] if index == ARGUMENT else self.operations[index].types[number]

    def element(self, value: Value) -> str:
        """Return the element type of a tensor, such as `f32`."""
        return element(self.type(value))

    def size_bytes(self, value: Value) -> int:
        """Return the size of a tensor, with 1 for each dimension that is dynamic."""
        text = self.type(value)
        if found := _TORCH.fullmatch(text):
            text = "x".join([*filter(None, found[1].split(",")), found[3]])
        elif found := _BUILTIN.fullmatch(text):
            text = found[1]
        try:
            return TensorType.parse(text.replace("?", "1").replace("x_", "x")).size_bytes
        except ValueError:
            return 0

    def tapped_operands(self, index: int) -> tuple[Value, ...]:
        """Return the tapped values that an operation is computed from, through operations that are not tapped."""
        tapped, found, seen = frozenset(self.taps), dict[Value, None](), set[int]()
        waiting = [index]
        while waiting:
            for operand in self.operations[waiting.pop()].operands:
                if operand in tapped:
                    found[operand] = None
                elif operand[0] != ARGUMENT and operand[0] not in seen:
                    seen.add(operand[0])
                    waiting.append(operand[0])
        return tuple(sorted(found))

    def ancestors(self, values: Iterable[Value]) -> AbstractSet[int]:
        """Return the operations that values are computed from, their own among them."""
        found, waiting = set[int](), [index for index, _ in values]
        while waiting:
            index = waiting.pop()
            if index != ARGUMENT and index not in found:
                found.add(index)
                waiting += [each for each, _ in self.operations[index].operands]
        return found

    def frontier(self, last: int, cone: Collection[int]) -> tuple[Value, ...]:
        """Return the tapped values up to an operation that the later operations of a cone, or the caller, use."""
        later = {each for index in cone if index > last for each in self.operations[index].operands}
        used = later | set(self.results)
        return tuple(each for each in self.taps if each[0] <= last and each[0] in cone and each in used)


def element(text: str) -> str:
    """Return the element type of a tensor type as MLIR writes it, such as `f32`; integers without their sign."""
    if found := _TORCH.fullmatch(text):
        return found[3]
    inner = text.partition("<")[2].removesuffix(">")
    return re.sub(r"^(?:[\d?]+x)*", "", inner).partition(",")[0].lstrip("su")


def groups(
    program: Program, values: Iterable[Value], limit_bytes: int, most: int | None = None
) -> Iterator[tuple[Value, ...]]:
    """Yield values in groups whose tensors have at most so many bytes together, and that are at most so many."""
    group, size = list[Value](), 0
    for each in values:
        own = program.size_bytes(each)
        if group and (size + own > limit_bytes or len(group) == most):
            yield tuple(group)
            group, size = [], 0
        group.append(each)
        size += own
    if group:
        yield tuple(group)
