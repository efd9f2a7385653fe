import errno
import os
import threading
from io import BufferedWriter, TextIOWrapper
from pathlib import Path

from harness.cli.streams import Output


def text(output: Output) -> TextIOWrapper:
    return TextIOWrapper(BufferedWriter(output), encoding="utf-8")


def test_what_nobody_reads_is_dropped() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    output = Output(writer)
    stream = text(output)
    for _ in range(3):
        assert stream.write("line\n" * 10_000) == 50_000
        stream.flush()
    os.close(writer)
    assert output.failure
    assert output.failure.errno == errno.EPIPE


def test_a_full_disk_is_remembered() -> None:
    with Path("/dev/full").open("wb") as file:
        output = Output(file.fileno())
        stream = text(output)
        stream.write("line\n")
        stream.flush()
    stream.write("more\n")
    stream.flush()
    assert output.failure
    assert output.failure.errno == errno.ENOSPC


def test_a_pipe_that_another_program_made_non_blocking_loses_nothing() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    got = bytearray()

    def read() -> None:
        while data := os.read(reader, 4096):
            got.extend(data)

    thread = threading.Thread(target=read)
    thread.start()
    output = Output(writer)
    stream = text(output)
    stream.write("0123456789" * 100_000)
    stream.flush()
    os.close(writer)
    thread.join()
    os.close(reader)
    assert (len(got), output.failure) == (1_000_000, None)
