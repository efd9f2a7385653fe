"""Reads the types that a module declares for its results (pure); raw outputs name neither shape nor type."""

import re

from harness.core.tensors import ELEMENT_BITS, TensorType


def declared_outputs(signature: str, function: str | None) -> tuple[str, ...] | None:
    """Return the result types of a function as `iree-dump-module` shows them, e.g. `?x3xf32`, or None."""
    name = re.escape(function) if function else r"\S+?"
    match = re.search(rf"func @{name}\(.*?\) -> \((.*)\)$", signature, re.MULTILINE)
    if match is None:
        return None
    results = (re.sub(r"^%output\d+: ", "", part) for part in re.split(r", (?=%output)", match[1]) if part)
    return tuple(re.sub(r"^tensor<(.*)>$", r"\1", part) for part in results)


def contradiction(index: int, expected: TensorType, declared: tuple[str, ...] | None) -> str | None:
    """Return how the declared type of an output rules out the expected one; `?` stands for any size."""
    if declared is None or index >= len(declared):
        return None
    *sizes, element = re.findall(r"(?:\?|\d+)(?=x)|[^x?\d].*$", declared[index]) or [""]
    if element not in ELEMENT_BITS:
        return None  # a buffer view, say, whose type is known only at run time
    fits = len(sizes) == len(expected.shape) and all(
        size in ("?", str(wanted)) for size, wanted in zip(sizes, expected.shape, strict=True)
    )
    if fits and element.lstrip("su") == expected.element.lstrip("su"):
        return None
    return f"output {index}: expected {expected}, but the program returns {declared[index]}"
