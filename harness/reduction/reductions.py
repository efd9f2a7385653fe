"""Makes smaller programs of a program: each reduction yields candidates, the smallest first (no I/O).

None of them has to be valid: an attempt finds out.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from harness.core.tensors import TensorType
from harness.localize.program import ARGUMENT, Cut, Program, Value, element
from harness.reduction import candidate
from harness.reduction.candidate import Candidate, Given, Values

_Item = TypeVar("_Item")
# What stands before the element type of a tensor, and the sizes of one of torch-mlir.
_SHAPED = re.compile(r"(?<=<)(?:(?:\d+|\?)x)+(?=[a-z!])|(?<=vtensor<\[)[\d,?]+(?=\])")
_SIZE = re.compile(r"\d+")
_NUMBER = re.compile(r"(?<![\w.%#@\"$-])\d+(?![\w.\"])")
# What has numbers that are no sizes, such as constants and maps; but arrays and properties may have those of slices.
_BRACKETS = re.compile(r"(<(?!i\d+: |\{)(?:->|[^<>])*>)")
_SMALL = (1, 2, 4, 8)
_DENSE = re.compile(
    r'(?:dense<(?:"0x[0-9A-Fa-f]*"|\[[^>]*\])>|dense_resource<[^>]*>|#(?:flow|stream)\.parameter\.named<[^>]*>)'
    r"(?=(?: : |)(tensor<[^>]*(?:<[^>]*>)?>|vector<[^>]*>|!torch\.vtensor<[^>]*>))"
)
_LOOP = re.compile(r"scf\.for %[\w#]+ = %[\w#]+ to (%[\w#]+) step|\"scf\.for\"\(%[\w#]+, (%[\w#]+), ")
_DICTIONARY = re.compile(r'(?: attributes)? \{(?=\s*"?[A-Za-z_][\w.$]*"?\s*[=,}])')
_SEED, _MOST_CHUNKS, _MOST_PREFIXES = 7, 64, 12


def cuts(program: Program) -> Iterator[Cut]:
    """Yield the cuts of a program: one result, a part up to a value, a part after some.

    Arguments that nothing uses are left out, but for a program that does not fail without them: first all, then fewer.
    """
    everything = frozenset(range(len(program.arguments)))
    for kept in (frozenset[int](), everything):
        for returns in _returns(program):
            yield Cut(returns=returns, keeps=kept)
    for part in chunks(sorted(everything - _used(program))):
        yield Cut(returns=program.returns, keeps=everything - frozenset(part))
    for boundary in _boundaries(program):
        if returns := tuple(each for each in program.returns if each not in boundary):
            yield Cut(returns=returns, boundary=boundary)


def _used(program: Program) -> frozenset[int]:
    """Return the arguments that something uses, by number."""
    values = (*(value for each in program.operations for value in each.operands), *program.returns)
    return frozenset(number for index, number in values if index == ARGUMENT)


def _returns(program: Program) -> Iterator[tuple[Value, ...]]:
    """Yield values to return: the fewest operations first."""
    found = {(each,) for each in dict.fromkeys(program.returns)} if len(program.returns) > 1 else set()
    step = max(1, len(program.taps) // _MOST_PREFIXES)
    found |= {(each,) for each in program.taps[step - 1 :: step] if (each,) != program.returns}
    yield from sorted(found, key=lambda each: (len(program.ancestors(each)), each))
    yield program.returns


def _boundaries(program: Program) -> Iterator[frozenset[Value]]:
    """Yield values to be given: of all operations of the first half and less, then of each single one."""
    steps = sorted({index for index, _ in program.taps})
    size = len(steps) // 2
    while size > 1:
        yield frozenset(each for each in program.taps if each[0] <= steps[size - 1])
        size //= 2
    for index in steps:
        yield frozenset(each for each in program.taps if each[0] == index)


def constants(given: Candidate) -> Iterator[Candidate]:
    """Yield programs in which large constants and parameters have one number everywhere."""
    found = list(_DENSE.finditer(given.text))
    for part in chunks(found):
        for number in (1, 0):
            edits = [(each.start(), each.end(), f"dense<{_written(number, element(each[1]))}>") for each in part]
            yield replace(given, text=edited(given.text, edits))


def _written(number: int, element_: str) -> str:
    """Return a number as MLIR writes those of an element type."""
    if element_ == "i1":
        return "true" if number else "false"
    if element_.startswith("complex"):
        return f"({number}.0, 0.0)"
    return str(number) if element_.startswith(("i", "s", "u")) else f"{number}.0"


def sizes(given: Candidate) -> Iterator[Candidate]:
    """Yield programs with smaller tensors: a size is replaced wherever it is one, and then wherever the number is.

    Sizes that differ go on to differ, unless they are 1, so that each of them can be reduced on its own.
    """
    known = {int(each) for shape in _SHAPED.findall(given.text) for each in _SIZE.findall(shape)}
    known |= {size for each in given.inputs if (type_ := candidate.type_of(each)) for size in type_.shape}
    for small in _SMALL:
        larger = {size: small + place for place, size in enumerate(sorted(known - set(range(small + 1))))}
        if len(larger) > 1:
            yield from _resized(given, {size: new for size, new in larger.items() if new < size})
    for size in sorted(known, reverse=True):
        targets = (*(each for each in _SMALL if each < size), *(size // part for part in (16, 4, 2)), size - size // 4)
        for small in sorted({each for each in targets if 0 < each < size} - (known - {1})):
            yield from _resized(given, {size: small})


def _resized(given: Candidate, smaller: dict[int, int]) -> Iterator[Candidate]:
    inputs = list[Given]()
    for each in given.inputs:
        type_ = candidate.type_of(each)
        shape = tuple(smaller.get(size, size) for size in type_.shape) if type_ else ()
        if (cut := candidate.resized(each, shape)) is None:
            return
        inputs.append(cut)

    def changed(found: re.Match[str]) -> str:
        return str(smaller.get(int(found[0]), int(found[0])))

    text = _SHAPED.sub(lambda shape: _SIZE.sub(changed, shape[0]), given.text)
    yield Candidate(text=text, inputs=tuple(inputs))
    parts = enumerate(_BRACKETS.split(text))
    everywhere = "".join(part if number % 2 else _NUMBER.sub(changed, part) for number, part in parts)
    yield Candidate(text=everywhere, inputs=tuple(inputs))


def inputs(given: Candidate) -> Iterator[Candidate]:
    """Yield programs whose inputs are simpler: all of one number, or small whole numbers."""
    for part in chunks([number for number, each in enumerate(given.inputs) if _is_odd(each)]):
        for make in _SIMPLE:
            simple = list(given.inputs)
            for number in part:
                type_ = candidate.type_of(simple[number])
                simple[number] = (make(type_) if type_ else None) or simple[number]
            yield replace(given, inputs=tuple(simple))


_SIMPLE: Sequence[Callable[[TensorType], Given | None]] = (
    lambda type_: candidate.splat(type_, 1),
    lambda type_: candidate.splat(type_, 0),
    lambda type_: candidate.drawn(type_, _SEED),
)


def _is_odd(given: Given) -> bool:
    """Whether an input is not of one number."""
    return isinstance(given, Values) or (given.is_tensor and " " in given.text.partition("=")[2].strip())


def loops(given: Candidate) -> Iterator[Candidate]:
    """Yield programs with shorter loops, as far as their upper bounds are constants."""
    bounds = dict.fromkeys(one or other for one, other in _LOOP.findall(given.text))
    for name in bounds:
        constant = re.compile(
            rf'({re.escape(name)} = (?:arith\.constant |"arith\.constant"\(\) <?\{{value = ))(\d+)(?= : )'
        )
        for found in constant.finditer(given.text):
            count = int(found[2])
            for fewer in sorted({each for each in (1, 2, count // 4, count // 2, count - 1) if 0 < each < count}):
                yield replace(given, text=edited(given.text, [(found.start(2), found.end(2), str(fewer))]))


def attributes(given: Candidate) -> Iterator[Candidate]:
    """Yield programs without attributes: of modules, functions, arguments and operations."""
    spans = [
        (found.start(), end, "")
        for found in _DICTIONARY.finditer(given.text)
        if (end := _end(given.text, found.end() - 1))
    ]
    outer = [each for number, each in enumerate(spans) if number == 0 or each[0] >= spans[number - 1][1]]
    for part in chunks(outer[:_MOST_CHUNKS]):
        yield replace(given, text=edited(given.text, part))


def _end(text: str, start: int) -> int:
    """Return where the braces end that begin somewhere; 0 if they do not."""
    depth, is_quoted = 0, False
    for place in range(start, len(text)):
        each = text[place]
        if each == '"' and text[place - 1] != "\\":
            is_quoted = not is_quoted
        elif not is_quoted:
            depth += (each == "{") - (each == "}")
            if not depth:
                return place + 1
    return 0


# In this order: what leaves out most comes first.
REDUCTIONS: Sequence[Callable[[Candidate], Iterator[Candidate]]] = (constants, sizes, loops, inputs, attributes)


def chunks(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """Yield all items, then half of them, and so on down to each one alone."""
    size = len(items)
    while size:
        yield from (items[place : place + size] for place in range(0, len(items), size))
        size = -(-size // 2) if size > 1 else 0


def edited(text: str, edits: Sequence[tuple[int, int, str]]) -> str:
    """Return a text in which some parts, which do not overlap, are replaced."""
    parts, done = [], 0
    for start, end, new in sorted(edits):
        parts += [text[done:start], new]
        done = end
    return "".join([*parts, text[done:]])
