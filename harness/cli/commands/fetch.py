"""`harness fetch` and `harness lock`."""

import argparse
import sys
from collections.abc import Mapping, Sequence, Sized

from rich.console import Console

from harness.cli import selection
from harness.containers import provider as choice
from harness.core.blobs import LOCK_NAME, Blob
from harness.core.cases import ModelSpec
from harness.core.errors import NoVerdictError
from harness.core.outcomes import EXIT_NO_VERDICT, EXIT_OK, Status
from harness.core.urls import lock_key
from harness.fetch import provision
from harness.fetch.partial import expectation
from harness.host.disk import disk_errors, write_atomically
from harness.host.process import CancelToken
from harness.iree import release_sources
from harness.iree.releases import ReleaseWheels
from harness.pipeline import planner as planning
from harness.pipeline.environment import Provider
from harness.pipeline.steps import Plan
from harness.specs import reader
from harness.specs.catalogue import Folders, locked, select
from harness.store.store import Store


def main(parsed: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Fetch what a run needs, or pin the blobs."""
    if parsed.command != "lock":
        return _fetch(parsed, environment)
    where = selection.spec_folders(parsed)
    return lock(parsed, where, reader.load_all(select(where, tuple(parsed.selectors)), where))


def _fetch(parsed: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Have all that `quality` needs with the same options and `--offline`; what cannot be had stops nothing else."""
    console = Console(highlight=False)
    cases = selection.cases(parsed)
    release_sources.check(parsed)
    with Store(parsed.store.absolute()) as store:
        release = release_sources.chosen(parsed, store, lambda text: _say(console, text))
    plans = [planning.plan(case, release.release, selection.options(parsed)) for case in cases]
    is_possible = _is_possible(plans, console)
    is_ready = parsed.blobs_only or _has_tools(parsed, choice.provider(parsed, environment, release), release, console)
    blobs = planning.blobs(plans)
    code = _counted(provision.fetch_all(parsed, blobs, console), len(blobs))
    return code if is_possible and is_ready else EXIT_NO_VERDICT


def _has_tools(parsed: argparse.Namespace, provider: Provider, release: ReleaseWheels, console: Console) -> bool:
    """Have the release where the models will run, which may be an image, and say how that went."""

    def notice(text: str) -> None:
        _say(console, text)

    try:
        with Store(parsed.store.absolute(), on_wait=provision.waiting(notice)) as store:
            provider.prepare(store, CancelToken(), notice)
    except NoVerdictError as error:
        _say(console, f"ERROR     {error.kind}: {error}")
        return False
    _say(console, f"ready     IREE {release.release.name}, {provider.engine}")
    return True


def _is_possible(plans: Sequence[Plan], console: Console) -> bool:
    """Say for which cases nothing can be had; return whether a run would call none of that an error."""
    blocked = [(each.case.id, each.blocked) for each in plans if each.blocked]
    for name, verdict in blocked:
        _say(console, f"{verdict.status.upper():<8}  {name}: {verdict.reason}")
    return all(verdict.status is not Status.ERROR for _, verdict in blocked)


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)


def lock(parsed: argparse.Namespace, where: Folders, specs: Sequence[ModelSpec]) -> int:
    """Fetch what specs name, write what came into the lock, and return the exit code."""
    known = {blob.url: blob for each in specs for blob in each.blobs if not blob.url.startswith("file:")}
    wanted = [Blob(url=url) for url in known] if parsed.update else list(known.values())
    had = {blob.url: came for blob, came in provision.fetch_all(parsed, wanted, Console(highlight=False)).items()}
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
