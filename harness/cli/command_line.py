"""Runs the command in argv and returns its exit code. What a command needs is loaded when it is read, not for help."""

import contextlib
import errno
import importlib
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from harness.cli import arguments
from harness.core.errors import HarnessError, SpecError, Terminated, UsageError, stopped_code
from harness.core.exit_codes import EXIT_BUG, EXIT_NO_VERDICT

if TYPE_CHECKING:  # help does not need it
    from harness.cli.settings import Invocation

# What the system says of a path that somebody named, or of a machine without resources.
_OF_THE_MACHINE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP}
_OF_THE_MACHINE |= {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ESTALE}
_OF_THE_MACHINE |= {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}
_EXTRAS = {"dask": "cluster", "distributed": "cluster"}
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(argv: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command and return its exit code, as listed in docs/results.md.

    Raises:
        SystemExit: the command line asks for help or the version, which has been printed.
    """
    try:
        with _signals_blocked():
            invocation = arguments.invocation(argv or ["--help"], environment)
            from harness.cli import checks  # noqa: PLC0415 - help has been printed

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
def _on_cluster(invocation: "Invocation") -> "Iterator[Invocation]":
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
    import traceback  # noqa: PLC0415 - only a bug needs it

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

    `harness.cli.main` has blocked them before.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)


def terminated(_number: int, _frame: object) -> NoReturn:
    """Handle a signal as ^C is handled."""
    raise Terminated


# The module of each command. Only one of them is loaded: all together take a second.
_COMMANDS = {
    "bench": "bench",
    "bless": "bless",
    "quality": "quality",
    "run": "quality",
    "plan": "plan",
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
