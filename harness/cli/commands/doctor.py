"""`harness doctor`."""

import sys

from harness.cli import doctor
from harness.cli.settings import Invocation
from harness.core.exit_codes import EXIT_OK
from harness.pipeline import selection
from harness.specs.catalogue import select
from harness.store.store import Store


def main(invocation: Invocation) -> int:
    """Check this machine and suggest fixes."""
    fetch, asked = invocation.settings.fetch, invocation.settings.cases
    folders = selection.spec_folders(asked)
    suite = selection.find_suite(asked)
    found = doctor.findings(
        Store(fetch.store),
        folders,
        suite or select(folders, asked.selectors),
        invocation.environment,
        offline=fetch.offline,
    )
    for finding in found:
        mark = "fix" if finding.fix else "ok"
        sys.stdout.write(f"{mark:<5}{finding.subject:<18}{finding.state}\n")
        if finding.fix:
            sys.stdout.write(f"{'':<23}-> {finding.fix}\n")
        sys.stdout.flush()
    return EXIT_OK
