"""`harness quality` and `harness run`."""

import argparse
from collections.abc import Mapping

from rich.console import Console

from harness.containers import provider
from harness.pipeline import environment as site
from harness.pipeline import session


def main(parsed: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Judge the selected models: at the place that is asked for, or with the tools that are here."""
    if parsed.command == "quality":
        provide = provider.provider(parsed, environment)
    else:
        provide = site.found(parsed.toolchain, environment.get("PATH", ""))
    return session.judge(parsed, Console(highlight=False), environment, provide)
