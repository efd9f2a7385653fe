"""Runs the command in argv and returns its exit code."""

import contextlib
import importlib
import io
import os
import signal
import stat
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn

from harness.cli import arguments
from harness.core.errors import HarnessError, SpecError, Terminated
from harness.core.outcomes import EXIT_BUG, EXIT_INTERRUPTED, EXIT_TERMINATED

Environment = Mapping[str, str]
_FIRST_OWN_DESCRIPTOR = 3


def entry_point() -> NoReturn:
    """Run the command line of this process."""
    _prepare_streams()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminated)
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 - this is the place


def main(argv: Sequence[str], environment: Environment) -> int:
    """Run a command and return its exit code, as listed in docs/results.md."""
    try:
        with _signals_blocked():
            invocation = arguments.invocation(argv or ["--help"], environment)
            command = importlib.import_module(f"harness.cli.commands.{_COMMANDS[invocation.command]}")
        code: int = command.main(invocation)
        return code  # noqa: TRY300 - reads as it happens
    except HarnessError as error:
        sys.stderr.write(f"error: {error}\n" if not isinstance(error, SpecError) else f"{error}\n")
        return error.exit_code
    except Terminated:
        return EXIT_TERMINATED
    except (KeyboardInterrupt, BrokenPipeError):
        return EXIT_INTERRUPTED
    except Exception:  # noqa: BLE001 - the last resort: report it as a bug
        sys.stderr.write(f"{traceback.format_exc()}This is a bug of the harness, not of a model. Please report it.\n")
        return EXIT_BUG


def _prepare_streams() -> None:
    """Open closed standard streams, so that no other file gets their number, and escape what they cannot encode."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < _FIRST_OWN_DESCRIPTOR:
        continue
    os.close(descriptor)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block signals while modules are imported: native ones may turn the exception of a handler into an ImportError."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _terminated(number: int, _frame: object) -> None:
    if number == signal.SIGHUP:
        _leave_terminal()
    raise Terminated


def _leave_terminal() -> None:
    """Discard output to a terminal that is gone, so that the results can still be written."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        if stat.S_ISCHR(os.fstat(stream.fileno()).st_mode):
            os.dup2(null, stream.fileno())


# The module of each command. Only one of them is loaded: all together take a second.
_COMMANDS = {
    "quality": "quality",
    "run": "quality",
    "plan": "inspect",
    "list": "inspect",
    "validate": "inspect",
    "fetch": "fetch",
    "lock": "fetch",
    "new": "new",
    "doctor": "doctor",
    "store": "store",
    "image": "image",
    "bisect": "bisect",
    "releases": "releases",
    "completion": "completion",
    "matrix": "matrix",
}
