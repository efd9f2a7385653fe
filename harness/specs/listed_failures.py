"""Writes the failures of a run into the lists of a config, which expects them from then on."""

import json
from collections.abc import Iterable, Mapping

from harness.core.outcomes import Outcome
from harness.core.statuses import Phase, Status
from harness.specs import json_lines
from harness.specs.expectation import (
    COMPILE_FAILURES,
    FAIL_COMPILE,
    FAIL_RUN,
    NEVER_LISTED,
    OUTCOMES,
    RUN_FAILURES,
)
from harness.specs.json_edit import with_entries_json5, with_texts_json5, without_json5

_LISTS = {FAIL_COMPILE: COMPILE_FAILURES, FAIL_RUN: RUN_FAILURES}


def of(outcomes: Iterable[Outcome]) -> Mapping[str, Mapping[str, str]]:
    """Return by config what failed and can be expected: by its name there, `fail-compile` or `fail-run`."""
    found: dict[str, dict[str, str]] = {}
    for each in outcomes:
        if each.status is Status.FAILED and each.listed_as and each.kind not in NEVER_LISTED:
            word = FAIL_COMPILE if each.phase is Phase.COMPILE else FAIL_RUN
            found.setdefault(each.config, {})[each.listed_as] = word
    return found


def written(text: str, failures: Mapping[str, str]) -> str:
    """Return a config that expects failures; comments stay, and so does the order of what it has.

    A name that it has for the other phase is moved.

    Args:
        text: the config, JSON5.
        failures: as `of` returns them.
    """
    value = json_lines.parse_json5(text).value
    if OUTCOMES in value:
        return _outcomes(text, value[OUTCOMES], failures)
    for word, field in _LISTS.items():
        moved = {name for name, found in failures.items() if found != word}
        text = without_json5(text, [(field, index) for index, name in enumerate(value.get(field, [])) if name in moved])
    for word, field in _LISTS.items():
        entries = [json.dumps(name) for name, found in sorted(failures.items()) if found == word]
        if entries and field not in value:
            text = with_entries_json5(text, (), [f"{json.dumps(field)}: []"])
        if entries:
            text = with_entries_json5(text, (field,), entries)
    return text


def _outcomes(text: str, known: Mapping[str, str], failures: Mapping[str, str]) -> str:
    text = with_texts_json5(text, {(OUTCOMES, name): word for name, word in failures.items() if name in known})
    new = [f"{json.dumps(name)}: {json.dumps(word)}" for name, word in sorted(failures.items()) if name not in known]
    return with_entries_json5(text, (OUTCOMES,), new) if new else text
