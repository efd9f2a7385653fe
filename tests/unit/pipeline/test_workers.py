import threading

from harness.pipeline.workers import Workers
from tests.patience import IN_PROCESS_S, comes_true


def test_calls_are_done_at_once_and_threads_are_used_again() -> None:
    workers, seen, at_once = Workers(), list[int](), threading.Barrier(4)

    def call() -> None:
        seen.append(threading.get_ident())
        at_once.wait(IN_PROCESS_S)

    for _ in range(3):
        for _ in range(3):
            workers.do(call)
        at_once.wait(IN_PROCESS_S)
        assert comes_true(lambda: workers._idle == 3)
    assert (len(seen), len(set(seen))) == (9, 3)


def test_a_thread_ends_when_there_is_nothing_to_do() -> None:
    workers, threads = Workers(), list[threading.Thread]()
    workers.do(lambda: threads.append(threading.current_thread()))
    assert comes_true(lambda: threads and not threads[0].is_alive())
    workers.do(lambda: threads.append(threading.current_thread()))
    assert comes_true(lambda: len(threads) == 2)
