"""Lets pytest collect the specs of this folder; `harness.collector` says how."""

pytest_plugins = ["harness.collector"]
