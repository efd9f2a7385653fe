from typing import Any

from harness.cluster.held import Held
from harness.cluster.messages import Files


class Sent:
    """What stands for files on a cluster."""

    def __init__(self, files: Files) -> None:
        self.files, self.status = files, "finished"


def sending() -> tuple[Held, list[Any]]:
    sent: list[Any] = []

    def send(files: Files) -> Any:
        sent.append(Sent(files))
        return sent[-1]

    return Held(send, limit_bytes=10), sent


def test_what_is_there_is_not_sent_again() -> None:
    held, sent = sending()
    first = held.find("a", lambda: {"content": b"1234"})
    assert held.find("a", lambda: {"content": b"1234"}) is first
    assert len(sent) == 1


def test_what_was_lost_is_sent_again() -> None:
    held, sent = sending()
    held.find("a", lambda: {"content": b"1234"})
    sent[0].status = "lost"
    assert held.find("a", lambda: {"content": b"1234"}) is sent[1]


def test_what_was_used_least_recently_goes_first() -> None:
    held, sent = sending()
    for key in ("a", "b", "a", "c"):
        held.find(key, lambda: {"content": b"1234"})
    assert len(sent) == 3
    held.find("a", lambda: {"content": b"1234"})
    assert len(sent) == 3
    held.find("b", lambda: {"content": b"1234"})
    assert len(sent) == 4


def test_the_cpu_of_a_module_is_known() -> None:
    held, _ = sending()
    held.note_cpu("module", "a CPU")
    assert held.cpu("module") == "a CPU"
    assert held.cpu("another") == ""
