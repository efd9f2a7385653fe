"""`harness list` and `harness validate`: commands that only read specs."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence

from harness.cli.settings import Invocation
from harness.cli.streams import notice
from harness.core.cases import ModelSpec
from harness.core.errors import UsageError
from harness.core.exit_codes import EXIT_OK
from harness.core.text import counted
from harness.pipeline import selection, suite_selection
from harness.specs import inline, overlays, reader, tuners
from harness.specs.catalogue import Folders, select
from harness.suites.reader import Suite


def main(invocation: Invocation) -> int:
    """Print the cases, or validate specs."""
    return _COMMANDS[invocation.command](invocation)


def _list(invocation: Invocation) -> int:
    cases = selection.cases(invocation.settings, notice)
    if not invocation.options.json:
        sys.stdout.write("".join(f"{case.id}\n" for case in cases))
        return EXIT_OK
    entries = [
        {
            "id": case.id,
            "model": case.spec.model,
            "submodel": case.spec.submodel,
            "backend": str(case.target.backend),
            "chip": case.target.chip,
            "path": str(case.spec.path),
        }
        for case in cases
    ]
    sys.stdout.write(json.dumps(entries, indent=1) + "\n")
    return EXIT_OK


def _validate(invocation: Invocation) -> int:
    asked = invocation.settings.cases
    if suite := selection.find_suite(asked):
        if invocation.options.merged:
            raise UsageError(f"--merged is for specs, but {suite.format.NAME} has none; leave it out.")
        return _validate_suite(invocation, suite)
    where = selection.spec_folders(asked)
    specs = reader.load_all(select(where, asked.selectors), where, strict=bool(where.external_files))
    for text in tuners.missing(specs):
        notice(f"notice: {text}")
    if invocation.options.merged:
        sys.stdout.write(_merged(specs, where))
        return EXIT_OK
    sys.stdout.write(f"{counted(len(specs), 'spec')} {'is' if len(specs) == 1 else 'are'} valid.\n")
    return EXIT_OK


def _merged(specs: Sequence[ModelSpec], where: Folders) -> str:
    """Return the merged document of a spec, as its file would have it; of several, an object by their paths."""
    documents = {os.path.relpath(each.path, where.specs): overlays.document(each.path, where) for each in specs}
    return inline.text(next(iter(documents.values())) if len(documents) == 1 else documents)


def _validate_suite(invocation: Invocation, suite: Suite) -> int:
    if not suite.format.HAS_CONFIGS:
        specs = suite_selection.specs(invocation.settings.cases, suite)
        for text in (*tuners.missing(specs), *(f"{each.path}: {remark}" for each in specs for remark in each.remarks)):
            notice(f"notice: {text}")
        verb = "is" if len(specs) == 1 else "are"
        sys.stdout.write(f"{counted(len(specs), 'case')} of {suite.format.NAME} {verb} valid.\n")
        return EXIT_OK
    cases = suite_selection.cases(invocation.settings, suite, notice)
    configs = len({case.target.config for case in cases})
    sys.stdout.write(f"{counted(len({case.spec.name for case in cases}), 'case')} of {suite.format.NAME} ")
    sys.stdout.write(f"and {counted(configs, 'config')} are valid.\n")
    return EXIT_OK


_COMMANDS: Mapping[str, Callable[[Invocation], int]] = {"list": _list, "validate": _validate}
