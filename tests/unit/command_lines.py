"""Settings as command lines make them; the parser of an environment is made once, for that takes long."""

import argparse
import functools
from collections.abc import Mapping

from harness.cli import arguments
from harness.cli import settings as cli_settings
from harness.cli.parser import Parser
from harness.cli.settings import Invocation
from harness.core.settings import Settings


@functools.cache
def _parser(variables: frozenset[tuple[str, str]]) -> Parser:
    return arguments.parser(dict(variables))


def parsed(*argv: str, environment: Mapping[str, str] | None = None) -> argparse.Namespace:
    """Return the options of a command line."""
    return _parser(frozenset((environment or {}).items())).read(argv)


def invocation(*argv: str, environment: Mapping[str, str] | None = None) -> Invocation:
    """Return what a command line asks for."""
    return cli_settings.invocation(parsed(*argv, environment=environment), environment or {})


def settings(*options: str, environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of `harness quality` with some options."""
    return invocation("quality", *options, environment=environment).settings
