"""Settings as command lines make them."""

from collections.abc import Mapping

from harness.cli import arguments
from harness.cli.settings import Invocation
from harness.core.settings import Settings


def invocation(*argv: str, environment: Mapping[str, str] | None = None) -> Invocation:
    """Return what a command line asks for."""
    return arguments.invocation(argv, environment or {})


def settings(*options: str, environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of `harness quality` with some options."""
    return invocation("quality", *options, environment=environment).settings
