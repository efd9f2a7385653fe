"""Starts the worker of a framework: a program of its own, which only an importer's environment can run.

python -BIS main.py FRAMEWORK ENVIRONMENT     in a folder with request.json; it writes reply.json and files beside it

The environment is a folder, or an archive of one, which is unpacked here.
"""

import importlib
import os
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

UNPACKED = "environment"
_WORKERS = "harness.importers.workers"


def main(argv: Sequence[str]) -> None:
    """Do what request.json asks for."""
    _, framework, environment = argv
    if Path(environment).is_file():
        with tarfile.open(environment) as archive:
            archive.extractall(UNPACKED)  # noqa: S202 - it was made of an environment, to which nothing is above
        environment = str(Path(UNPACKED).absolute())
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
    os.umask(0o027)  # in a container, who takes the answer is in the group of this user, and has no other right to it
    main(sys.argv)
