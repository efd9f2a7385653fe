"""`harness doctor`."""

import sys

from harness.cli import doctor
from harness.cli.settings import Invocation
from harness.core.outcomes import EXIT_OK
from harness.pipeline import selection
from harness.store.store import Store


def main(invocation: Invocation) -> int:
    """Print what this machine can and cannot do."""
    fetch, folders = invocation.settings.fetch, selection.spec_folders(invocation.settings.cases)
    for finding in doctor.findings(Store(fetch.store), folders, invocation.environment, offline=fetch.offline):
        mark = "mend" if finding.mend else "ok"
        sys.stdout.write(f"{mark:<5}{finding.subject:<18}{finding.seen}\n")
        if finding.mend:
            sys.stdout.write(f"{'':<23}-> {finding.mend}\n")
        sys.stdout.flush()
    return EXIT_OK
