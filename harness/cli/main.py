"""Runs the command in argv and returns its exit code."""

import contextlib
import errno
import importlib
import os
import re
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from harness.cli import arguments, checks, streams
from harness.cli.settings import Invocation
from harness.core.errors import HarnessError, SpecError, Terminated, UsageError, stopped_code
from harness.core.outcomes import EXIT_BUG, EXIT_NO_VERDICT, EXIT_OK

Environment = Mapping[str, str]
# What the system says of a path that somebody named, or of a machine without resources.
_OF_THE_MACHINE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP}
_OF_THE_MACHINE |= {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ESTALE}
_OF_THE_MACHINE |= {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}
_EXTRAS = {"dask": "cluster", "distributed": "cluster"}
_STOPS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def entry_point() -> NoReturn:
    """Run the command line of this process. A command whose output is lost does not exit with 0."""
    output = streams.prepare()
    _ignore_odd_sizes()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminated)
    code = EXIT_OK
    with contextlib.suppress(SystemExit):
        code = main(sys.argv[1:], os.environ)  # noqa: TID251 - this is the place
    if reason := streams.lost(output):
        sys.stderr.write(f"error: Cannot write to standard output: {reason}. Free disk space, or write it elsewhere.\n")
        code = code or EXIT_NO_VERDICT
    sys.exit(code)


def _ignore_odd_sizes() -> None:
    """Remove sizes of the terminal that are no positive numbers; rich would fail or print nothing."""
    for name in ("COLUMNS", "LINES"):
        if not re.fullmatch("0*[1-9][0-9]{0,4}", os.environ.get(name, "1")):  # noqa: TID251 - this is the place
            del os.environ[name]  # noqa: TID251 - this is the place


def main(argv: Sequence[str], environment: Environment) -> int:
    """Run a command and return its exit code, as listed in docs/results.md.

    Raises:
        SystemExit: the command line asks for help or the version, which has been printed.
    """
    try:
        with _signals_blocked():
            invocation = arguments.invocation(argv or ["--help"], environment)
            checks.check(invocation, argv)
            command = importlib.import_module(f"harness.cli.commands.{_COMMANDS[invocation.command]}")
        _check_current_folder()
        with _on_cluster(invocation) as invocation:
            code: int = command.main(invocation)
        return code  # noqa: TRY300 - reads as it happens
    except HarnessError as error:
        sys.stderr.write(f"error: {error}\n" if not isinstance(error, SpecError) else f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt as stop:
        return stopped_code(stop)
    except (OSError, ModuleNotFoundError) as error:
        return _of_the_machine(error)
    except MemoryError:
        sys.stderr.write("error: The harness ran out of memory. Use a larger machine, or raise `ulimit -v`.\n")
        return EXIT_NO_VERDICT
    except Exception:  # noqa: BLE001 - the last resort: report it as a bug
        return _bug()


@contextlib.contextmanager
def _on_cluster(invocation: Invocation) -> Iterator[Invocation]:
    """Yield the command line, with its cluster connected if it uses one."""
    if invocation.command == "cluster" or not invocation.settings.cluster.is_used:
        yield invocation
        return
    from harness.cluster import clusters  # noqa: PLC0415 - Dask takes 0.5 s to load

    with clusters.connected(invocation.settings) as settings:
        yield replace(invocation, settings=settings)


def _of_an_extra(error: ModuleNotFoundError) -> int:
    """Report a library that is not installed, unless it has to be."""
    if error.name not in _EXTRAS:
        return _bug()
    hint = f"pip install 'iree-quality-harness[{_EXTRAS[error.name]}]'"
    sys.stderr.write(f"error: A cluster needs the library {error.name}, which is not installed; use `{hint}`.\n")
    return UsageError.exit_code


def _of_the_machine(error: OSError | ModuleNotFoundError) -> int:
    """Report an error of the system, or a library that is missing, unless only a bug can have caused it."""
    if isinstance(error, ModuleNotFoundError):
        return _of_an_extra(error)
    if error.errno not in _OF_THE_MACHINE:
        return _bug()
    sys.stderr.write(f"error: {error.filename or 'A file'}: {error.strerror}. Check the path and its permissions.\n")
    return EXIT_NO_VERDICT


def _bug() -> int:
    """Report the exception that is being handled as a bug."""
    sys.stderr.write(f"{traceback.format_exc()}This is a bug of the harness, not of a model. Please report it.\n")
    return EXIT_BUG


def _check_current_folder() -> None:
    try:
        Path.cwd()
    except OSError as error:
        raise UsageError(f"The current folder cannot be used: {error.strerror}. Change to another one.") from error


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block signals while modules are imported: native ones may turn the exception of a handler into an ImportError.

    `harness.__main__` has blocked them before.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)


def _terminated(_number: int, _frame: object) -> NoReturn:
    raise Terminated


# The module of each command. Only one of them is loaded: all together take a second.
_COMMANDS = {
    "bench": "bench",
    "bless": "bless",
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
    "report": "report",
    "completion": "completion",
    "history": "history",
    "compare": "compare",
    "results": "results",
    "issue": "issue",
    "localize": "localize",
    "reduce": "reduce",
    "matrix": "matrix",
    "repro": "repro",
    "bundle": "bundle",
    "cluster": "cluster",
}
