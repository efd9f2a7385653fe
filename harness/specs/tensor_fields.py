"""Reads the inputs and the expected outputs of a spec."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.core import formulas, literals
from harness.core.blobs import Blob
from harness.core.formulas import Formula
from harness.core.tensors import Literal, Tensor, TensorType
from harness.specs.violations import Violations

IGNORED = "(ignored)"
_SCALAR = re.compile(r"[-+]?[0-9.][0-9.eE+-]{0,99}")  # as iree-run-module takes it
_Entry = Mapping[str, Any]


class TensorFields:
    """Reads tensors, and adds to the violations what is wrong with them."""

    def __init__(
        self, violations: Violations, blob: Callable[[str, str], Blob | None], *, source: str = "source"
    ) -> None:
        """Set where violations go, what returns the blob of a source at a JSON path, and the field of a source."""
        self._violations, self._blob, self._source = violations, blob, source

    def inputs(self, entries: Sequence[_Entry], seed: int = 0) -> tuple[Tensor | Literal | Formula | None, ...]:
        """Return the inputs, those of formulas drawn from one stream with this seed; None for one that is wrong."""
        found: list[Tensor | Literal | Formula | None] = []
        drawn = 0
        for index, entry in enumerate(entries):
            json_path = f"$.inputs[{index}]"
            if "formula" in entry:
                found.append(formula := self._formula(json_path, entry, seed, drawn))
                drawn += formula.drawn if formula else 0
            else:
                found.append(self._input(json_path, entry))
        return tuple(found)

    def outputs(self, entries: Sequence[_Entry], name: str = "outputs") -> tuple[Tensor | Literal | None, ...]:
        """Return the expected outputs in a field; None for one that is ignored, or wrong."""
        if entries and all(each == {"value": IGNORED} for each in entries):
            message = f"all outputs are ignored; expected one to compare, or no field {name!r}"
            self._violations.add(f"$.{name}", message)
        return tuple(self._output(f"$.{name}[{index}]", entry) for index, entry in enumerate(entries))

    def _input(self, json_path: str, entry: _Entry) -> Tensor | Literal | None:
        if self._source in entry:
            return self._tensor(json_path, entry)
        text = entry["value"]
        if _SCALAR.fullmatch(text):
            return Literal(text=text)
        # iree-run-module takes a bare type for zeros.
        return self._literal(json_path, text if "=" in text else f"{text}=0")

    def _formula(self, json_path: str, entry: _Entry, seed: int, skipped: int) -> Formula | None:
        if self._source in entry or "value" not in entry:
            example = '{"value": "4xf32", "formula": {"coeff": 2}}'
            self._violations.add(json_path, f"an input by formula has a type and no source, e.g. {example}")
            return None
        if not (type_ := self._violations.checked(f"{json_path}.value", lambda: TensorType.parse(entry["value"]))):
            return None
        numbers = {name: float(number) for name, number in entry["formula"].items()}
        formula = Formula(type=type_, seed=seed, skipped=skipped, **numbers)
        if message := formulas.fault(formula):
            self._violations.add(json_path, message)
        return formula

    def _output(self, json_path: str, entry: _Entry) -> Tensor | Literal | None:
        text = entry.get("value", "")
        if text == IGNORED:
            if self._source in entry:
                self._violations.add(json_path, "an ignored output must not have a source")
            return None
        if self._source in entry:
            return self._tensor(json_path, entry)
        if "=" not in text:
            message = f"missing {self._source!r}; add one, or write out the value, e.g. {text}=0"
            self._violations.add(json_path, message)
            return None
        return self._literal(json_path, text)

    def _tensor(self, json_path: str, entry: _Entry) -> Tensor | None:
        blob = self._blob(f"{json_path}.{self._source}", entry[self._source])
        text = entry.get("value")
        type_ = self._violations.checked(f"{json_path}.value", lambda: TensorType.parse(text)) if text else None
        if blob is not None and not text and not blob.name.endswith(".npy"):
            message = f"missing 'value', the type of {blob.name}; only .npy files have their own"
            self._violations.add(json_path, message)
        return Tensor(blob=blob, type=type_) if blob else None

    def _literal(self, json_path: str, text: str) -> Literal:
        """Return a tensor that is written out."""
        self._violations.checked(f"{json_path}.value", lambda: literals.parse(text))
        return Literal(text=text)
