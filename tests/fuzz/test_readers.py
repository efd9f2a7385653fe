import resource

import pytest

from tests.fuzz import corpus, readers

EXAMPLES = 60
MOST_BYTES = 200 << 20


@pytest.mark.parametrize(("name", "content"), corpus.FINDINGS)
def test_what_was_found_is_not_found_again(name: str, content: bytes) -> None:
    readers.check(name, content)


@pytest.mark.parametrize("name", readers.READERS)
def test_a_reader_returns_a_value_or_raises_a_harness_error(name: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    for seed in range(EXAMPLES):
        readers.check(name, readers.example(name, seed))
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10) - before < MOST_BYTES
