"""Evaluates a condition such as `dispatches > 40 or error_ratio >= 0.5` on the numbers of a case; no I/O."""

import ast
import itertools
import operator
from collections.abc import Callable, Mapping
from typing import Any

from harness.core.errors import UsageError
from harness.core.values import frozen
from harness.search.case_numbers import NAMES

_LONGEST = 1000
_EXPECTED = "expected a comparison such as 'dispatches > 40'"
_OPERATORS: Mapping[type, Callable[..., float]] = {
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
    ast.And: all,
    ast.Or: any,
}

Numbers = Mapping[str, float]


@frozen
class Metric:
    """A condition on the numbers of a case; a case for which it holds counts as bad.

    Attributes:
        text: the condition, which `parse` has accepted.
    """

    text: str

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the condition."""
        return tuple(dict.fromkeys(each.id for each in ast.walk(_parsed(self.text)) if isinstance(each, ast.Name)))

    def holds(self, numbers: Numbers) -> bool | None:
        """Return whether the condition holds; None if a number that it needs is missing."""
        try:
            return bool(_value(_parsed(self.text), numbers))
        except (KeyError, ZeroDivisionError, OverflowError):
            return None


def parse(text: str) -> Metric:
    """Return the metric of a condition.

    Raises:
        UsageError: the text is not a condition, or has an unknown name.
    """
    if len(text) > _LONGEST:
        raise UsageError(f"--metric has {len(text)} characters; expected at most {_LONGEST}.")
    try:
        expression = _parsed(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"--metric {text!r}: not an expression; {_EXPECTED}.") from error
    for node in ast.walk(expression):
        _check(node, text)
    if not _is_condition(expression):
        raise UsageError(f"--metric {text!r}: not a condition; {_EXPECTED}.")
    return Metric(text=text.strip())


def _parsed(text: str) -> ast.expr:
    return ast.parse(text.strip(), mode="eval").body


def _check(node: ast.AST, text: str) -> None:
    """Refuse what a condition may not contain."""
    if isinstance(node, ast.Name) and node.id not in NAMES:
        raise UsageError(f"--metric: unknown name {node.id!r}; expected one of {', '.join(NAMES)}.")
    if not _is_supported(node):
        raise UsageError(f"--metric {text!r}: {type(node).__name__} is not supported; {_EXPECTED}.")


def _is_supported(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return type(node.value) in {int, float}
    return type(node) in {ast.Load, *_OPERATORS, *_VALUES}


def _is_condition(node: ast.expr) -> bool:
    is_not = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
    return is_not or isinstance(node, ast.Compare | ast.BoolOp)


def _value(node: ast.expr, numbers: Numbers) -> float:
    """Return the value of an expression that `parse` has accepted.

    Raises:
        KeyError: a number is missing.
    """
    return _VALUES[type(node)](node, numbers)


def _of_name(node: ast.Name, numbers: Numbers) -> float:
    return numbers[node.id]


def _of_constant(node: ast.Constant, _: Numbers) -> Any:
    return node.value


def _of_sign(node: ast.UnaryOp, numbers: Numbers) -> float:
    return _OPERATORS[type(node.op)](_value(node.operand, numbers))


def _of_arithmetic(node: ast.BinOp, numbers: Numbers) -> float:
    return _OPERATORS[type(node.op)](_value(node.left, numbers), _value(node.right, numbers))


def _of_connective(node: ast.BoolOp, numbers: Numbers) -> float:
    return _OPERATORS[type(node.op)](_value(each, numbers) for each in node.values)


def _of_comparison(node: ast.Compare, numbers: Numbers) -> float:
    terms = [_value(each, numbers) for each in (node.left, *node.comparators)]
    pairs = zip(node.ops, itertools.pairwise(terms), strict=True)
    return all(_OPERATORS[type(sign)](*pair) for sign, pair in pairs)


# By class of node: what returns its value.
_VALUES: Mapping[type, Callable[..., float]] = {
    ast.Name: _of_name,
    ast.Constant: _of_constant,
    ast.UnaryOp: _of_sign,
    ast.BinOp: _of_arithmetic,
    ast.BoolOp: _of_connective,
    ast.Compare: _of_comparison,
}
