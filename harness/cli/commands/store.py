"""`harness store`."""

import sys
from collections.abc import Callable, Mapping

from harness.cli.console import clean_console
from harness.cli.settings import Invocation
from harness.core.errors import UsageError
from harness.core.exit_codes import EXIT_NO_VERDICT, EXIT_OK
from harness.fetch import fetcher, mirror_server, provision, shared_store
from harness.iree import toolchain
from harness.pipeline.progress import Live
from harness.store import gc, shared_listing, shared_upkeep
from harness.store import listing as report
from harness.store.entry import Entry
from harness.store.store import Store


def main(invocation: Invocation) -> int:
    """Inspect, shrink, verify or serve the cache, or the store that machines share."""
    with (
        Live(clean_console(), id_width=0) as live,
        Store(invocation.settings.fetch.store, on_wait=provision.waiting(live.notice)) as store,
    ):
        return _COMMANDS[invocation.subcommand](invocation, store, live)


def _du(_invocation: Invocation, store: Store, _live: Live) -> int:
    sys.stdout.write(report.usage_text(store.root, gc.usage(store)))
    return EXIT_OK


def _info(invocation: Invocation, _store: Store, live: Live) -> int:
    if (upstream := shared_store.opened(invocation.settings.fetch, live.notice)) is None:
        raise UsageError("No shared store is named; name one with --store-url or HARNESS_STORE_URL.")
    sys.stdout.write(shared_listing.usage_text(upstream, shared_upkeep.usage(upstream)))
    return EXIT_OK


def _gc(invocation: Invocation, store: Store, live: Live) -> int:
    older_s = invocation.options.older_than_s
    if older_s is not None and (upstream := shared_store.opened(invocation.settings.fetch, live.notice)):
        done = shared_upkeep.collect(upstream, older_s)
        sys.stdout.write(shared_listing.collected_text(upstream, done))
        return EXIT_OK
    limit = invocation.settings.fetch.cache_bytes
    sys.stdout.write(report.collected_text(gc.collect(store, limit), limit))
    return EXIT_OK


def _verify(invocation: Invocation, store: Store, live: Live) -> int:
    found, total = [], sum(each.bytes for each in gc.usage(store).kinds)
    so_far = 0

    def progress(size_bytes: int) -> None:
        nonlocal so_far
        so_far += size_bytes
        live.bytes_read(so_far, total)

    for entry in gc.verify(store, progress, is_genuine=_is_genuine):
        found.append(entry)
        if not entry.ok:
            sys.stdout.write(report.bad_line(entry))
            sys.stdout.flush()
    sys.stdout.write(report.verified_line(found))
    if upstream := shared_store.opened(invocation.settings.fetch, live.notice):
        objects = [*shared_upkeep.verify(upstream)]
        sys.stdout.write(shared_listing.verified_text(upstream, objects))
        found += objects
    return EXIT_OK if all(entry.ok for entry in found) else EXIT_NO_VERDICT


def _is_genuine(store: Store, kind: str, entry: Entry) -> bool:
    return fetcher.is_genuine(entry) if kind == "blobs" else toolchain.is_genuine(store, kind, entry)


def _serve(invocation: Invocation, store: Store, _live: Live) -> int:
    def say(text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    options = invocation.options
    mirror_server.run(store, options.host, options.port, say, options.known_as)
    return EXIT_OK


_COMMANDS: Mapping[str, Callable[[Invocation, Store, Live], int]] = {
    "du": _du,
    "info": _info,
    "gc": _gc,
    "verify": _verify,
    "serve": _serve,
}
