"""Makes the parser of the command line from the table of commands, and reads command lines with it."""

from argparse import SUPPRESS
from collections.abc import Sequence

from harness import __version__
from harness.cli import settings
from harness.cli.command_table import COMMANDS, Command
from harness.cli.options import Environment
from harness.cli.parser import Parser
from harness.cli.settings import Invocation
from harness.core.settings import Settings


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
        if command.default:
            parser.defaults[command.name] = (command.default, {sub.name for sub in command.subcommands})
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
