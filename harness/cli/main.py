"""Runs the command line of this process: its arguments, environment, streams and signals."""

import contextlib
import gc
import os
import re
import signal
import sys
from typing import NoReturn

from harness import __version__
from harness.cli import streams
from harness.core.exit_codes import EXIT_NO_VERDICT, EXIT_OK


def entry_point() -> NoReturn:
    """Run the command line of this process. A command whose output is lost does not exit with 0."""
    collect_seldom()
    output = streams.prepare()
    _ignore_odd_sizes()
    code = EXIT_OK
    with contextlib.suppress(SystemExit):
        code = _version() if sys.argv[1:] == ["--version"] else _command()
    if reason := streams.lost(output):
        sys.stderr.write(f"error: Cannot write to standard output: {reason}. Free disk space, or write it elsewhere.\n")
        code = code or EXIT_NO_VERDICT
    sys.exit(code)


def collect_seldom() -> None:
    """Look for garbage less often than Python does, which takes up to a tenth of the time: there are few circles."""
    gc.set_threshold(50_000, 20, 20)


def _ignore_odd_sizes() -> None:
    """Remove sizes of the terminal that are no positive numbers; rich would fail or print nothing."""
    for name in ("COLUMNS", "LINES"):
        if not re.fullmatch("0*[1-9][0-9]{0,4}", os.environ.get(name, "1")):  # noqa: TID251 - this is the place
            del os.environ[name]  # noqa: TID251 - this is the place


def _version() -> int:
    sys.stdout.write(f"{__version__}\n")
    return EXIT_OK


def _command() -> int:
    """Run a command. Signals wait since `harness.__main__`, and until its modules are loaded."""
    from harness.cli import command_line  # noqa: PLC0415 - the version is known without it

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, command_line.terminated)
    return command_line.main(sys.argv[1:], os.environ)  # noqa: TID251 - this is the place
