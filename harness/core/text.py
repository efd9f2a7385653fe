"""The only place that makes the text of others (logs, reasons, names) safe and short enough to show."""

import re
from collections.abc import Mapping
from typing import Any

# ECMA-48 (5th edition, sections 5.3 to 5.6): CSI, OSC (ended by BEL or ST), DCS/SOS/PM/APC, then the
# sequences of two characters and, of ECMA-35, those with an intermediate. No pattern looks past the next ESC, so that
# megabytes of sequences that never end are still read once.
_ANSI = re.compile(
    r"\x9b[0-?]*[ -/]*[@-~]"
    r"|\x1b\[[0-?]*[ -/]*[@-~]"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|\x1b[PX^_][^\x1b]*\x1b\\"
    r"|\x1b[ -/]+[0-~]"
    r"|\x1b[0-Z\\-~]"
)
# What XML 1.0 (section 2.2) has no character for, and DEL and the C1 controls, which terminals obey.
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

LINE_CHARS = 1_000
DAY_S = 86_400.0
# Cleaning shortens text, so that more is taken than is shown; but never megabytes.
_TAKEN = 4
_LONGEST_ANSI = 256
_KILO, _UNITS = 1000, ("B", "kB", "MB", "GB", "TB")


def clean(text: str) -> str:
    r"""Return the text without ANSI sequences, with `\n` line ends and with controls spelled out.

    A character that XML cannot hold becomes `#x07`, as pytest's `bin_xml_escape` writes it.
    """
    plain = _ANSI.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _ILLEGAL.sub(lambda found: f"#x{ord(found[0]):02X}", plain)


def one_line(text: str, *, limit: int = LINE_CHARS) -> str:
    """Return the cleaned text with all white space made single spaces, and an end beyond `limit` characters."""
    line = " ".join(clean(text[: _TAKEN * limit]).split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def first_line(text: str, *, limit: int = LINE_CHARS) -> str:
    """Return the first line that is not blank, as `one_line` does."""
    return one_line(next(iter(clean(text.lstrip()[: _TAKEN * limit]).strip().splitlines()), ""), limit=limit)


def capped(text: str, *, limit_bytes: int, where: str) -> str:
    """Return the cleaned text in at most `limit_bytes` of UTF-8.

    The end is kept, as it tells how things ended. `where` says where the whole text is.
    """
    start = _start_of_end(text, _TAKEN * limit_bytes)
    data = clean(text[start:]).encode()
    if start == 0 and len(data) <= limit_bytes:
        return data.decode()
    total_bytes = len(text[:start].encode(errors="replace")) + len(data)
    place = one_line(where, limit=200)
    room = max(0, limit_bytes - len(_cut_notice(total_bytes, place).encode()))
    kept = data[max(0, len(data) - room) :].decode(errors="ignore")
    return _cut_notice(total_bytes - len(kept.encode()), place) + kept


def _start_of_end(text: str, chars: int) -> int:
    """Return where about the last `chars` of the text start, without cutting an ANSI sequence in two."""
    start = max(0, len(text) - chars)
    escape = text.rfind("\x1b", max(0, start - _LONGEST_ANSI), start)
    return start if escape < 0 else escape


def _cut_notice(cut_bytes: int, place: str) -> str:
    return f"[{cut_bytes} bytes cut here; the whole is in {place}]\n"


def size(size_bytes: float) -> str:
    """Return a size as people read it, in powers of 1000: `85.3 MB`."""
    power = 0
    while size_bytes >= _KILO and power < len(_UNITS) - 1:
        size_bytes, power = size_bytes / _KILO, power + 1
    return f"{size_bytes:.{min(1, power)}f} {_UNITS[power]}"


def age(seconds: float) -> str:
    """Return an age in whole days: `3 days`."""
    return counted(round(seconds / DAY_S), "day")


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 blob`, `1,200 blobs`, `2 entries`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def flat(value: Any, name: str = "") -> dict[str, str]:
    """Return nested data as `{"iree.release": "3.13.0", "host.gpus.0.chip": "gfx942"}`, without what is None."""
    match value:
        case Mapping():
            items = [(str(key), each) for key, each in value.items()]
        case list() | tuple():
            items = [(str(index), each) for index, each in enumerate(value)]
        case bool():
            return {name: str(value).lower()}
        case _:
            return {} if value is None else {name: str(value)}
    nested = (flat(each, f"{name}.{key}" if name else key) for key, each in items)
    return {key: each for part in nested for key, each in part.items()}
