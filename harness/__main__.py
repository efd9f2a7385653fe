"""Runs the command line as `python -m harness`."""

from importlib import import_module

if __name__ == "__main__":
    # By name: `harness.cli` imports `harness.api`, and the package `harness` itself must not import in a circle.
    import_module("harness.cli.main").entry_point()
