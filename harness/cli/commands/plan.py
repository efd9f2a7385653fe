"""`harness plan`."""

import sys
from pathlib import Path

from harness import api
from harness.cli.settings import Invocation
from harness.cli.streams import notice
from harness.core.exit_codes import EXIT_OK
from harness.fetch import provision
from harness.host.disk import free_bytes
from harness.pipeline import planner, shell_script
from harness.store.store import Store


def main(invocation: Invocation) -> int:
    """Print the commands of a run, and what it would download."""
    settings = invocation.settings
    plans = api.plan(settings, notice=notice)
    sys.stdout.write("\n\n".join(map(shell_script.render, plans)) + "\n")
    sys.stdout.flush()
    with Store(settings.fetch.store) as store:
        forecast = provision.forecast(settings.fetch, store, planner.blobs(plans))
    sys.stdout.write(shell_script.forecast(forecast, store=store.root, free_bytes=_free_bytes(store.root)))
    return EXIT_OK


def _free_bytes(folder: Path) -> int | None:
    """Return the free space for a folder, or None if it is unknown."""
    try:
        return free_bytes(folder)
    except OSError:
        return None
