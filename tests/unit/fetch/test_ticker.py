import threading

from harness.fetch.ticker import Ticker


def test_a_function_is_called_again_and_again_until_the_context_ends() -> None:
    ticker, calls, enough = Ticker(), [0], threading.Event()

    def call() -> None:
        calls[0] += 1
        if calls[0] == 3:
            enough.set()

    with ticker.calling(call):
        assert enough.wait(60)
    was, others = calls[0], threading.Event()
    with ticker.calling(others.set):
        assert others.wait(60)
    assert calls[0] <= was + 1  # one that had begun
    assert calls[0] >= 3


def test_the_thread_ends_when_there_is_nothing_to_call_and_another_one_begins() -> None:
    ticker, called = Ticker(), threading.Event()
    with ticker.calling(called.set):
        first = ticker._thread
        assert first is not None
    first.join(60)
    assert not first.is_alive()
    called.clear()
    with ticker.calling(called.set):
        assert called.wait(60)
