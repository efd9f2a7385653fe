"""`harness doctor`."""

import argparse
import sys
from collections.abc import Mapping

from harness.cli import doctor, selection
from harness.core.outcomes import EXIT_OK
from harness.store.store import Store


def main(parsed: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print what this machine can and cannot do."""
    for finding in doctor.findings(
        Store(parsed.store), selection.spec_folders(parsed), environment, offline=parsed.offline
    ):
        mark = "mend" if finding.mend else "ok"
        sys.stdout.write(f"{mark:<5}{finding.subject:<18}{finding.seen}\n")
        if finding.mend:
            sys.stdout.write(f"{'':<23}-> {finding.mend}\n")
        sys.stdout.flush()
    return EXIT_OK
