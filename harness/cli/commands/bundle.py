"""`harness bundle`."""

import contextlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.cli.settings import Invocation
from harness.cli.streams import notice
from harness.containers import sockets
from harness.core.exit_codes import EXIT_OK
from harness.core.settings import Settings
from harness.core.text import command, counted, inline, listed, size
from harness.fetch import provision
from harness.host.cancel import CancelToken
from harness.importers import environment
from harness.iree import release_sources
from harness.iree.release_sources import ReleaseSource
from harness.packing import bundle, bundle_image, bundle_load
from harness.packing.bundle_manifest import LOCAL, Manifest
from harness.pipeline import selection
from harness.store.store import Store


def main(invocation: Invocation) -> int:
    """Pack all that a run needs into a file, or load such a file."""
    return _COMMANDS[invocation.subcommand](invocation)


def _write(invocation: Invocation) -> int:
    settings, to = invocation.settings, invocation.options.to or Path()
    manifest = bundle.write(settings, selection.cases(settings, notice), to, notice)
    blobs = sum(each.kind == "blobs" for each in manifest.entries)
    parts = [f"IREE {manifest.release}", counted(blobs, "blob"), "specs", *_unproved(manifest)]
    _say(f"Written: {to}, {size(to.stat().st_size)}: {', '.join(parts)}.")
    _say(f"Load it with `harness bundle load {command([to.name])} -o DIR{' --trust' if _unproved(manifest) else ''}`.")
    return EXIT_OK


def _load(invocation: Invocation) -> int:
    options, settings = invocation.options, invocation.settings
    path, to, store_dir = options.bundle or Path(), options.to or Path(), settings.fetch.store
    with (
        Store(store_dir.absolute(), on_wait=provision.waiting(notice)) as store,
        bundle_load.loaded(path, store, to, is_trusted=options.is_trusted) as (manifest, contents),
    ):
        engine = _engine(manifest, contents, store, invocation)
        left_out = [] if options.is_trusted else _unproved(manifest)
    entries = sum(options.is_trusted or each.kind != environment.KIND for each in manifest.entries)
    _say(f"Loaded: {counted(entries, 'entry', 'entries')} into {store_dir}, specs into {to}.")
    if left_out:
        _say(f"Left out: {listed(left_out)}. Nothing proves what is in it; add --trust if you trust who packed it.")
    elif engine != LOCAL and manifest.image:
        _say(f"Loaded: {manifest.image.reference} into {engine}.")
    _say("Run it without a network:")
    _say(f"    {inline(manifest.command(to, store_dir, engine))}{_definitions(settings)}")
    return EXIT_OK


def _unproved(manifest: Manifest) -> list[str]:
    """Return what a bundle has whose content follows from nothing that the harness has."""
    image = [f"image {manifest.image.name}"] if manifest.image else []
    has_importer = any(each.kind == environment.KIND for each in manifest.entries)
    return [*image, *(["importer of ONNX files"] if has_importer else [])]


def _engine(manifest: Manifest, contents: Path, store: Store, invocation: Invocation) -> str:
    """Load the image of a bundle if it is to be used, and return where its cases run."""
    container = invocation.settings.container
    if manifest.image is None or container.engine == LOCAL or not invocation.options.is_trusted:
        return LOCAL
    to = invocation.options.to or Path()
    settings = manifest.settings(to, invocation.settings.fetch.store, container)
    source = ReleaseSource(settings=settings.release, fetch=settings.fetch, found=None)
    with (
        contextlib.closing(sockets.required(container.engine, container.variables)) as engine,
        provision.fetcher(settings.fetch, store, notice) as fetcher,
    ):
        release = release_sources.pinned(source.find(store, CancelToken(), notice), fetcher)
        bundle_image.load(engine, manifest.image, bundle_image.recipe(settings, release), contents, store)
        return str(engine.info.name)


def _definitions(settings: Settings) -> str:
    folder = settings.container.definitions
    return f" {command(['--containers', str(folder)])}" if folder else ""


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


_COMMANDS: Mapping[str, Callable[[Invocation], int]] = {"write": _write, "load": _load}
