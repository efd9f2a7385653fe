"""The options of a command line by name."""

import argparse
from collections.abc import Mapping
from typing import Any

from harness.cli.parser import PARSER


class Given:
    """Options by name: what a command does not have is None."""

    def __init__(self, parsed: argparse.Namespace, environment: Mapping[str, str]) -> None:
        """Take what argparse parsed, and the variables of the process."""
        self._options, self.environment = vars(parsed), environment
        self.command: str = parsed.command

    def __call__(self, name: str) -> Any:
        """Return the value of an option."""
        return self._options.get(name)

    def several(self, name: str) -> tuple[Any, ...]:
        """Return the values of an option that may be given several times."""
        return tuple(self._options.get(name) or ())

    def has(self, name: str) -> bool:
        """Return whether the command has an option."""
        return name in self._options

    @property
    def names(self) -> frozenset[str]:
        """The options that have another value than their default."""
        parser: argparse.ArgumentParser = self._options[PARSER]
        return frozenset(name for name, value in self._options.items() if value != parser.get_default(name))
