"""Reads numbers that are written as text, in ASCII: Python's `float` also takes `1_0` and digits of any script.

No pattern can be slow: each digit is looked at a fixed number of times.
"""

import math
import re

# The longest text of a number; the digits of a double that matter are fewer.
LONGEST = 1_000
UNSIGNED = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[-+]?[0-9]+)?"
REAL = rf"[-+]?(?:{UNSIGNED}|inf|nan)"
_REAL = re.compile(REAL, re.ASCII | re.IGNORECASE)
_WHOLE = re.compile(r"[-+]?[0-9]{1,20}")


def real(text: str) -> float:
    """Return a number such as `-1.5e3`, `inf` or `nan`.

    Raises:
        ValueError: the text is not a number.
    """
    if len(text) > LONGEST or not _REAL.fullmatch(text):
        raise ValueError(f"{text[:LONGEST]!r} is not a number")
    return float(text)


def finite(text: str) -> float:
    """Return a finite number.

    Raises:
        ValueError: the text is not a finite number.
    """
    if not math.isfinite(number := real(text)):
        raise ValueError(f"{text!r} is not a finite number")
    return number


def whole(text: str) -> int:
    """Return a whole number of at most 20 digits.

    Raises:
        ValueError: the text is not a whole number.
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{text[:LONGEST]!r} is not a whole number")
    return int(text)
