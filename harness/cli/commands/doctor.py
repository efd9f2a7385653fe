"""`harness doctor`."""

import sys

from harness.cli import doctor
from harness.cli.settings import Invocation
from harness.core.outcomes import EXIT_OK
from harness.pipeline import selection
from harness.store.store import Store


def main(invocation: Invocation) -> int:
    """Check this machine and suggest fixes."""
    fetch, folders = invocation.settings.fetch, selection.spec_folders(invocation.settings.cases)
    for finding in doctor.findings(Store(fetch.store), folders, invocation.environment, offline=fetch.offline):
        mark = "fix" if finding.fix else "ok"
        sys.stdout.write(f"{mark:<5}{finding.subject:<18}{finding.state}\n")
        if finding.fix:
            sys.stdout.write(f"{'':<23}-> {finding.fix}\n")
        sys.stdout.flush()
    return EXIT_OK
