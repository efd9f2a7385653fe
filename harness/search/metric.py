"""Reads an expression such as `dispatches > 40 or error_ratio >= 0.5`, and says whether it holds of a case (pure).

The names are those of the numbers in results.json: of the outputs the worst, of the modules all together.
"""

import ast
import itertools
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.core.errors import UsageError
from harness.core.outcomes import Kind, Measurement, Outcome

_COUNTS = ("mismatches", "nan")
_ERRORS = ("max_abs_error", "mean_abs_error", "max_rel_error", "error_ratio", *_COUNTS)
NAMES = (
    *(*_ERRORS, "cosine_similarity", "dispatches", "module_bytes"),
    *("compile_seconds", "compile_cpu_seconds", "run_seconds", "peak_memory_bytes"),
)
_LONGEST = 1000
_OPERATORS: Mapping[type, Callable[..., Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A condition on the numbers of a case; where it holds, the case counts as bad."""

    text: str

    @property
    def names(self) -> tuple[str, ...]:
        """The numbers that it speaks of."""
        return tuple(dict.fromkeys(each.id for each in ast.walk(_parsed(self.text)) if isinstance(each, ast.Name)))

    def holds(self, known: Mapping[str, float]) -> bool | None:
        """Whether it holds; None if a number that it needs is not known."""
        try:
            return bool(_value(_parsed(self.text), known))
        except (KeyError, ZeroDivisionError, OverflowError):
            return None


def parse(text: str) -> Metric:
    """Return the metric of an expression.

    Raises:
        UsageError: it is none, or has a name that is no number of a case.
    """
    expected = "expected a comparison such as 'dispatches > 40'"
    if len(text) > _LONGEST:
        raise UsageError(f"--metric has {len(text)} characters; expected at most {_LONGEST}.")
    try:
        node = _parsed(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"--metric {text!r} is no expression; {expected}.") from error
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and each.id not in NAMES:
            raise UsageError(f"--metric: {each.id} is no number of a case; there are {', '.join(NAMES)}.")
        if not _is_allowed(each):
            raise UsageError(f"--metric: {type(each).__name__} is not understood in {text!r}; {expected}.")
    if not _is_condition(node):
        raise UsageError(f"--metric {text!r} says nothing that holds or does not; {expected}.")
    return Metric(text=text.strip())


def numbers(outcome: Outcome) -> dict[str, float]:
    """Return the numbers of a case by their names, without those of which it has none."""
    outputs = [each for each in outcome.outputs if not each.ignored and each.type is not None]

    def known(name: str) -> list[float | None]:
        return [getattr(each, name) for each in outputs] if all(_tells(each, name) for each in outputs) else []

    modules = outcome.modules
    memory = [each.peak_memory_bytes for each in modules] + [outcome.peak_memory_bytes]
    found: dict[str, float | None] = {
        **{name: _worst(known(name)) for name in _ERRORS},
        "cosine_similarity": min((each for each in known("cosine_similarity") if each is not None), default=None),
        "dispatches": _sum(each.dispatches for each in modules),
        "module_bytes": _sum(each.bytes for each in modules),
        "compile_seconds": _sum(each.compile_seconds for each in modules),
        "compile_cpu_seconds": _sum(each.compile_cpu_seconds for each in modules),
        "run_seconds": outcome.seconds.get("run"),
        "peak_memory_bytes": _worst(memory),
    }
    return {name: number for name in NAMES if (number := found[name]) is not None}


def _tells(output: Measurement, name: str) -> bool:
    """Whether a number says how wrong an output is: errors are those of the elements that can be compared."""
    match output.kind:
        case None:
            return True
        case Kind.SHAPE:
            return False
        case Kind.NAN:
            return name in _COUNTS
        case _:
            return getattr(output, name) is not None


def _worst(found: Iterable[float | None]) -> float | None:
    return max((each for each in found if each is not None), default=None)


def _sum(found: Iterable[float | None]) -> float | None:
    every = [*found]
    known = [each for each in every if each is not None]
    return sum(known) if known and len(known) == len(every) else None


def _parsed(text: str) -> ast.expr:
    return ast.parse(text.strip(), mode="eval").body


def _is_condition(node: ast.expr) -> bool:
    is_not = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
    return is_not or isinstance(node, ast.Compare | ast.BoolOp)


def _is_allowed(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return type(node.value) in {int, float}
    plain = (ast.Name, ast.Load, ast.Compare, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.And, ast.Or)
    return isinstance(node, plain) or type(node) in _OPERATORS


def _value(node: ast.expr, known: Mapping[str, float]) -> Any:
    """Return what an expression comes to, in which only what is allowed can be."""
    match node:
        case ast.Name(id=name):
            return known[name]
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=sign, operand=operand):
            return _OPERATORS[type(sign)](_value(operand, known))
        case ast.BinOp(left=left, op=sign, right=right):
            return _OPERATORS[type(sign)](_value(left, known), _value(right, known))
        case ast.BoolOp(op=sign, values=values):
            return (all if isinstance(sign, ast.And) else any)(_value(each, known) for each in values)
        case ast.Compare(left=left, ops=signs, comparators=others):
            terms = [_value(each, known) for each in (left, *others)]
            pairs = zip(signs, itertools.pairwise(terms), strict=True)
            return all(_OPERATORS[type(sign)](*pair) for sign, pair in pairs)
    raise AssertionError(f"{ast.dump(node)}: `parse` lets nothing else in")
