"""Runs the command line, as `harness` and as `python -m harness`."""

import signal
from importlib import import_module


def main() -> None:
    """Run the command line of this process. Until its modules are loaded, signals wait: ^C prints no traceback."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    # By name: `harness.cli` imports `harness.api`, and the package `harness` itself must not import in a circle.
    import_module("harness.cli.main").entry_point()


if __name__ == "__main__":
    main()
