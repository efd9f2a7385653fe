import threading
from collections.abc import Iterator

import pytest

from harness.fetch.source import AttemptError
from harness.fetch.watch import Watch


def test_the_time_before_the_first_byte_ends_the_wait() -> None:
    over = threading.Event()
    with Watch(0.01) as watch, watch.ended.calling(over.set):
        assert over.wait(60)
        with pytest.raises(AttemptError, match=r"no byte of the blob came for 0\.01 s") as raised:
            watch.check()
    assert raised.value.failure.retriable


def test_each_piece_has_its_own_time() -> None:
    over = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield from (b"a", b"b")
        assert over.wait(60)
        yield b"c"

    with Watch(0.05) as watch, watch.ended.calling(over.set):
        watch.pause()
        found = watch.over(pieces())
        assert (next(found), next(found)) == (b"a", b"b")
        with pytest.raises(AttemptError):
            next(found)


def test_the_time_that_the_caller_takes_does_not_count() -> None:
    with Watch(0.05) as watch:
        found = watch.over(iter([b"a", b"b"]))
        next(found)
        assert not threading.Event().wait(0.2)
        assert next(found) == b"b"
        watch.check()


def test_all_watches_share_a_thread() -> None:
    with Watch(60):
        before = threading.active_count()
        with Watch(60), Watch(60):
            assert threading.active_count() == before
