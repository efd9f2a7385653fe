import itertools

import pytest
from _pytest.mark.expression import Expression as PytestExpression

from harness.specs.markers import Expression

VALID = [
    "quick",
    "quick and hip",
    "quick or hip and mi325",
    "(quick or hip) and mi325",
    "not quick",
    "not not quick",
    "not (quick or hip) or mi325",
    "quick and not hip",
    "(((quick)))",
    " quick  or\thip ",
    "local-task or a.b",
    "True",
]


@pytest.mark.parametrize("text", VALID)
def test_the_grammar_is_that_of_pytest(text: str) -> None:
    theirs = PytestExpression.compile(text)
    ours = Expression(text)
    names = ("quick", "hip", "mi325", "local-task")
    for count in range(len(names) + 1):
        for markers in itertools.combinations(names, count):
            assert ours.matches(markers) == theirs.evaluate(_Has(markers))


class _Has:
    """What pytest asks whether there is a marker."""

    def __init__(self, markers: tuple[str, ...]) -> None:
        self._markers = markers

    def __call__(self, name: str, /, **_: str | int | bool | None) -> bool:
        return name in self._markers


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("quick hip", "expected `and`, `or` or the end, got 'hip'"),
        ("quick and", "expected a marker, `not` or `(`, got 'the end'"),
        ("or quick", "expected a marker, `not` or `(`, got 'or'"),
        ("(quick", "expected `)`, got 'the end'"),
        ("quick)", "expected `and`, `or` or the end, got ')'"),
        ("quick & hip", "unexpected character '&'"),
        ("(" * 101 + "quick" + ")" * 101, "expected at most 100 brackets"),
    ],
)
def test_what_is_no_expression_is_refused(text: str, message: str) -> None:
    if len(text) < 100:
        with pytest.raises(SyntaxError):
            PytestExpression.compile(text)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is compared below
        Expression(text)
    assert message in str(caught.value)


def test_a_name_that_no_spec_has_is_found() -> None:
    found = Expression("not (quik or hip)")
    assert found.names == ["quik", "hip"]
    assert found.unknown(["hip", "quick"]) == "no selected spec has the marker 'quik'; did you mean quick?"
    assert found.unknown([]) == "no selected spec has the marker 'quik'; there are (none)"
    assert found.unknown(["quik", "hip"]) == ""
