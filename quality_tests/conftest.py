"""Lets pytest collect the specs of this folder; `harness.cli.pytest_plugin` says how."""

pytest_plugins = ["harness.cli.pytest_plugin"]
