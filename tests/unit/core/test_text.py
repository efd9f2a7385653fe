import os
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.text import (
    age,
    capped,
    clean,
    clock,
    command,
    counted,
    filled,
    first_line,
    flat,
    inline,
    listed,
    of_threshold,
    one_line,
    raised,
    ratio,
    sentence,
    shortened,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[1;31mred\x1b[0m \x9b2Jplain", "red plain"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x07", "link"),
        ("\x1bP1$r0m\x1b\\\x1b(B\x1b=\x1bMtext", "text"),
        ("\x1b[31\n\x1b", "#x1B[31\n#x1B"),
        ("10%\r20%\r\n\tdone", "10%\n20%\n\tdone"),
        ("\x00\x7f\x85\ud800\uffff", "#x00#x7F#x85#xD800#xFFFF"),
        ("é € 😀 ]]>", "é € 😀 ]]>"),
    ],
)
def test_clean(text: str, expected: str) -> None:
    assert clean(text) == expected


HOSTILE = [
    *(
        "\x1b[2J",
        "a\nb",
        "\r::error::x",
        "\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe",
        "\u2028",
        "\x85",
        "\x00",
        "\x9b31m",
        "\x7f",
    ),
    *("\N{ZERO WIDTH SPACE}", "\N{BYTE ORDER MARK}", "\N{LEFT-TO-RIGHT ISOLATE}", "\U000e0041", "\udcff", "\t"),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_name_is_shown_in_one_line_of_visible_characters(text: str) -> None:
    assert inline(text).isprintable()
    assert inline("two  spaces") == "two  spaces"


@pytest.mark.parametrize("text", [*HOSTILE[:6], *HOSTILE[7:], "it's", "", "a b", "$(x)", "\\", "é", "'\n\\'", "~"])
def test_bash_reads_a_command_as_it_was(text: str) -> None:
    line = command(["printf", "%s", text])
    assert line.isprintable()
    done = subprocess.run(["bash", "-c", line], capture_output=True, check=True)
    assert done.stdout == os.fsencode(text)


@given(st.text())
def test_clean_text_is_unchanged(text: str) -> None:
    assert clean(clean(text)) == clean(text)


def test_one_line_is_cut_at_its_limit() -> None:
    assert one_line(" a\n\tb ") == "a b"
    assert one_line("x" * 20, limit=10) == "xxxxxxx..."
    assert one_line("x" * 10, limit=10) == "x" * 10


def test_first_line_is_the_first_that_is_not_blank() -> None:
    assert first_line("\n  \n a  b\nc") == "a b"
    assert first_line(" \n") == ""


@pytest.mark.parametrize("repeats", [1, 10, 300])
def test_capped_keeps_the_end_and_counts_what_it_cut(repeats: int) -> None:
    text = "0123456789" * repeats + "€"
    shown = capped(text, limit_bytes=100, where="a.log")
    notice, _, kept = shown.rpartition("\n")
    assert len(shown.encode()) <= 100
    assert text.endswith(kept)
    cut_bytes = len(text.encode()) - len(kept.encode())
    assert notice == (f"[{cut_bytes} bytes cut; full text in a.log]" if cut_bytes else "")


def test_capped_reports_a_cut_even_if_little_is_left() -> None:
    assert capped("\x1b[0m" * 1_000 + "end", limit_bytes=100, where="a.log").endswith("in a.log]\nend")


def test_flat() -> None:
    nested = {"iree": {"release": "3.13.0", "commit": None}, "gpus": [{"chip": "gfx942"}], "on": True, "n": 1.5}
    assert flat(nested) == {"iree.release": "3.13.0", "gpus.0.chip": "gfx942", "on": "true", "n": "1.5"}


def test_a_noun_agrees_with_its_number() -> None:
    assert [counted(count, "blob") for count in (0, 1, 1200)] == ["0 blobs", "1 blob", "1,200 blobs"]
    assert [counted(count, "entry", "entries") for count in (1, 2)] == ["1 entry", "2 entries"]
    assert [age(days * 86400) for days in (0.4, 0.6, 30)] == ["0 days", "1 day", "30 days"]


@pytest.mark.parametrize(
    ("error_ratio", "short", "words"),
    [
        (0.0, "0%", "0% of threshold"),
        (1e-9, "<0.1%", "<0.1% of threshold"),
        (0.0954, "9.5%", "9.5% of threshold"),
        (0.195, "19.5%", "19.5% of threshold"),
        (0.9996, "100%", "100% of threshold"),
        (1.0, "100%", "100% of threshold"),
        (1.04, "1.0x", "1.0x threshold"),
        (4.21, "4.2x", "4.2x threshold"),
        (42.1, "42x", "42x threshold"),
        (1000.0, "1000x", "1000x threshold"),
        (1e6, ">1000x", ">1000x threshold"),
        (float("inf"), ">1000x", ">1000x threshold"),
        (float("nan"), ">1000x", ">1000x threshold"),
    ],
)
def test_an_error_ratio_has_one_spelling(error_ratio: float, short: str, words: str) -> None:
    assert (ratio(error_ratio), of_threshold(error_ratio)) == (short, words)


def test_of_many_names_the_first_are_listed() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed(list("abcd"), most=2) == "a, b and 2 more"


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (7.9, "0:07"), (175, "2:55"), (3725, "1:02:05")])
def test_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


@pytest.mark.parametrize("width", range(30, 60))
def test_an_error_ratio_is_not_broken(width: int) -> None:
    text = filled([f"some words; max error 0.001 ({of_threshold(0.098)}), then {of_threshold(1e6)}"], width=width)
    assert "9.8% of threshold" in text
    assert ">1000x threshold" in text


@given(st.lists(st.text(alphabet="ab %-"), min_size=1), st.integers(1, 40))
def test_text_is_continued_between_words_and_no_word_is_lost(parts: list[str], width: int) -> None:
    text = filled(parts, width=width, indent="  ")
    assert text.split() == " ".join(parts).split()
    longest = max(map(len, text.split()), default=0)
    assert all(len(line.rstrip()) <= max(width, longest + 2) for line in text.splitlines())


@given(st.text(), st.integers(0, 100))
def test_text_is_shortened_in_its_middle(text: str, width: int) -> None:
    short = shortened(text, width)
    assert len(short) == min(len(text), width)
    assert short == text or width < 6 or (text.startswith(short[:2]) and text.endswith(short[-1:]))


def test_the_ends_of_a_name_are_kept() -> None:
    assert shortened("sdxl/punet_int8_fp16[rocm-gfx942]", 20) == "sdxl/pune...-gfx942]"


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (
            'Traceback (most recent call last):\n  File "a.py", line 1\n    import x\nImportError: no name x\n',
            "ImportError: no name x",
        ),
        ('  File "a.py", line 1, in f\n    ^^^\nRuntimeError: one\ntwo\n', "RuntimeError: one\ntwo"),
        ("Killed\n", "Killed"),
        ("", ""),
    ],
)
def test_an_exception_is_shown_without_its_traceback(log: str, said: str) -> None:
    assert raised(log) == said


@pytest.mark.parametrize("text", ["It is so", "It is so.", "It\n is so.\n"])
def test_a_sentence_has_one_full_stop(text: str) -> None:
    assert sentence(text) == "It is so."
