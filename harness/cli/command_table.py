"""The commands of `harness`: what each does, and which options it has."""

from harness.cli import cluster_options as cluster
from harness.cli import history_options as history
from harness.cli import options
from harness.cli import own_options as own
from harness.cli import repro_options as repro
from harness.cli.options import Group
from harness.core.values import frozen


@frozen
class Command:
    """A command: its name, what it does, its groups of options, and its subcommands.

    Attributes:
        name: as it is typed.
        help: what it does, as a phrase.
        heading: below which the help of `harness` lists it.
        groups: its options.
        subcommands: its own commands; it has no options then.
        default: the one of them that is meant if none is named; empty for none.
    """

    name: str
    help: str
    heading: str = "Commands"
    groups: tuple[Group, ...] = ()
    subcommands: tuple["Command", ...] = ()
    default: str = ""


_CASES = (options.specs, options.chosen, options.target, options.running)
_RELEASE = (options.release, options.wheels)
_STORE = (options.store, options.offline)
_DOWNLOADS = (*_STORE, options.shared, options.cache, options.network)
_CONTAINERS = (options.engine, options.container)
_RUNS = (*_CASES, options.limits, options.recompile, options.results, *_DOWNLOADS)
_SEARCH = (*_RUNS, options.wheels, *_CONTAINERS, cluster.used, options.program)
_MAKES = (own.image, *_RELEASE, *_STORE, options.network, options.engine)
_IMAGES = (*_STORE, options.engine)

_QUALITY = (
    *(
        options.selectors,
        options.part,
        options.reuse,
        options.stop,
        options.only_failed,
        options.quarantine,
        *_RUNS,
        options.history,
        options.jobs,
        *_RELEASE,
        *_CONTAINERS,
    ),
    options.program,
)

_PACKED = (options.selectors, *_CASES, *_DOWNLOADS, *_RELEASE, *_CONTAINERS, options.program)

