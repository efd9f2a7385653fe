"""Evaluates marker expressions such as `quick and not (hip or cuda)`, as pytest's `-m` reads them."""

import difflib
import re
from collections.abc import Collection

KEYWORDS = frozenset({"and", "or", "not"})
_TOKEN = re.compile(r"\s*(?:(?P<word>[\w:+.\-\[\]\\/]+)|(?P<bracket>[()])|(?P<other>\S))")
_DEEPEST = 100  # levels of brackets and words `not`


class Expression:
    """An expression of names of markers, `and`, `or`, `not` and brackets; `not` binds most, and `or` least."""

    def __init__(self, text: str) -> None:
        """Read the expression.

        Raises:
            ValueError: it is not one.
        """
        self.text = text
        self._tokens = _tokens(text)
        self.matches(())

    @property
    def names(self) -> list[str]:
        """The names of markers in it, each once."""
        return list(dict.fromkeys(each for each in self._tokens if each not in KEYWORDS | {"(", ")"}))

    def matches(self, markers: Collection[str]) -> bool:
        """Whether it holds for something that has these markers."""
        return _Evaluation(self._tokens, markers).whole()

    def unknown(self, known: Collection[str]) -> str:
        """Return a remark on a name that is no marker of any spec, or nothing."""
        missing = next((each for each in self.names if each not in known), None)
        if missing is None:
            return ""
        near = difflib.get_close_matches(missing, known, n=1)
        others = ", ".join(sorted(known)) or "(none)"
        hint = f"did you mean {near[0]}?" if near else f"there are {others}"
        return f"no selected spec has the marker {missing!r}; {hint}"


class _Evaluation:
    """Reads tokens from left to right, and says whether they hold."""

    def __init__(self, tokens: list[str], markers: Collection[str]) -> None:
        self._tokens, self._markers = [*tokens, ""], markers
        self._at = 0

    def whole(self) -> bool:
        found = self._any()
        if self._next:
            raise ValueError(f"expected `and`, `or` or the end, got {self._next!r}")
        return found

    @property
    def _next(self) -> str:
        return self._tokens[self._at]

    def _takes(self, token: str) -> bool:
        is_next = self._next == token
        self._at += is_next
        return is_next

    def _any(self) -> bool:
        found = self._all()
        while self._takes("or"):
            found = self._all() or found
        return found

    def _all(self) -> bool:
        found = self._one()
        while self._takes("and"):
            found = self._one() and found
        return found

    def _one(self) -> bool:
        if self._takes("not"):
            return not self._one()
        if self._takes("("):
            found = self._any()
            if not self._takes(")"):
                raise ValueError(f"expected `)`, got {self._next or 'the end'!r}")
            return found
        word = self._next
        if word in KEYWORDS | {")", ""}:
            raise ValueError(f"expected a marker, `not` or `(`, got {word or 'the end'!r}")
        self._at += 1
        return word in self._markers


def _tokens(text: str) -> list[str]:
    found = list(_TOKEN.finditer(text))
    if wrong := next((each["other"] for each in found if each["other"]), None):
        raise ValueError(f"unexpected character {wrong!r}")
    tokens = [each["word"] or each["bracket"] for each in found]
    if sum(token in {"(", "not"} for token in tokens) > _DEEPEST:
        raise ValueError(f"expected at most {_DEEPEST} brackets and words `not`")
    return tokens
