"""Makes the parser of the command line from the table of commands, and reads command lines with it."""

from argparse import SUPPRESS
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from harness import __version__
from harness.cli.command_table import COMMANDS, Command
from harness.cli.parser import Parser

if TYPE_CHECKING:  # help needs neither
    from harness.cli.settings import Invocation
    from harness.core.settings import Settings


def parser(environment: Mapping[str, str], argv: Sequence[str] | None = None) -> Parser:
    """Return the parser of `harness`; some of its defaults come from the environment.

    Args:
        environment: the variables of the process.
        argv: a command line; the parser can read no command that it does not name.
    """
    description = "Check whether models still compute the right numbers with an IREE release."
    top = Parser(prog="harness", description=description)
    top.add_argument("--version", action="version", version=__version__, help="show the version and exit")
    parsers = dict(_added(COMMANDS, top, argv))
    if parsers:
        from harness.cli.command_groups import GROUPS  # noqa: PLC0415 - the help of `harness` has no options

        for words in parsers.keys() & GROUPS.keys():
            for group in GROUPS[words]:
                group(parsers[words], environment)
            parsers[words].shorten_usage()
    return top


def _added(
    commands: Sequence[Command], parser: Parser, named: Collection[str] | None, above: tuple[str, ...] = ()
) -> Iterator[tuple[str, Parser]]:
    """Add the parsers of commands that are named, or of all, and yield each with the words of its command."""
    parser.usage, parser.epilog = "%(prog)s COMMAND ...", _listed(commands)
    added = parser.add_subparsers(
        dest="_".join((*above, "command")), required=True, metavar="COMMAND", help=SUPPRESS, prog=parser.prog
    )
    for command in commands:
        words = (*above, command.name)
        if named is not None and command.name not in named:
            added.choices[command.name] = parser  # for messages: nothing calls it
            continue
        each = added.add_parser(command.name, description=_sentence(command.help))
        yield " ".join(words), each
        if command.default:
            parser.defaults[command.name] = (command.default, {sub.name for sub in command.subcommands})
        if command.subcommands:
            yield from _added(command.subcommands, each, None, words)


def _listed(commands: Sequence[Command]) -> str:
    """Return the commands with what they do, below their headings."""
    width = max(len(command.name) for command in commands)
    lines: dict[str, list[str]] = {}
    for command in commands:
        lines.setdefault(command.heading, []).append(f"  {command.name:<{width}}  {command.help}")
    return "\n\n".join("\n".join((f"{heading}:", *each)) for heading, each in lines.items())


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def invocation(argv: Sequence[str], environment: Mapping[str, str]) -> "Invocation":
    """Return what a command line asks for.

    Raises:
        SystemExit: it asks for help or the version, which has been printed.
        UsageError: it is wrong, or a variable of the environment is.
    """
    parsed = parser(environment, argv).read(argv)
    from harness.cli import settings  # noqa: PLC0415 - help has been printed

    return settings.invocation(parsed, environment)


def from_environment(environment: Mapping[str, str]) -> "Settings":
    """Return the settings of `harness quality` without an option."""
    return invocation(["quality"], environment).settings
