"""The original suite's way to run: `python quality_tests/ -rpFe --log-cli-level=info --timeout=600`."""

import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    sys.exit(pytest.main([str(Path(__file__).parent), *sys.argv[1:]]))
