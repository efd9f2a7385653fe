"""`harness fetch` and `harness lock`."""

import sys
from collections.abc import Collection, Sequence
from functools import partial

from rich.console import Console

from harness.cli.console import clean_console
from harness.cli.settings import Invocation
from harness.core.blobs import LOCK_NAME, Blob, FetchedBlob
from harness.core.cases import Case, ModelSpec
from harness.core.errors import NoVerdictError
from harness.core.exit_codes import EXIT_NO_VERDICT, EXIT_OK
from harness.core.settings import FetchSettings, Settings
from harness.core.statuses import Status, Verdict
from harness.core.text import counted, listed
from harness.core.urls import lock_key
from harness.fetch import provision
from harness.fetch.partial import expectation
from harness.host.cancel import CancelToken
from harness.host.disk import disk_errors, write_atomically
from harness.importers import environment
from harness.importers.frameworks import Framework
from harness.iree import release_sources
from harness.iree.releases import ReleaseWheels
from harness.pipeline import importing, internal, planner, selection
from harness.pipeline.environment import EnvironmentProvider
from harness.pipeline.options import Options
from harness.pipeline.progress import Live
from harness.pipeline.steps import Plan
from harness.specs import reader
from harness.specs.catalogue import Folders, select
from harness.specs.lock import locked
from harness.store.store import Store


def main(invocation: Invocation) -> int:
    """Fetch all that a run needs, or lock the blobs."""
    settings = invocation.settings
    if invocation.command != "lock":
        return _fetch(settings, blobs_only=invocation.options.blobs_only)
    where = selection.spec_folders(settings.cases)
    if suite := selection.find_suite(settings.cases):
        return lock(settings.fetch, where, list(suite.read(list(suite.paths)).values()))
    return lock(settings.fetch, where, reader.load_all(select(where, settings.cases.selectors), where))


def _fetch(settings: Settings, *, blobs_only: bool) -> int:
    """Fetch all that `quality` needs with the same options and --offline; a failure does not stop the rest."""
    console = clean_console()
    cases = selection.cases(settings, partial(_print, console))
    release_sources.check(settings.release)
    with Store(settings.fetch.store.absolute()) as store:
        release = release_sources.chosen(settings.release, settings.fetch, store, partial(_print, console))
    plans = internal.plans(cases, release.release, Options.of(settings))
    is_possible = _is_possible(plans, console)
    is_ready = blobs_only or _has_tools(settings, cases, release, console)
    blobs = planner.blobs(plans)
    code = _counted(_fetch_all(settings.fetch, blobs, console).values(), len(blobs))
    return code if is_possible and is_ready else EXIT_NO_VERDICT


def _fetch_all(settings: FetchSettings, blobs: Sequence[Blob], console: Console) -> dict[Blob, FetchedBlob]:
    with Live(console, id_width=0) as live:
        return provision.fetch_all(settings, blobs, live, partial(_say, console))


def _say(console: Console, lines: Sequence[str]) -> None:
    """Print what became of blobs, all at once; local files are only counted."""
    if told := [each for each in lines if not each.startswith("local ")]:
        _print(console, "\n".join(told))


def _has_tools(
    settings: Settings,
    cases: Sequence[Case],
    release: ReleaseWheels,
    console: Console,
) -> bool:
    """Prepare the environment in which the models will run, and return whether it is ready."""
    from harness.containers.provider import provider  # noqa: PLC0415 - as slow to import as all the rest

    wanted = provider(settings, release)
    folder = settings.fetch.store.absolute()
    try:
        with (
            Live(console, id_width=0) as live,
            Store(folder, on_wait=provision.waiting(live.notice), on_work=live.worked) as store,
        ):
            wanted.prepare(store, CancelToken(), live.notice)
            if any(case.spec.is_onnx for case in cases):
                _install_importer(settings, wanted, release, store)
    except NoVerdictError as error:
        _print(console, f"ERROR     {error.kind}: {error}")
        return False
    _print(console, f"ready     IREE {release.release.name}, {wanted.engine}")
    return True


def _install_importer(settings: Settings, wanted: EnvironmentProvider, release: ReleaseWheels, store: Store) -> None:
    """Install the importer of ONNX files for the Python of the environment; an image by digest says it too late."""
    from harness.containers import container_provider  # noqa: PLC0415 - see above

    image = container_provider.chosen_image(settings)[1] if wanted.engine == "container" else None
    environment.installed(
        Framework.ONNX,
        importing.importer_of(settings.run.importer, release.release),
        store,
        python=image.python_version if image else "",
        offline=settings.fetch.offline,
    )


def _is_possible(plans: Sequence[Plan], console: Console) -> bool:
    """Print the cases that cannot run, each cause once, and return whether none of them is an error."""
    blocked: dict[Verdict, list[str]] = {}
    for each in plans:
        if each.blocked:
            blocked.setdefault(each.blocked, []).append(each.case.id)
    for verdict, names in blocked.items():
        _print(console, f"{verdict.status.upper():<8}  {listed(names)}: {verdict.reason}")
    return all(verdict.status is not Status.ERROR for verdict in blocked)


def _print(console: Console, text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)


def lock(settings: FetchSettings, where: Folders, specs: Sequence[ModelSpec]) -> int:
    """Fetch the blobs of specs, write their digests to the lock file and return the exit code."""
    known = {blob.url: blob for each in specs for blob in each.blobs if not blob.url.startswith("file:")}
    if not known:
        sys.stdout.write("No spec names a URL, so there is nothing to lock.\n")
        return EXIT_OK
    wanted = [Blob(url=url) for url in known] if settings.update else list(known.values())
    fetched = {blob.url: came for blob, came in _fetch_all(settings, wanted, clean_console()).items()}
    with disk_errors(where.specs):
        write_atomically(where.specs / LOCK_NAME, where.locked_with(fetched))
    for url, came in fetched.items():
        if known[url].sha256 not in {None, came.sha256}:
            was, now = expectation(known[url]), expectation(locked(url, came))
            sys.stdout.write(f"changed   {came.url}: was {was}, now {now}\n")
    if secret := [url for url in known if lock_key(url) is None]:
        sys.stderr.write(f"not in {LOCK_NAME}: {counted(len(secret), 'URL')}, because the query may be a secret\n")
    return _counted(fetched.values(), len(known))


def _counted(fetched: Collection[FetchedBlob], wanted: int) -> int:
    """Print how many blobs are available, and return the exit code."""
    local = sum(not each.cached and not each.attempts for each in fetched)
    note = f", {counted(local, 'local file')} among them" if local else ""
    sys.stdout.write(f"{len(fetched):,} of {counted(wanted, 'blob')} available{note}\n")
    return EXIT_OK if len(fetched) == wanted else EXIT_NO_VERDICT
