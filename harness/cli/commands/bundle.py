"""`harness bundle`."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.cli.settings import Invocation
from harness.core.outcomes import EXIT_OK
from harness.core.text import command, counted, inline, size
from harness.fetch import provision
from harness.packing import bundle, bundle_load
from harness.pipeline import selection
from harness.store.store import Store


def main(invocation: Invocation) -> int:
    """Pack all that a run needs into a file, or load such a file."""
    return _COMMANDS[invocation.subcommand](invocation)


def _write(invocation: Invocation) -> int:
    settings, to = invocation.settings, invocation.options.to or Path()
    manifest = bundle.write(settings, selection.cases(settings, _notice), to, _notice)
    blobs = sum(each.kind == "blobs" for each in manifest.entries)
    _say(f"Written: {to}, {size(to.stat().st_size)}: IREE {manifest.release}, {counted(blobs, 'blob')}, specs.")
    _say(f"Load it with `harness bundle load {command([to.name])} -o DIR`.")
    return EXIT_OK


def _load(invocation: Invocation) -> int:
    options, fetch = invocation.options, invocation.settings.fetch
    to = options.to or Path()
    with Store(fetch.store.absolute(), on_wait=provision.waiting(_notice)) as store:
        manifest = bundle_load.load(options.bundle or Path(), store, to)
    _say(f"Loaded: {counted(len(manifest.entries), 'entry', 'entries')} into {fetch.store}, specs into {to}.")
    _say("Run it without a network:")
    _say(f"    {inline(manifest.command(to, fetch.store))}")
    return EXIT_OK


def _notice(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


_COMMANDS: Mapping[str, Callable[[Invocation], int]] = {"write": _write, "load": _load}
