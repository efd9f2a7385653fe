"""Reads the JSON files of suites into values of a known form, with a violation and its line for what has another."""

from typing import TypeVar

import msgspec

from harness.core import records
from harness.core.errors import SpecError
from harness.core.text import shortened
from harness.specs import json_lines
from harness.specs.violations import Violations

_SHOWN = 60  # characters
_Form = TypeVar("_Form")


def read(violations: Violations, form: type[_Form]) -> _Form:
    """Return the content of the file of these violations, and keep its document there, for more of them.

    Raises:
        SpecError: the file cannot be read, or has another form.
    """
    if not violations.read_document():
        raise SpecError(tuple(violations.found))
    try:
        return msgspec.convert(violations.document.value, form)
    except msgspec.ValidationError as error:
        message, path = records.explained(str(error))
        violations.add(f"${path}".replace("[...]", ""), message.replace("`", "'"))
        raise SpecError(tuple(violations.found)) from error


def unknown(violations: Violations, form: type[msgspec.Struct]) -> tuple[str, ...]:
    """Return a remark for each field of the object that its form does not have; the suites' own runners ignore them."""
    known = {each.encode_name for each in msgspec.structs.fields(form)} | {form.__struct_config__.tag_field}
    names = [name for name in violations.document.value if name not in known]
    lines = {name: violations.document.line(json_lines.member("$", name)) for name in names}
    return tuple(f"unknown field {shortened(name, _SHOWN)!r} in line {line} is ignored" for name, line in lines.items())
