"""Reads argv and environment, prints, exits; wires all of it."""

import argparse
import io
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from rich.console import Console

from harness import arguments, doctor, releases, script, session, spec, toolchain
from harness import plan as planning
from harness.connection import redacted
from harness.errors import HarnessError, NoVerdictError, SpecError, Terminated
from harness.fetch import Fetcher
from harness.folders import LOCK_NAME, select
from harness.live import Live
from harness.model import (
    EXIT_BUG,
    EXIT_INTERRUPTED,
    EXIT_NO_VERDICT,
    EXIT_OK,
    EXIT_TERMINATED,
    Blob,
    Fetch,
    FetchedBlob,
)
from harness.process import Cancel
from harness.store import Store, disk_errors, write_atomically
from harness.toolchain import Toolchain

Environment = Mapping[str, str]
_FIRST_OWN_DESCRIPTOR = 3


def entry_point() -> NoReturn:
    """Run the command line of this process."""
    _mend_streams()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _terminated)
    sys.exit(main(sys.argv[1:], os.environ))  # noqa: TID251 - this is the place


def main(argv: Sequence[str], environment: Environment) -> int:
    """Run a command and return its exit code, as the table in README has it."""
    parsed = arguments.parser(environment).parse_args(argv)
    parsed.selectors = parsed.selectors or arguments.default_selectors(parsed)
    try:
        return _COMMANDS[parsed.command](parsed, environment)
    except HarnessError as error:
        sys.stderr.write(f"error: {error}\n" if not isinstance(error, SpecError) else f"{error}\n")
        return error.exit_code
    except Terminated:
        return EXIT_TERMINATED
    except (KeyboardInterrupt, BrokenPipeError):
        return EXIT_INTERRUPTED
    except Exception:  # noqa: BLE001 - the last resort: say that it is our fault
        sys.stderr.write(f"{traceback.format_exc()}This is a bug of the harness, not of a model. Please report it.\n")
        return EXIT_BUG


def _mend_streams() -> None:
    """Have all three standard streams open, or files of ours would take their numbers, and able to take any text."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) < _FIRST_OWN_DESCRIPTOR:
        continue
    os.close(descriptor)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _terminated(_number: int, _frame: object) -> None:
    raise Terminated


def _quality(parsed: argparse.Namespace, environment: Environment) -> int:
    def provide(store: Store, cancel: Cancel, notice: Callable[[str], None]) -> Toolchain:
        return toolchain.installed(name, store, offline=parsed.offline, cancel=cancel, notice=notice)

    name = releases.chosen(parsed.iree).name
    return session.judge(parsed, Console(highlight=False), environment, provide)


def _run(parsed: argparse.Namespace, environment: Environment) -> int:
    def provide(store: Store, _cancel: Cancel, _notice: Callable[[str], None]) -> Toolchain:
        return toolchain.found(parsed.toolchain, environment.get("PATH", ""), store)

    return session.judge(parsed, Console(highlight=False), environment, provide)


def _plan(parsed: argparse.Namespace, _environment: Environment) -> int:
    release = releases.chosen(parsed.iree)
    plans = [planning.plan(case, release, session.options(parsed)) for case in session.selected_cases(parsed)]
    sys.stdout.write("\n\n".join(map(script.render, plans)) + "\n")
    return EXIT_OK


def _list(parsed: argparse.Namespace, _environment: Environment) -> int:
    cases = session.selected_cases(parsed)
    if not parsed.json:
        sys.stdout.write("".join(f"{case.id}\n" for case in cases))
        return EXIT_OK
    entries = [
        {
            "id": case.id,
            "model": case.spec.model,
            "submodel": case.spec.submodel,
            "backend": str(case.target.backend),
            "chip": case.target.chip,
            "path": str(case.spec.path),
        }
        for case in cases
    ]
    sys.stdout.write(json.dumps(entries, indent=1) + "\n")
    return EXIT_OK


def _validate(parsed: argparse.Namespace, _environment: Environment) -> int:
    where = session.spec_folders(parsed)
    specs = spec.load_all(select(where, tuple(parsed.selectors)), where, strict=True)
    sys.stdout.write(f"{len(specs)} specs are valid.\n")
    return EXIT_OK


def _fetch(parsed: argparse.Namespace, _environment: Environment) -> int:
    release = releases.newest()
    plans = [planning.plan(case, release, session.options(parsed)) for case in session.selected_cases(parsed)]
    blobs = list(dict.fromkeys(step.blob for each in plans for step in each.steps if isinstance(step, Fetch)))
    return _had(parsed, blobs)[1]


def _lock(parsed: argparse.Namespace, _environment: Environment) -> int:
    """Fetch what the selected specs name, and write what came into the lock."""
    where = session.spec_folders(parsed)
    specs = spec.load_all(select(where, tuple(parsed.selectors)), where)
    remote = dict.fromkeys(blob for each in specs for blob in each.blobs if not blob.url.startswith("file:"))
    fetched, code = _had(parsed, list(remote))
    secret = [blob.url for blob in remote if redacted(blob.url) != blob.url]
    with disk_errors(where.specs):
        kept = (each for each in fetched if each.url in {blob.url for blob in remote})
        write_atomically(where.specs / LOCK_NAME, where.locked_with(kept))
    if secret:
        sys.stderr.write(f"{len(secret)} URLs hold credentials or a query; they are not written to {LOCK_NAME}.\n")
    return code


def _had(parsed: argparse.Namespace, blobs: Sequence[Blob]) -> tuple[list[FetchedBlob], int]:
    """Fetch blobs and say how each came; one that cannot be had does not stop the others."""
    console, fetched = Console(highlight=False), []
    with Live(console, id_width=0) as live:
        store = Store(parsed.store, on_wait=live.waiting)
        with Fetcher(store, offline=parsed.offline, progress=live.bytes_came, notice=live.notice) as fetcher:
            for blob in blobs:
                try:
                    fetched.append(fetcher.fetch(blob).blob)
                    console.print(_fetched_line(fetched[-1]), markup=False, soft_wrap=True)
                except NoVerdictError as error:
                    console.print(f"ERROR     {error.kind}: {error}", markup=False, soft_wrap=True)
    sys.stdout.write(f"{len(fetched)} of {len(blobs)} blobs are there.\n")
    return fetched, EXIT_OK if len(fetched) == len(blobs) else EXIT_NO_VERDICT


def _fetched_line(blob: FetchedBlob) -> str:
    how = "cached" if blob.cached else "fetched" if blob.attempts else "local"
    tries = f" (attempt {blob.attempts})" if blob.attempts > 1 else ""
    return f"{how:<8}  {blob.sha256[:12]}  {blob.bytes:>14,} bytes  {blob.url}{tries}"


def _doctor(parsed: argparse.Namespace, environment: Environment) -> int:
    for finding in doctor.findings(
        Store(parsed.store), session.spec_folders(parsed), environment, offline=parsed.offline
    ):
        mark = "mend" if finding.mend else "ok"
        sys.stdout.write(f"{mark:<5}{finding.subject:<18}{finding.seen}\n")
        if finding.mend:
            sys.stdout.write(f"{'':<23}-> {finding.mend}\n")
        sys.stdout.flush()
    return EXIT_OK


_COMMANDS: Mapping[str, Callable[[argparse.Namespace, Environment], int]] = {
    "quality": _quality,
    "run": _run,
    "plan": _plan,
    "list": _list,
    "validate": _validate,
    "fetch": _fetch,
    "lock": _lock,
    "doctor": _doctor,
}
