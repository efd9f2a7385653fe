import errno
import io
import os
import threading
from io import BufferedWriter, TextIOWrapper
from pathlib import Path

import pytest
from rich.text import Text as RichText

from harness.cli.console import clean_console
from harness.cli.streams import Output, Styled, Text


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


class Screen(Text):
    """A stream whose text can be looked at."""

    def __init__(self) -> None:
        self.raw = io.BytesIO()
        super().__init__(self.raw, encoding="utf-8", errors="backslashreplace", write_through=True)

    @property
    def shown(self) -> str:
        return self.raw.getvalue().decode()


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        (["::error::x\n"], ":#x3Aerror::x\n"),
        (["x\n  ::error::y\n"], "x\n  :#x3Aerror::y\n"),
        (["x\r::error::y"], "x\n:#x3Aerror::y"),
        (["\n", ":", ":error::y"], "\n:#x3Aerror::y"),
        (["a ", "::b"], "a ::b"),
        (["a", ":", ":b"], "a::b"),
        (["x ##[error]y"], "x #x23#[error]y"),
        (["\x1b[2K\x1b[1Ared\x07"], "red#x07"),
        (["\x1b[0m::error::x"], ":#x3Aerror::x"),
        (["a\N{RIGHT-TO-LEFT OVERRIDE}b\u2028c"], "a#x202Eb#x2028c"),
        (["\tkept: \u00e9 a::b\n"], "\tkept: \u00e9 a::b\n"),
    ],
)
def test_what_others_wrote_is_cleaned(texts: list[str], shown: str) -> None:
    screen = Screen()
    for each in texts:
        assert screen.write(each) == len(each)
    assert screen.shown == shown


def test_only_what_rich_makes_is_styled_and_only_annotations_are_commands() -> None:
    screen = Screen()
    Styled(screen).write("\x1b[1mbold\x1b[0m\n::error::x\n")
    screen.write_commands("::error title=x::y\n")
    assert screen.shown == "\x1b[1mbold\x1b[0m\n:#x3Aerror::x\n::error title=x::y\n"


def test_a_console_has_styles_of_its_own_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    screen = Screen()
    console = clean_console(screen)
    console.print("a\x1b[2Jb", markup=False)
    console.print(RichText.assemble(("red", "bold"), "\x1b[31m\x01"), RichText("kept", style="bold"))
    assert screen.shown == "ab\nred#x01 \x1b[1mkept\x1b[0m\n"
