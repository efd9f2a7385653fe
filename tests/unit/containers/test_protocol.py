import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.containers import protocol
from harness.containers.protocol import Hello, LostError, Order, Reply
from harness.core.errors import EngineError
from harness.host.process import ProcessResult
from tests.unit.messages import MESSAGES

ENDED = ProcessResult(exit_code=0, signal=None, timed_out=False, seconds=1.0, cpu_seconds=1, peak_memory_bytes=1)
ORDER = Order(argv=("/bin/true",), reads=(("a.bin", True),), writes=("0.npy",), timeout_s=1.0, variables={})
KINDS: tuple[Any, ...] = (Hello, Order, Reply)
Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    one, other = socket.socketpair()
    with one, other:
        other.settimeout(10.0)
        yield one, other


def sending(call: Callable[..., None], *arguments: Any) -> None:
    """Send in another thread, since a connection takes only so much at once."""
    threading.Thread(target=call, args=arguments, daemon=True).start()


@settings(max_examples=30, deadline=None)
@given(MESSAGES)
def test_any_message_arrives_as_it_was(message: Any) -> None:
    one, other = socket.socketpair()
    with one, other:
        sending(protocol.send, one, message)
        with protocol.received(other, type(message)) as (got, files):
            assert (got, files) == (message, ())


@pytest.mark.parametrize("count", [0, 1, 128, 129, 300])
def test_files_cross_as_descriptors_and_are_closed_afterwards(tmp_path: Path, pair: Pair, count: int) -> None:
    one, other = pair
    names = [tmp_path / str(index) for index in range(count)]
    sent = []
    for name in names:
        name.write_text(name.name)
        sent.append(os.open(name, os.O_RDONLY))
    sending(protocol.send, one, ORDER, sent)
    with protocol.received(other, Order) as (order, files):
        assert order == ORDER
        assert [os.pread(each, 10, 0).decode() for each in files] == [name.name for name in names]
        assert not any(map(os.get_inheritable, files))
    for each in files:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(each)
    for each in sent:
        os.close(each)


def test_a_program_may_write_into_no_file_that_it_may_read(tmp_path: Path, pair: Pair) -> None:
    (tmp_path / "a").write_text("a")
    with (tmp_path / "a").open() as file:
        protocol.send(pair[0], ORDER, [file.fileno()])
        with protocol.received(pair[1], Order) as (_, files), pytest.raises(OSError, match="Bad file descriptor"):
            os.write(files[0], b"b")


def test_beats_are_no_messages(pair: Pair) -> None:
    for _ in range(3):
        protocol.beat(pair[0])
    protocol.send(pair[0], Reply(process=ENDED))
    with protocol.received(pair[1], Reply) as (reply, _):
        assert reply.process == ENDED


def test_without_a_beat_it_is_too_late(pair: Pair) -> None:
    pair[1].settimeout(0.05)
    with pytest.raises(TimeoutError), protocol.received(pair[1], Reply):
        pass


def test_beats_alone_are_not_enough(pair: Pair) -> None:
    ended = threading.Event()

    def beat() -> None:
        while not ended.is_set():
            protocol.beat(pair[0])
            time.sleep(0.01)

    sending(beat)
    with pytest.raises(TimeoutError), protocol.received(pair[1], Reply, within_s=0.1):
        pass
    ended.set()


@pytest.mark.parametrize("sent", [b"", b"\0", struct.pack("!II", 10, 0) + b"123", struct.pack("!II", 2, 1) + b"{}"])
def test_the_end_of_a_connection_is_told(pair: Pair, sent: bytes) -> None:
    pair[0].sendall(sent)
    pair[0].shutdown(socket.SHUT_RDWR)
    with pytest.raises(LostError), protocol.received(pair[1], Reply):
        pass


@pytest.mark.parametrize("header", [(1 << 30, 0), (0, 1 << 30), (0xFFFFFFFF, 0xFFFFFFFF)])
def test_a_message_that_is_too_long_is_not_read(pair: Pair, header: tuple[int, int]) -> None:
    pair[0].sendall(struct.pack("!II", *header))
    with pytest.raises(EngineError, match="is too long"), protocol.received(pair[1], Reply):
        pass


def test_a_descriptor_alone(tmp_path: Path, pair: Pair) -> None:
    (tmp_path / "a").write_text("a")
    with (tmp_path / "a").open() as file:
        protocol.hand_over(pair[0], file.fileno())
    got = protocol.handed_over(pair[1])
    assert got is not None
    assert os.pread(got, 10, 0) == b"a"
    os.close(got)
    pair[0].close()
    assert protocol.handed_over(pair[1]) is None


REPLY = json.dumps({"process": None, "free_bytes": 1, "files": ["a"], "error": "", "no_space": False}).encode()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"hello",
        b"\xff\xfe",
        b'{"type": "Reply"',
        b"[]",
        b"null",
        b'"Reply"',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        REPLY.replace(b'"free_bytes": 1', b'"free_bytes": ' + b"9" * 5000),
        REPLY.replace(b'"process": null', b'"process": {"exit_code": "0"}'),
        REPLY.replace(b'["a"]', b"[" * 800 + b"]" * 800),
        REPLY.replace(b'["a"]', b"[1]"),
        REPLY[:-3],
    ],
)
def test_a_hostile_text(text: bytes) -> None:
    for kind in KINDS:
        with pytest.raises(EngineError, match=f"^Cannot read a {kind.__name__} message: ") as caught:
            protocol.read(kind, text)
        assert len(str(caught.value)) < 1000


@given(st.binary() | st.text().map(lambda text: json.dumps({"type": text, text: text}).encode()))
def test_any_bytes_are_refused(text: bytes) -> None:
    for kind in KINDS[:2]:
        with pytest.raises(EngineError):
            protocol.read(kind, text)
