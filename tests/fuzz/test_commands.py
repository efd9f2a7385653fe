from collections.abc import Sequence

import pytest

from tests.fuzz import commands

EXAMPLES = 40


@pytest.mark.parametrize(
    "argv",
    [
        ["validate"],
        ["list", "--json"],
        ["plan", "--iree=3.13.0", "--store={root}/store", "--offline"],
        ["plan", "--iree=3.0.0", "--store={root}/store", "--offline", "--verdict=iree-run-module"],
    ],
    ids=" ".join,
)
def test_no_spec_ends_a_command_with_a_bug(argv: Sequence[str]) -> None:
    for seed in range(EXAMPLES):
        assert commands.check(commands.example(seed), argv) in {0, 2, 3}
