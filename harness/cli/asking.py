"""Asks the user."""

import sys


def is_wanted(question: str) -> bool:
    """Return whether the user says yes; without a terminal the answer is no."""
    if not sys.stdin.isatty():
        return False
    sys.stdout.write(f"{question} [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
