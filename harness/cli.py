"""Reads argv and environment, prints, exits; wires all of it."""

import argparse
import io
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence, Sized
from typing import NoReturn

from rich.console import Console

from harness import arguments, choice, doctor, releases, script, serve, session, site, spec, supply, upkeep
from harness import plan as planning
from harness.blobs.draft import expectation
from harness.disk import disk_errors, write_atomically
from harness.errors import HarnessError, SpecError, Terminated
from harness.folders import LOCK_NAME, locked, select
from harness.live import Live
from harness.model import (
    EXIT_BUG,
    EXIT_INTERRUPTED,
    EXIT_NO_VERDICT,
    EXIT_OK,
    EXIT_TERMINATED,
    Blob,
    Fetch,
)
from harness.report import store as report
from harness.store import Store
from harness.urls import lock_key

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
    if "selectors" in parsed:
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
    return session.judge(parsed, Console(highlight=False), environment, choice.provider(parsed, environment))


def _run(parsed: argparse.Namespace, environment: Environment) -> int:
    provide = site.found(parsed.toolchain, environment.get("PATH", ""))
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
    blobs = dict.fromkeys(step.blob for each in plans for step in each.steps if isinstance(step, Fetch))
    return _counted(supply.fetch_all(parsed, list(blobs), Console(highlight=False)), len(blobs))


def _lock(parsed: argparse.Namespace, _environment: Environment) -> int:
    """Fetch what the selected specs name, and write what came into the lock."""
    where = session.spec_folders(parsed)
    specs = spec.load_all(select(where, tuple(parsed.selectors)), where)
    known = {blob.url: blob for each in specs for blob in each.blobs if not blob.url.startswith("file:")}
    wanted = [Blob(url=url) for url in known] if parsed.update else list(known.values())
    had = {blob.url: came for blob, came in supply.fetch_all(parsed, wanted, Console(highlight=False)).items()}
    with disk_errors(where.specs):
        write_atomically(where.specs / LOCK_NAME, where.locked_with(had))
    for url, came in had.items():
        if known[url].sha256 not in {None, came.sha256}:
            was, now = expectation(known[url]), expectation(locked(url, came))
            sys.stdout.write(f"changed   {came.url}: it was {was}; it is {now}\n")
    if secret := [url for url in known if lock_key(url) is None]:
        what = "URLs whose query may be secret, and which therefore are not written to"
        sys.stderr.write(f"{what} {LOCK_NAME}: {len(secret)}.\n")
    return _counted(had, len(known))


def _counted(had: Sized, wanted: int) -> int:
    sys.stdout.write(f"{len(had)} of {wanted} blobs are there.\n")
    return EXIT_OK if len(had) == wanted else EXIT_NO_VERDICT


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


def _store(parsed: argparse.Namespace, _environment: Environment) -> int:
    with (
        Live(Console(highlight=False), id_width=0) as live,
        Store(parsed.store, on_wait=supply.waiting(live.notice)) as store,
    ):
        return _STORE_COMMANDS[parsed.store_command](parsed, store, live)


def _du(_parsed: argparse.Namespace, store: Store, _live: Live) -> int:
    sys.stdout.write(report.usage_text(store.root, upkeep.usage(store)))
    return EXIT_OK


def _gc(parsed: argparse.Namespace, store: Store, _live: Live) -> int:
    sys.stdout.write(report.collected_text(upkeep.collect(store, parsed.cache_size), parsed.cache_size))
    return EXIT_OK


def _verify(_parsed: argparse.Namespace, store: Store, live: Live) -> int:
    found, total = [], sum(each.bytes for each in upkeep.usage(store).kinds)
    so_far = 0

    def progress(size_bytes: int) -> None:
        nonlocal so_far
        so_far += size_bytes
        live.bytes_read(so_far, total)

    for entry in upkeep.verify(store, progress):
        found.append(entry)
        if not entry.ok:
            sys.stdout.write(report.bad_line(entry))
            sys.stdout.flush()
    sys.stdout.write(report.verified_line(found))
    return EXIT_OK if all(entry.ok for entry in found) else EXIT_NO_VERDICT


def _serve(parsed: argparse.Namespace, store: Store, _live: Live) -> int:
    def say(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    serve.run(store, parsed.host, parsed.port, say)
    return EXIT_OK


def _image(parsed: argparse.Namespace, environment: Environment) -> int:
    return choice.IMAGE_COMMANDS[parsed.image_command](parsed, environment, sys.stdout.write)


_STORE_COMMANDS: Mapping[str, Callable[[argparse.Namespace, Store, Live], int]] = {
    "du": _du,
    "gc": _gc,
    "verify": _verify,
    "serve": _serve,
}
_COMMANDS: Mapping[str, Callable[[argparse.Namespace, Environment], int]] = {
    "quality": _quality,
    "run": _run,
    "plan": _plan,
    "list": _list,
    "validate": _validate,
    "fetch": _fetch,
    "lock": _lock,
    "doctor": _doctor,
    "store": _store,
    "image": _image,
}
