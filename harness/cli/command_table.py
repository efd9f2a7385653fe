"""The commands of `harness`, and what each does. Help reads nothing else, so this imports none of their options."""

from harness.core.values import frozen


@frozen
class Command:
    """A command: its name, what it does, and its subcommands.

    Attributes:
        name: as it is typed.
        help: what it does, as a phrase.
        heading: below which the help of `harness` lists it.
        subcommands: its own commands; it has no options then.
        default: the one of them that is meant if none is named; empty for none.
    """

    name: str
    help: str
    heading: str = "Commands"
    subcommands: tuple["Command", ...] = ()
    default: str = ""


COMMANDS = (
    Command(name="quality", heading="Check models", help="compile, run and check models with an IREE release"),
    Command(name="run", heading="Check models", help="the same with IREE tools that are installed already"),
    Command(name="bench", heading="Check models", help="time models, and compare releases, chips or flags"),
    Command(name="plan", heading="Check models", help="print the exact commands of a run, and what it would download"),
    Command(name="list", heading="Check models", help="list the cases"),
    Command(name="validate", heading="Check models", help="check the specs"),
    Command(name="bisect", heading="Search releases", help="find the release that broke, fixed or changed a case"),
    Command(
        name="matrix", heading="Search releases", help="check models with many releases, and show where they differ"
    ),
    Command(name="localize", heading="Search releases", help="name the operation that a release computes otherwise"),
    Command(name="reduce", heading="Search releases", help="find a small program that fails as a case does"),
    Command(name="releases", heading="Search releases", help="list the IREE releases"),
    Command(name="report", heading="Check models", help="write results that are there as a page, report.html"),
    Command(name="new", heading="Check models", help="add a model: write its spec, lock its blobs and run it once"),
    Command(name="bless", heading="Check models", help="record expected outputs, or delete stale expected failures"),
    Command(
        name="fetch",
        heading="Manage downloads and images",
        help="download everything that quality needs to run --offline",
    ),
    Command(
        name="bundle",
        heading="Manage downloads and images",
        help="pack all that a run needs offline into one file",
        default="write",
        subcommands=(
            Command(name="write", help="write the file (the default)"),
            Command(name="load", help="check such a file, and load it"),
        ),
    ),
    Command(name="lock", heading="Manage downloads and images", help="pin the content of blobs in blobs.lock.json"),
    Command(
        name="store",
        heading="Manage downloads and images",
        help="inspect, clean, verify or serve the cache",
        subcommands=(
            Command(name="du", help="show what takes how much space"),
            Command(name="gc", help="remove what is not needed, and with --cache-size what is least used"),
            Command(name="info", help="show whether the shared store works, and what it has"),
            Command(name="verify", help="read every byte, and remove what is damaged"),
            Command(name="serve", help="serve the cache to other machines by HTTP"),
        ),
    ),
    Command(
        name="image",
        heading="Manage downloads and images",
        help="build, push, list and remove container images",
        subcommands=(
            Command(name="tag", help="print the tag of an image, a hash over all its inputs"),
            Command(name="build", help="find, pull or build an image"),
            Command(name="push", help="push an image to --registry, and print its name by digest"),
            Command(name="list", help="list the images of the harness"),
            Command(name="prune", help="remove images that are out of date"),
        ),
    ),
    Command(
        name="compare",
        heading="Look at earlier runs",
        help="show what differs between two runs, releases, chips or branches",
    ),
    Command(
        name="issue",
        heading="Look at earlier runs",
        help="write the text of a bug report about a case, for the project IREE",
    ),
    Command(
        name="history",
        heading="Look at earlier runs",
        help="show how a case did before, and list the runs",
        default="show",
        subcommands=(
            Command(name="show", help="show the results of a case, or list the runs (the default)"),
            Command(name="import", help="record the runs of other machines from their results.json"),
            Command(name="prune", help="remove old runs"),
            Command(name="pin", help="keep a run and its results"),
            Command(name="unpin", help="let a run and its results be removed again"),
        ),
    ),
    Command(
        name="results",
        heading="Look at earlier runs",
        help="remove old folders of results, or list durations",
        subcommands=(
            Command(name="durations", help="write how long each case takes, for --shard"),
            Command(name="prune", help="remove old folders of results that are not pinned"),
        ),
    ),
    Command(
        name="repro",
        heading="Look at earlier runs",
        help="pack a case of a run, to repeat it on another machine",
        default="write",
        subcommands=(
            Command(name="write", help="write a folder with a script that repeats a case (the default)"),
            Command(name="check", help="say if the case of such a folder ended as before"),
        ),
    ),
    Command(
        name="cluster",
        heading="Set up",
        help="be a worker, or the scheduler, of a cluster of machines",
        subcommands=(
            Command(name="scheduler", help="hand out work to workers"),
            Command(name="worker", help="compile and run what a scheduler hands out"),
        ),
    ),
    Command(name="doctor", heading="Set up", help="check this machine and suggest fixes"),
    Command(name="completion", heading="Set up", help="print a completion script for a shell"),
)
