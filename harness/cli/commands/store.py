"""`harness store`."""

import argparse
import sys
from collections.abc import Callable, Mapping

from rich.console import Console

from harness.core.outcomes import EXIT_NO_VERDICT, EXIT_OK
from harness.fetch import mirror_server, provision
from harness.pipeline.progress import Live
from harness.store import gc
from harness.store import listing as report
from harness.store.store import Store


def main(parsed: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    """Do what was asked of the store."""
    with (
        Live(Console(highlight=False), id_width=0) as live,
        Store(parsed.store, on_wait=provision.waiting(live.notice)) as store,
    ):
        return _COMMANDS[parsed.store_command](parsed, store, live)


def _du(_parsed: argparse.Namespace, store: Store, _live: Live) -> int:
    sys.stdout.write(report.usage_text(store.root, gc.usage(store)))
    return EXIT_OK


def _gc(parsed: argparse.Namespace, store: Store, _live: Live) -> int:
    sys.stdout.write(report.collected_text(gc.collect(store, parsed.cache_size), parsed.cache_size))
    return EXIT_OK


def _verify(_parsed: argparse.Namespace, store: Store, live: Live) -> int:
    found, total = [], sum(each.bytes for each in gc.usage(store).kinds)
    so_far = 0

    def progress(size_bytes: int) -> None:
        nonlocal so_far
        so_far += size_bytes
        live.bytes_read(so_far, total)

    for entry in gc.verify(store, progress):
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

    mirror_server.run(store, parsed.host, parsed.port, say)
    return EXIT_OK


_COMMANDS: Mapping[str, Callable[[argparse.Namespace, Store, Live], int]] = {
    "du": _du,
    "gc": _gc,
    "verify": _verify,
    "serve": _serve,
}
