"""Options of clusters: for commands that use one, and for the processes that one is made of."""

import argparse
import re
from pathlib import Path

from harness.cli.argument_types import positive, seconds
from harness.cli.options import Environment
from harness.cli.parser import Parser
from harness.core.settings import ClusterSettings

FROZEN_S = 30.0
DEFAULT_ADDRESS = "tcp://127.0.0.1:8786"
_CERTIFICATES = "folder with ca.pem, cert.pem and key.pem, for addresses that begin with tls:"


def _local_workers(text: str) -> int:
    """Return the number of workers of `local:4`."""
    if not (found := re.fullmatch(r"local:([0-9]{1,3})", text)):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not local:N; to use a scheduler that runs, name it with --scheduler"
        )
    return positive(found[1])


def used(parser: Parser, _environment: Environment) -> None:
    """Add where else than on this machine steps are done."""
    add, defaults = parser.group("Cluster"), ClusterSettings()
    add("--scheduler", metavar="ADDRESS", help="compile and run on the workers of this scheduler")
    add("--cluster", type=_local_workers, metavar="local:N", help="start N workers on this machine, and use them")
    add("--certificates", type=Path, metavar="DIR", help=_CERTIFICATES)
    help_text = "how long to wait for a worker that has a chip (default: %(default)g)"
    add("--worker-wait", type=seconds, default=defaults.wait_s, metavar="S", help=help_text)


def scheduler(parser: Parser, _environment: Environment) -> None:
    """Add the options of `cluster scheduler`."""
    add = parser.group("Cluster")
    add("--listen", default=DEFAULT_ADDRESS, metavar="ADDRESS", help="address to listen on (default: %(default)s)")
    add("--certificates", type=Path, metavar="DIR", help=_CERTIFICATES)
    help_text = "give the work of a worker to others after S seconds without a sign of it (default: %(default)g)"
    add("--frozen-after", type=seconds, default=FROZEN_S, metavar="S", help=help_text)


def worker(parser: Parser, _environment: Environment) -> None:
    """Add the options of `cluster worker`."""
    add = parser.group("Cluster")
    add("--scheduler", default=DEFAULT_ADDRESS, metavar="ADDRESS", help="its scheduler (default: %(default)s)")
    add("--certificates", type=Path, metavar="DIR", help=_CERTIFICATES)
    add("--name", metavar="NAME", help="what results call this worker (default: the name of this machine)")
    add("--jobs", type=positive, metavar="N", help="compilations at once (default: by cores and memory)")
    add("--runs", type=positive, default=1, metavar="N", help="runs on the CPU at once (default: %(default)s)")
    add("--no-gpu", action="store_true", help="use no GPU of this machine")
    help_text = "use the IREE tools in DIR/bin, and install no release"
    add("--toolchain", type=Path, metavar="DIR", help=help_text)
