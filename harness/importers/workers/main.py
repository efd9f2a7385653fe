"""Starts the worker of a framework: a program of its own, which only an importer's environment can run.

python -BIS main.py FRAMEWORK ENVIRONMENT     in a folder with request.json; it writes reply.json and files beside it
"""

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

_WORKERS = "harness.importers.workers"


def main(argv: Sequence[str]) -> None:
    """Do what request.json asks for."""
    _, framework, environment = argv
    sys.path.insert(0, environment)
    _show_workers_only()
    worker = importlib.import_module(f"{_WORKERS}.{framework}_worker")
    importlib.import_module(f"{_WORKERS}.exchange").answer(worker.STEPS)


def _show_workers_only() -> None:
    """Let the modules of this folder be imported by their full names, and nothing else of the harness."""
    parts = _WORKERS.split(".")
    for depth in range(1, len(parts) + 1):
        package = ModuleType(".".join(parts[:depth]))
        package.__path__ = [str(Path(__file__).parent)] if depth == len(parts) else []
        sys.modules[package.__name__] = package


if __name__ == "__main__":
    os.umask(0o077)
    main(sys.argv)