COMMANDS = (
    Command(
        name="quality",
        heading="Check models",
        help="compile, run and check models with an IREE release",
        groups=(*_QUALITY, cluster.used),
    ),
    Command(
        name="run",
        heading="Check models",
        help="the same with IREE tools that are installed already",
        groups=(
            *(options.selectors, options.part, options.reuse, options.stop),
            *(options.only_failed, options.quarantine),
            *(*_RUNS, options.history),
            *(options.jobs, own.toolchain, options.program),
        ),
    ),
    Command(
        name="bench",
        heading="Check models",
        help="time models, and compare releases, chips or flags",
        groups=(options.selectors, own.bench, *_RUNS, *_RELEASE, *_CONTAINERS, cluster.used, options.program),
    ),
    Command(
        name="plan",
        heading="Check models",
        help="print the exact commands of a run, and what it would download",
        groups=_QUALITY,
    ),
    Command(
        name="list",
        heading="Check models",
        help="list the cases",
        groups=(options.every, options.part, own.listing, *_CASES, options.program),
    ),
    Command(
        name="validate",
        heading="Check models",
        help="check the specs",
        groups=(options.every, own.merged, options.specs),
    ),
    Command(
        name="bisect",
        heading="Search releases",
        help="find the release that broke, fixed or changed a case",
        groups=(own.one_case, own.question, own.at_once(1), *_SEARCH),
    ),
    Command(
        name="matrix",
        heading="Search releases",
        help="check models with many releases, and show where they differ",
        groups=(options.selectors, options.reuse, own.matrix, own.at_once(2), *_SEARCH),
    ),
    Command(
        name="localize",
        heading="Search releases",
        help="name the operation that a release computes otherwise",
        groups=(own.localize, *_RUNS, *_RELEASE, *_CONTAINERS, cluster.used, options.program),
    ),
    Command(
        name="reduce",
        heading="Search releases",
        help="find a small program that fails as a case does",
        groups=(own.reduce, *_RUNS, *_RELEASE, *_CONTAINERS, cluster.used, options.program),
    ),
    Command(
        name="releases",
        heading="Search releases",
        help="list the IREE releases",
        groups=(own.listing, options.wheels, *_STORE, options.network),
    ),
    Command(
        name="report",
        heading="Check models",
        help="write results that are there as a page, report.html",
        groups=(own.report, options.history_file),
    ),
    Command(
        name="new",
        heading="Check models",
        help="add a model: write its spec, lock its blobs and run it once",
        groups=(own.new_model, *_RUNS, *_RELEASE, *_CONTAINERS, options.program),
    ),
    Command(
        name="bless",
        heading="Check models",
        help="record expected outputs, or delete stale expected failures",
        groups=(own.bless, options.specs, options.target, options.limits, *_RELEASE, *_DOWNLOADS, *_CONTAINERS),
    ),
    Command(
        name="fetch",
        heading="Manage downloads and images",
        help="download everything that quality needs to run --offline",
        groups=(*_QUALITY, own.blobs_only),
    ),
    Command(
        name="bundle",
        heading="Manage downloads and images",
        help="pack all that a run needs offline into one file",
        default="write",
        subcommands=(
            Command(name="write", help="write the file (the default)", groups=(*_PACKED, repro.bundled)),
            Command(
                name="load", help="check such a file, and load it", groups=(repro.loaded, options.store, options.engine)
            ),
        ),
    ),
    Command(
        name="lock",
        heading="Manage downloads and images",
        help="pin the content of blobs in blobs.lock.json",
        groups=(options.every, own.update, options.specs, *_DOWNLOADS),
    ),
    Command(
        name="store",
        heading="Manage downloads and images",
        help="inspect, clean, verify or serve the cache",
        subcommands=(
            Command(name="du", help="show what takes how much space", groups=(options.store,)),
            Command(
                name="gc",
                help="remove what is not needed, and with --cache-size what is least used",
                groups=(options.store, options.shared, options.cache, own.aged),
            ),
            Command(name="info", help="show whether the shared store works, and what it has", groups=(options.shared,)),
            Command(
                name="verify",
                help="read every byte, and remove what is damaged",
                groups=(options.store, options.shared),
            ),
            Command(
                name="serve",
                help="serve the cache to other machines by HTTP",
                groups=(own.server, options.store),
            ),
        ),
    ),
    Command(
        name="image",
        heading="Manage downloads and images",
        help="build, push, list and remove container images",
        subcommands=(
            Command(name="tag", help="print the tag of an image, a hash over all its inputs", groups=_MAKES),
            Command(name="build", help="find, pull or build an image", groups=_MAKES),
            Command(name="push", help="push an image to --registry, and print its name by digest", groups=_MAKES),
            Command(name="list", help="list the images of the harness", groups=_IMAGES),
            Command(name="prune", help="remove images that are out of date", groups=(own.prune, *_IMAGES)),
        ),
    ),
    Command(
        name="compare",
        heading="Look at earlier runs",
        help="show what differs between two runs, releases, chips or branches",
        groups=(history.compared, options.history_file),
    ),
    Command(
        name="issue",
        heading="Look at earlier runs",
        help="write the text of a bug report about a case, for the project IREE",
        groups=(history.reported,),
    ),
    Command(
        name="history",
        heading="Look at earlier runs",
        help="show how a case did before, and list the runs",
        default="show",
        subcommands=(
            Command(
                name="show",
                help="show the results of a case, or list the runs (the default)",
                groups=(history.shown, own.listing, options.history_file),
            ),
            Command(
                name="import",
                help="record the runs of other machines from their results.json",
                groups=(history.imported, options.history_file),
            ),
            Command(name="prune", help="remove old runs", groups=(history.kept, options.history_file)),
            Command(name="pin", help="keep a run and its results", groups=(history.run, options.history_file)),
            Command(
                name="unpin",
                help="let a run and its results be removed again",
                groups=(history.run, options.history_file),
            ),
        ),
    ),
    Command(
        name="results",
        heading="Look at earlier runs",
        help="remove old folders of results, or list durations",
        subcommands=(
            Command(
                name="durations",
                help="write how long each case takes, for --shard",
                groups=(history.durations,),
            ),
            Command(
                name="prune",
                help="remove old folders of results that are not pinned",
                groups=(history.old_results, options.history_file),
            ),
        ),
    ),
    Command(
        name="repro",
        heading="Look at earlier runs",
        help="pack a case of a run, to repeat it on another machine",
        default="write",
        subcommands=(
            Command(
                name="write",
                help="write a folder with a script that repeats a case (the default)",
                groups=(repro.written, repro.allowed, options.wheels, own.run_wrapper, *_DOWNLOADS),
            ),
            Command(name="check", help="say if the case of such a folder ended as before", groups=(repro.checked,)),
        ),
    ),
    Command(
        name="cluster",
        heading="Set up",
        help="be a worker, or the scheduler, of a cluster of machines",
        subcommands=(
            Command(name="scheduler", help="hand out work to workers", groups=(cluster.scheduler,)),
            Command(
                name="worker",
                help="compile and run what a scheduler hands out",
                groups=(cluster.worker, *_DOWNLOADS, options.engine_of_worker, options.container),
            ),
        ),
    ),
    Command(
        name="doctor",
        heading="Set up",
        help="check this machine and suggest fixes",
        groups=(options.every, options.specs, *_STORE),
    ),
    Command(name="completion", heading="Set up", help="print a completion script for a shell", groups=(own.shell,)),
)
