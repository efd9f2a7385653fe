"""An argument parser whose errors are one line, name what is near, and say where help is."""

import argparse
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from harness.cli.streams import Styled
from harness.core.errors import UsageError

# Where a parsed command line keeps the parser of its command.
PARSER = "parser"
Add = Callable[..., argparse.Action]
_WIDEST = 100
_HELP_COLUMN = 26


class Parser(argparse.ArgumentParser):
    """The parser of `harness`, or of one of its commands.

    Attributes:
        defaults: by command, the subcommand that is meant if none is named, and all of them.
    """

    def __init__(self, **options: Any) -> None:
        """Take the options of argparse; long options are never abbreviated."""
        super().__init__(**{"allow_abbrev": False, **options})
        self.set_defaults(**{PARSER: self})
        self._optionals.title = "Options"
        self._titled: dict[str, Add] = {}
        self.defaults: dict[str, tuple[str, Collection[str]]] = {}

    def read(self, argv: Sequence[str]) -> argparse.Namespace:
        """Return the parsed command line.

        Raises:
            UsageError: it is wrong.
            SystemExit: it asks for help or the version, which has been printed.
        """
        parsed, rest = self.parse_known_args(self._completed(argv))
        if rest:
            parser: Parser = getattr(parsed, PARSER)
            raise UsageError(parser.refusal(rest))
        return parsed

    def _completed(self, argv: Sequence[str]) -> Sequence[str]:
        """Return a command line with the subcommand that is meant where none is named, unless it asks for help."""
        default, known = self.defaults.get(argv[0] if argv else "", ("", ()))
        word = argv[1] if len(argv) > 1 else ""
        return argv if not default or word in {*known, "-h", "--help"} else [argv[0], default, *argv[1:]]

    def group(self, title: str) -> Add:
        """Return what adds options below a heading of the help."""
        if title not in self._titled:
            self._titled[title] = self.add_argument_group(title).add_argument
        return self._titled[title]

    def shorten_usage(self) -> None:
        """Name the arguments alone in the usage: the options are below their headings."""
        words = [_word(action) for action in self._get_positional_actions()]
        self.usage = " ".join(("%(prog)s [OPTION ...]", *words))

    def format_help(self) -> str:
        """Return the help, laid out by what takes 20 ms to load; argparse makes a formatter for every option."""
        self.formatter_class = _formatter
        return super().format_help()

    def _print_message(self, message: str, file: Any = None) -> None:
        Styled(file or sys.stderr).write(message)

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        raise UsageError(f"{message.removeprefix('argument ')}; see `{self.prog} --help`.")

    def refusal(self, words: Sequence[str]) -> str:
        """Return what is wrong with words that are neither options nor arguments of the command."""
        options = [word.partition("=")[0] for word in words if word.startswith("-")]
        if not options:
            return f"unexpected argument {words[0]!r}; see `{self.prog} --help`."
        known = (each for each in self._option_string_actions if each.startswith("--"))
        return f"`{self.prog}` has no option {options[0]}{_near(options[0], known)}; see `{self.prog} --help`."

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        known = list(map(str, action.choices))
        is_command = isinstance(action.choices, Mapping)
        what = "no such command" if is_command else f"expected one of {', '.join(known)}"
        raise argparse.ArgumentError(None if is_command else action, f"{value!r}: {what}{_near(str(value), known)}")


def _word(action: argparse.Action) -> str:
    """Return an argument as a usage has it: `NAME`, `[NAME]`, `NAME ...` or `[NAME ...]`."""
    match action.nargs:
        case "*":
            return f"[{action.metavar} ...]"
        case "?":
            return f"[{action.metavar}]"
        case "+":
            return f"{action.metavar} ..."
        case _:
            return str(action.metavar)


def _near(word: str, known: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 - only a mistake needs it

    near = difflib.get_close_matches(word, list(known), n=3, cutoff=0.7)
    return f" (did you mean {' or '.join(near)}?)" if near else ""


def _formatter(prog: str) -> argparse.HelpFormatter:
    import shutil  # noqa: PLC0415 - only help needs it, and the next

    from rich_argparse import RawDescriptionRichHelpFormatter  # noqa: PLC0415

    RawDescriptionRichHelpFormatter.group_name_formatter = str
    width = min(_WIDEST, shutil.get_terminal_size().columns)
    return RawDescriptionRichHelpFormatter(prog, max_help_position=_HELP_COLUMN, width=width)
