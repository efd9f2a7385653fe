"""Reads by which statistics a spec judges its outputs."""

import contextlib
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.core import judges
from harness.core.judges import Condition, Judge
from harness.core.tensors import Literal, Tensor, TensorType
from harness.specs import thresholds
from harness.specs.violations import Violations

FIELD = "judge"
_STATISTICS = {"psnr": judges.PSNR, "cosine": judges.COSINE, "perplexity": judges.PERPLEXITY}
# The parts of "centred", with what `true` stands for.
_CENTRED = {"mean": (judges.MEAN, "<= 0.001"), "deviation": (judges.DEVIATION, "<= 0.01")}

_Conditions = Mapping[str, Condition]  # by JSON path


def read(
    value: Mapping[str, Any], outputs: Sequence[Tensor | Literal | None], violations: Violations
) -> tuple[Judge | None, ...]:
    """Return how each output is judged, and add to the violations what is wrong; None if thresholds decide."""
    given = value.get(FIELD)
    if given is None:
        return ()
    are_known = "outputs" in value  # else those of an oracle may be judged
    if isinstance(given, dict):
        of_each = [_conditions(f"$.{FIELD}", given, violations)] * (len(outputs) if are_known else 1)
    else:
        of_each = [_conditions(f"$.{FIELD}[{index}]", each or {}, violations) for index, each in enumerate(given)]
    if are_known and len(of_each) != len(outputs):
        wanted = f"expected one for each of the {len(outputs)} outputs, or one object for all of them"
        violations.add(f"$.{FIELD}", f"has {len(of_each)} entries; {wanted}")
        return ()
    for conditions, output in zip(of_each, outputs, strict=False):
        _check_fit(conditions, output, violations)
    elementwise = not thresholds.LIMITS.isdisjoint(value)
    every = (Judge(conditions=tuple(each.values()), elementwise=elementwise) if each else None for each in of_each)
    return tuple(None if are_known and outputs[index] is None else each for index, each in enumerate(every))


def _conditions(path: str, entry: Mapping[str, Any], violations: Violations) -> _Conditions:
    """Return the conditions of an entry."""
    found = {
        (json_path, statistic): violations.checked(json_path, functools.partial(judges.condition, statistic, text))
        for json_path, statistic, text in _texts(path, entry)
    }
    return {json_path: each for (json_path, _), each in found.items() if each}


def _texts(path: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the JSON path, the name in the results and the text of each condition."""
    for name, given in entry.items():
        match name, given:
            case "centred", _:
                own = {} if given is True else given
                for part, (statistic, default) in _CENTRED.items():
                    yield f"{path}.{name}.{part}", statistic, own.get(part, default)
            case "tokens", _:
                yield f"{path}.{name}", judges.TOKENS, ">= 1" if given == "equal" else given
            case _:
                yield f"{path}.{name}", _STATISTICS[name], given


def _check_fit(conditions: _Conditions, output: Tensor | Literal | None, violations: Violations) -> None:
    """Add a violation for each statistic that an output of a type that the spec says cannot have."""
    type_ = output.type if isinstance(output, Tensor) else None
    if isinstance(output, Literal):
        with contextlib.suppress(ValueError):  # which is a violation already
            type_ = TensorType.parse(output.text.partition("=")[0])
    for json_path, condition in conditions.items():
        if type_ and (reason := judges.unfit(condition.statistic, type_)):
            violations.add(json_path, f"{reason}, but an output is {type_}")
