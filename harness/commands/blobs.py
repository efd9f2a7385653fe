"""`harness fetch` and `harness lock`."""

import argparse
import sys
from collections.abc import Mapping, Sized

from rich.console import Console

from harness import plan as planning
from harness import releases, selection, spec, supply
from harness.blobs.draft import expectation
from harness.disk import disk_errors, write_atomically
from harness.folders import LOCK_NAME, locked, select
from harness.model import EXIT_NO_VERDICT, EXIT_OK, Blob
from harness.urls import lock_key


def main(parsed: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    """Fetch blobs, and pin them if asked to."""
    return _lock(parsed) if parsed.command == "lock" else _fetch(parsed)


def _fetch(parsed: argparse.Namespace) -> int:
    release = releases.newest()
    plans = [planning.plan(case, release, selection.options(parsed)) for case in selection.cases(parsed)]
    blobs = planning.blobs(plans)
    return _counted(supply.fetch_all(parsed, blobs, Console(highlight=False)), len(blobs))


def _lock(parsed: argparse.Namespace) -> int:
    """Fetch what the selected specs name, and write what came into the lock."""
    where = selection.spec_folders(parsed)
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
