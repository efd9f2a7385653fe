"""The commands of the command line, each with the groups of options that it takes."""

from argparse import SUPPRESS
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import __version__
from harness.cli import options, settings
from harness.cli.argument_types import host_name, port, positive
from harness.cli.options import Environment, Group
from harness.cli.parser import Parser
from harness.cli.settings import Invocation
from harness.core.settings import Settings

DEFAULT_PORT = 8765
SHELLS = ("bash", "zsh", "tcsh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command: its name, what it does, its groups of options, and its subcommands.

    Attributes:
        name: as it is typed.
        help: what it does, as a phrase.
        heading: below which the help of `harness` lists it.
        groups: its options.
        subcommands: its own commands; it has no options then.
    """

    name: str
    help: str
    heading: str = "Commands"
    groups: tuple[Group, ...] = ()
    subcommands: tuple["Command", ...] = ()


def _list(parser: Parser, _environment: Environment) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _run(parser: Parser, _environment: Environment) -> None:
    help_text = "folder whose bin has the IREE tools (default: those on PATH)"
    parser.group("IREE release")("--toolchain", type=Path, metavar="DIR", help=help_text)


def _fetch(parser: Parser, _environment: Environment) -> None:
    help_text = "leave out the IREE release and the image"
    parser.group("Downloads and cache")("--blobs-only", action="store_true", help=help_text)


def _lock(parser: Parser, _environment: Environment) -> None:
    help_text = "re-download locked blobs and update the lock file"
    parser.group("Downloads and cache")("--update", action="store_true", help=help_text)


def _new(parser: Parser, _environment: Environment) -> None:
    add = parser.group("Models")
    add("name", metavar="MODEL/SUBMODEL", help="name of the new model, e.g. sd3/clip")
    help_text = "program: a URL, or a path relative to --specs, as all files named here"
    add("--mlir", required=True, metavar="SOURCE", help=help_text)
    add("--no-run", action="store_true", help="write the spec and lock its blobs, but run nothing")


def _case(parser: Parser, _environment: Environment) -> None:
    parser.group("Models")("selectors", nargs=1, metavar="CASE", help="selector of one case, or a .mlir file")


def _question(parser: Parser, _environment: Environment) -> None:
    add = parser.group("Search")
    add("--good", metavar="RELEASE", help="a good release (default: look for one)")
    add("--bad", metavar="RELEASE", help="a bad release (default: the newest)")
    help_text = "find the first bad release, or with fix the first good one after --bad"
    add("--find", choices=("break", "fix"), default="break", help=help_text)
    add("--metric", metavar="EXPR", help="condition that is bad, e.g. 'dispatches > 40' (default: the case fails)")
    help_text = "count any failure, not only one like that of the bad end"
    add("--any-failure", action="store_true", help=help_text)
    add("--all", action="store_true", help="test every release and find every change")
    help_text = "run N times with each release (default: once, and up to 60 times beside the answer)"
    add("--repeat", type=positive, metavar="N", help=help_text)
    add("--at-least", type=positive, metavar="K", help="K of N runs must agree, else the release is flaky")
    help_text = "also find out if the compiler or the runtime carries the change"
    add("--attribute", action="store_true", help=help_text)
    add("--log", type=Path, metavar="FILE", help="write one line of JSON for each tested release")
    add("--replay", type=Path, metavar="FILE", help="take releases from such a file and test only the rest")


def _matrix(parser: Parser, _environment: Environment) -> None:
    help_text = "release or range such as 3.0.0..3.13.0; repeatable (default: all)"
    parser.group("Search")("--iree", action="append", default=[], metavar="RELEASE", help=help_text)
    parser.group("Search")("--show", metavar="NAME", help="show this number, e.g. dispatches, in place of the status")


def _at_once(default: int) -> Group:
    def add(parser: Parser, _environment: Environment) -> None:
        help_text = "releases tested at once (default: %(default)s)"
        parser.group("Search")("--jobs", type=positive, default=default, metavar="K", help=help_text)

    return add


def _serve(parser: Parser, _environment: Environment) -> None:
    add = parser.group("Server")
    add("--host", default="127.0.0.1", metavar="ADDRESS", help="address to listen on (default: %(default)s)")
    add("--port", type=port, default=DEFAULT_PORT, help="TCP port, 0 for any (default: %(default)s)")
    help_text = "another name of the server, if clients come through an alias, a proxy or a port mapping; repeatable"
    add("--known-as", action="append", type=host_name, default=[], metavar="NAME", help=help_text)


def _image(parser: Parser, _environment: Environment) -> None:
    add = parser.group("Containers")
    add("image", nargs="?", default="cpu", metavar="IMAGE", help="name in images.toml (default: %(default)s)")


def _prune(parser: Parser, _environment: Environment) -> None:
    parser.add_argument("--all", action="store_true", help="remove all images of the harness")
    parser.add_argument("--dry-run", action="store_true", help="only print what would be removed")


def _shell(parser: Parser, _environment: Environment) -> None:
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))


def _bless(parser: Parser, _environment: Environment) -> None:
    """Add what only `bless` has."""
    add = parser.group("Bless")
    add("results", nargs="?", type=Path, metavar="RESULTS", help="a folder of results (default: the newest run)")
    add("--expectations", action="store_true", help="delete expected failures that did not happen")
    add("--yes", action="store_true", help="write the changes without asking")


_CASES = (options.specs, options.chosen, options.target, options.running)
_RELEASE = (options.release, options.wheels)
_STORE = (options.store, options.offline)
_DOWNLOADS = (*_STORE, options.cache, options.network)
_CONTAINERS = (options.engine, options.container)
_RUNS = (*_CASES, options.limits, options.recompile, options.results, *_DOWNLOADS)
_SEARCH = (*_RUNS, options.wheels, *_CONTAINERS, options.program)
_MAKES = (_image, *_RELEASE, *_STORE, options.network, options.engine)
_IMAGES = (*_STORE, options.engine)

_QUALITY = (
    *(options.selectors, options.only_failed, *_RUNS, options.jobs, *_RELEASE, *_CONTAINERS),
    options.program,
)

COMMANDS = (
    Command(
        name="quality",
        heading="Check models",
        help="compile, run and check models with an IREE release",
        groups=_QUALITY,
    ),
    Command(
        name="run",
        heading="Check models",
        help="the same with IREE tools that are installed already",
        groups=(options.selectors, options.only_failed, *_RUNS, options.jobs, _run, options.program),
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
        groups=(options.every, _list, *_CASES, options.program),
    ),
    Command(name="validate", heading="Check models", help="check the specs", groups=(options.every, options.specs)),
    Command(
        name="bisect",
        heading="Search releases",
        help="find the release that broke, fixed or changed a case",
        groups=(_case, _question, _at_once(1), *_SEARCH),
    ),
    Command(
        name="matrix",
        heading="Search releases",
        help="check models with many releases, and show where they differ",
        groups=(options.selectors, _matrix, _at_once(2), *_SEARCH),
    ),
    Command(
        name="releases",
        heading="Search releases",
        help="list the IREE releases",
        groups=(_list, options.wheels, *_STORE, options.network),
    ),
    Command(
        name="new",
        heading="Check models",
        help="add a model: write its spec, lock its blobs and run it once",
        groups=(_new, *_RUNS, *_RELEASE, *_CONTAINERS, options.program),
    ),
    Command(
        name="bless",
        heading="Check models",
        help="delete expected failures that did not happen from the specs",
        groups=(_bless,),
    ),
    Command(
        name="fetch",
        heading="Manage downloads and images",
        help="download everything that quality needs to run --offline",
        groups=(*_QUALITY, _fetch),
    ),
    Command(
        name="lock",
        heading="Manage downloads and images",
        help="pin the content of blobs in blobs.lock.json",
        groups=(options.every, _lock, options.specs, *_DOWNLOADS),
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
                groups=(options.store, options.cache),
            ),
            Command(name="verify", help="read every byte, and remove what is damaged", groups=(options.store,)),
            Command(name="serve", help="serve the cache to other machines by HTTP", groups=(_serve, options.store)),
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
            Command(name="prune", help="remove images that are out of date", groups=(_prune, *_IMAGES)),
        ),
    ),
    Command(
        name="doctor",
        heading="Set up",
        help="check this machine and suggest fixes",
        groups=(options.every, options.specs, *_STORE),
    ),
    Command(name="completion", heading="Set up", help="print a completion script for a shell", groups=(_shell,)),
)


def parser(environment: Environment) -> Parser:
    """Return the parser of `harness`; some of its defaults come from the environment."""
    description = "Check whether models still compute the right numbers with an IREE release."
    top = Parser(prog="harness", description=description)
    top.add_argument("--version", action="version", version=__version__, help="show the version and exit")
    _add(COMMANDS, top, environment)
    return top


def _add(commands: Sequence[Command], parser: Parser, environment: Environment, *, below: str = "") -> None:
    parser.usage, parser.epilog = "%(prog)s COMMAND ...", _listed(commands)
    added = parser.add_subparsers(
        dest=f"{below}command", required=True, metavar="COMMAND", help=SUPPRESS, prog=parser.prog
    )
    for command in commands:
        each = added.add_parser(command.name, description=_sentence(command.help))
        for group in command.groups:
            group(each, environment)
        each.shorten_usage()
        if command.subcommands:
            _add(command.subcommands, each, environment, below=f"{command.name}_")


def _listed(commands: Sequence[Command]) -> str:
    """Return the commands with what they do, below their headings."""
    width = max(len(command.name) for command in commands)
    lines: dict[str, list[str]] = {}
    for command in commands:
        lines.setdefault(command.heading, []).append(f"  {command.name:<{width}}  {command.help}")
    return "\n\n".join("\n".join((f"{heading}:", *each)) for heading, each in lines.items())


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def invocation(argv: Sequence[str], environment: Environment) -> Invocation:
    """Return what a command line asks for.

    Raises:
        SystemExit: it asks for help or the version, which has been printed.
        UsageError: it is wrong, or a variable of the environment is.
    """
    return settings.invocation(parser(environment).read(argv), environment)


def from_environment(environment: Environment) -> Settings:
    """Return the settings of `harness quality` without an option."""
    return invocation(["quality"], environment).settings
