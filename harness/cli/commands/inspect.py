"""`harness plan`, `harness list` and `harness validate`: commands that only read specs."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.cli import selection
from harness.core.outcomes import EXIT_OK
from harness.fetch import provision
from harness.host.disk import free_bytes
from harness.iree import release_sources
from harness.pipeline import planner as planning
from harness.pipeline import shell_script
from harness.specs import reader
from harness.specs.catalogue import select
from harness.store.store import Store


def main(parsed: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    """Print what was asked for."""
    return _COMMANDS[parsed.command](parsed)


def _plan(parsed: argparse.Namespace) -> int:
    release_sources.check(parsed)
    with Store(parsed.store) as store:
        release = release_sources.chosen(parsed, store, _notice).release
        plans = [planning.plan(case, release, selection.options(parsed)) for case in selection.cases(parsed)]
        sys.stdout.write("\n\n".join(map(shell_script.render, plans)) + "\n")
        sys.stdout.flush()
        forecast = provision.forecast(parsed, store, planning.blobs(plans))
    sys.stdout.write(shell_script.forecast(forecast, store=store.root, free_bytes=_free_bytes(store.root)))
    return EXIT_OK


def _free_bytes(folder: Path) -> int | None:
    """Return what is free for a folder, or None if it cannot be told."""
    try:
        return free_bytes(folder)
    except OSError:
        return None


def _list(parsed: argparse.Namespace) -> int:
    cases = selection.cases(parsed)
    if not parsed.json:
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


def _validate(parsed: argparse.Namespace) -> int:
    where = selection.spec_folders(parsed)
    specs = reader.load_all(select(where, tuple(parsed.selectors)), where, strict=bool(where.external_files))
    for text in reader.missing_tuners(specs):
        _notice(f"notice: {text}")
    sys.stdout.write(f"{len(specs)} specs are valid.\n")
    return EXIT_OK


def _notice(text: str) -> None:
    sys.stderr.write(f"{text}\n")


_COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {"plan": _plan, "list": _list, "validate": _validate}
