"""`harness completion`."""

import sys

from harness.cli import arguments
from harness.cli.settings import Invocation
from harness.core.exit_codes import EXIT_OK


def main(invocation: Invocation) -> int:
    """Print a script that a shell reads to complete commands and options."""
    import shtab  # noqa: PLC0415 - no other command needs it

    sys.stdout.write(shtab.complete(arguments.parser({}), shell=invocation.options.shell) + "\n")
    return EXIT_OK
