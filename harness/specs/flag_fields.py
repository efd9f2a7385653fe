"""Reads the fields of a spec that are flags of tools: which are accepted, and which files they name."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from harness.core.blobs import Blob
from harness.iree import flag_classes, releases
from harness.iree.flag_classes import FlagClass, Tool
from harness.specs import json_lines, tuners
from harness.specs.violations import Violations

# Where a spec says what a flag of iree-run-module would.
_FIELDS: Mapping[str, str] = {
    "--device": "device",
    "--equality_mode": "threshold_args",
    "--function": "run_function",
    "--input": "inputs",
    "--module": "modules",
    "--output": "outputs",
    "--parameters": "weights",
    **dict.fromkeys((f"--expected_{each}_threshold" for each in ("bf16", "f16", "f32", "f64")), "threshold_args"),
    "--expected_output": "outputs",
    "--expected_rtol": "threshold_args",
}


def read(
    value: Mapping[str, Any],
    violations: Violations,
    blob: Callable[[str, str], Blob | None],
    *,
    backend: str,
    trusted: bool,
) -> dict[str, Blob | None]:
    """Return the files that flags name, by their names there; those of lists may be missing, as weights may be.

    Adds a violation for each flag that a spec must not have, and for each range of releases that is none.
    """
    flags = list(_flags(value))
    for comparisons in value.get("flags_for", {}):
        json_path = json_lines.member("$.flags_for", comparisons)
        violations.checked(json_path, functools.partial(releases.fulfils, releases.newest(), comparisons))
    for json_path, flag in flags:
        if reason := flag_classes.refusal(flag, trusted=trusted, backend=backend):
            violations.add(json_path, f"{flag!r} {reason}")
    for index, flag in enumerate(value.get("run_args", [])):
        if reason := refused_argument(flag, trusted=trusted):
            violations.add(f"$.run_args[{index}]", f"{flag!r} {reason}")
    return _files(flags, violations, blob)


def _files(
    flags: Sequence[tuple[str, str]], violations: Violations, blob: Callable[[str, str], Blob | None]
) -> dict[str, Blob | None]:
    found = {name: (path, flag) for path, flag in flags for name in flag_classes.files_named(flag)}
    blobs = {name: blob(path, name) for name, (path, _) in found.items()}
    for name, (path, flag) in found.items():
        is_missing = (each := blobs[name]) is not None and tuners.is_missing(each)
        if is_missing and flag_classes.of(flag) is FlagClass.FILE:
            violations.add(path, not_found(name))
    return blobs


def not_found(source: str) -> str:
    """Return the message about a file that is missing."""
    return f"file {source!r} not found beside the spec or in --external-files"


def _flags(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the JSON path and the text of each compiler flag."""
    lists = {f"$.{field}": value.get(field, []) for field in ("compiler_flags", "pipeline_compiler_flags")}
    modules = enumerate(value.get("modules", []))
    lists |= {f"$.modules[{index}].compiler_flags": each.get("compiler_flags", []) for index, each in modules}
    lists |= {json_lines.member("$.flags_for", key): each for key, each in value.get("flags_for", {}).items()}
    for json_path, texts in lists.items():
        yield from ((json_lines.member(json_path, index), text) for index, text in enumerate(texts))


def refused_argument(flag: str, *, trusted: bool) -> str | None:
    """Return why a spec must not have an argument of iree-run-module, or None."""
    if field := _FIELDS.get(flag_classes.Word.read(flag).name):
        return f"belongs into the field {field!r}"
    if flag_classes.of(flag, Tool.RUN) is FlagClass.FILE and not trusted:
        return f"names a file, which the tool does not get; {flag_classes.TRUST}"
    return flag_classes.refusal(flag, tool=Tool.RUN, trusted=trusted)
