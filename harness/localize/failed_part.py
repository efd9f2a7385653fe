"""Reads from what the compiler writes about a failure which part of the program it is about (no I/O).

The log names the pass and what it worked on, as in

    note: Pipeline failed while executing `SomePass` on 'func.func' operation: @f_dispatch_0: reproducer ...

and the reproducer has that function, with the place in the program from which each of its operations came.
"""

import re
from collections.abc import Iterator, Mapping

from harness.core.values import frozen

_FAILED = re.compile(r"Pipeline failed while executing \[?`([^`]*)` on '([^']*)' operation(?:: @([\w.$-]+))?")
_ALIAS = re.compile(r"^(#loc\w*) = loc\((.*)\)$", re.MULTILINE)
_PLACE = re.compile(r"loc\((?=[#\"cf])")
_REFERENCE = re.compile(r"#loc\w*")
_CALL = re.compile(r"callsite\((.*) at ")
_WHERE = r'"(?:[^"]*/)?{}":(\d+):\d+'


@frozen
class FailedPart:
    """What a pass failed on.

    Attributes:
        by: the pass, such as `LLVMCPUVerifyVectorSizeLegalityPass`.
        kind: what it worked on, such as `func.func`.
        name: its name; empty if it has none.
    """

    by: str
    kind: str
    name: str


def of_log(log: str) -> FailedPart | None:
    """Return what the compiler says that failed; None if it says nothing of it."""
    found = _FAILED.search(log)
    return FailedPart(by=found[1], kind=found[2], name=found[3] or "") if found else None


def lines_of_errors(log: str, program: str) -> frozenset[int]:
    """Return the lines of a program that errors are about."""
    return frozenset(int(line) for line in re.findall(rf"{re.escape(program)}:(\d+):\d+: error: ", log) if int(line))


def lines_of_part(text: str, part: FailedPart, program: str) -> frozenset[int]:
    """Return the lines of a program from which a part of a reproducer came; none if the part is not found.

    Args:
        text: the reproducer, with places.
        part: the part.
        program: the file name of the program.
    """
    bodies = list(_bodies(text, part))
    if len(bodies) != 1:
        return frozenset()
    aliases = dict(_ALIAS.findall(text))
    where = re.compile(_WHERE.format(re.escape(program)))
    found = set[int]()
    for place in _places(bodies[0]):
        found |= set(_resolved(place, aliases, where))
    return frozenset(found)


def _bodies(text: str, part: FailedPart) -> Iterator[str]:
    """Yield the text of each operation of that kind and name: up to the brace in its column."""
    if not part.name:
        return
    head = rf"^( *){re.escape(part.kind)} [^\n]*@{re.escape(part.name)}(?![\w.$-])[^\n]*\{{[^\n]*\n"
    for found in re.finditer(head, text, re.MULTILINE):
        end = re.compile(rf"^{found[1]}\}}[^\n]*", re.MULTILINE).search(text, found.end())
        yield text[found.end() : end.end() if end else len(text)]


def _places(body: str) -> Iterator[str]:
    """Yield what is between the parentheses of each place."""
    for found in _PLACE.finditer(body):
        depth = 1
        for end in range(found.end(), len(body)):
            depth += (body[end] == "(") - (body[end] == ")")
            if not depth:
                yield body[found.end() : end]
                break


def _resolved(place: str, aliases: Mapping[str, str], where: re.Pattern[str]) -> Iterator[int]:
    """Yield the lines that a place is about; of an operation that was inlined, that in the function it comes from."""
    waiting, seen = [place], set[str]()
    while waiting:
        each = waiting.pop()
        if call := _CALL.match(each):
            each = call[1]
        yield from map(int, where.findall(each))
        new = set(_REFERENCE.findall(each)) - seen
        seen |= new
        waiting += [aliases[name] for name in new if name in aliases]
