"""Makes text from logs and tools safe to show, and formats sizes, durations, error ratios and counts."""

import re
import shlex
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# ECMA-48 (5th edition, sections 5.3 to 5.6): CSI, OSC (ended by BEL or ST), DCS/SOS/PM/APC; then sequences of two
# characters and, from ECMA-35, those with an intermediate. No pattern looks past the next ESC, so megabytes of
# sequences that never end are read only once.
_ANSI = re.compile(
    r"\x9b[0-?]*[ -/]*[@-~]"
    r"|\x1b\[[0-?]*[ -/]*[@-~]"
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|\x1b[PX^_][^\x1b]*\x1b\\"
    r"|\x1b[ -/]+[0-~]"
    r"|\x1b[0-Z\\-~]"
)
# Characters that XML 1.0 (section 2.2) does not allow; DEL and the C1 controls, which terminals obey; and those that
# change lines, directions (Unicode 16, section 23.2: bidirectional ordering controls) or nothing that can be seen.
_HIDDEN = "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f"
_ILLEGAL = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff{_HIDDEN}]")
_UNUSUAL = re.compile(f"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff{_HIDDEN}'\\\\]")
_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./ -]+")  # what bash takes as it is, but for the spaces: most words

LINE_CHARS = 1_000
DAY_S = 86_400.0
# Cleaning shortens text, so more is cleaned than is shown, but never megabytes.
_TAKEN = 4
_LONGEST_ANSI = 256
_KILO, _UNITS = 1000, ("B", "kB", "MB", "GB", "TB")
_TEN, _PERCENT, _FAR = 10, 100, 1000
_GAP = "..."
_OF_THRESHOLD = re.compile(r"\S+(?:% of|x) threshold")  # as `of_threshold` returns it
_TIE = "\0"  # no text that was cleaned has it


def clean(text: str) -> str:
    r"""Return the text without ANSI sequences, with `\n` line ends and with control characters escaped.

    A character that XML does not allow becomes `#x07`, as in pytest's `bin_xml_escape`.
    """
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    plain = _ANSI.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _ILLEGAL.sub(lambda found: f"#x{ord(found[0]):02X}", plain)


def one_line(text: str, *, limit: int = LINE_CHARS) -> str:
    """Return the cleaned text on one line, with single spaces, cut to `limit` characters."""
    if len(text) <= limit and text.isascii() and text.isprintable() and "  " not in text and text.strip() == text:
        return text
    line = " ".join(clean(text[: _TAKEN * limit]).split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def sentence(text: str) -> str:
    """Return what another program says on one line that ends with a full stop, which the text may have already."""
    return f"{one_line(text).removesuffix('.')}."


def raised(log: str) -> str:
    """Return the exception at the end of what Python wrote, without its traceback, whose lines are indented."""
    lines = log.rstrip().splitlines()
    start = next((index for index in range(len(lines), 0, -1) if lines[index - 1].startswith(" ")), 0)
    return "\n".join(lines[start:])


def inline(text: str) -> str:
    """Return the cleaned text with its line ends and tabs escaped: a name that keeps all its spaces."""
    if text.isascii() and text.isprintable():
        return text
    return re.sub(r"[\n\t]", lambda found: f"#x{ord(found[0]):02X}", clean(text))


def command(words: Iterable[str]) -> str:
    r"""Return words as bash takes them, in one line: what cannot be shown is written as in `$'\x0a'`."""
    several = [*words]
    line = " ".join(several)
    if _PLAIN.fullmatch(line) and line.count(" ") == len(several) - 1 and all(several):
        return line
    return " ".join(map(_quoted, several))


def _quoted(word: str) -> str:
    if _PLAIN.fullmatch(word) and " " not in word:
        return word
    return shlex.quote(word) if inline(word) == word else f"$'{_UNUSUAL.sub(_escaped, word)}'"


def _escaped(found: re.Match[str]) -> str:
    """Return the bytes of a character; half of a surrogate pair may be a byte of a file name."""
    errors = "surrogateescape" if "\udc80" <= found[0] <= "\udcff" else "replace"
    return "".join(f"\\x{byte:02x}" for byte in found[0].encode(errors=errors))


def installing(extra: str) -> str:
    """Return how to install an extra of the harness into this Python."""
    return f"install it: {sys.executable} -m uv pip install --python {sys.executable} 'iree-quality-harness[{extra}]'"


def first_line(text: str, *, limit: int = LINE_CHARS) -> str:
    """Return the first line that is not blank, cleaned and cut as by `one_line`."""
    if text.isascii() and text.isprintable():
        return one_line(text.lstrip(), limit=limit)
    return one_line(next(iter(clean(text.lstrip()[: _TAKEN * limit]).strip().splitlines()), ""), limit=limit)


def capped(text: str, *, limit_bytes: int, where: str) -> str:
    """Return the end of the cleaned text, in at most `limit_bytes` of UTF-8.

    Args:
        text: any text.
        limit_bytes: size of the result, including the notice of what was cut.
        where: where the full text is, for the notice.
    """
    if len(text) <= limit_bytes and text.isascii() and len(plain := clean(text)) <= limit_bytes:
        return plain
    start = _start_of_end(text, _TAKEN * limit_bytes)
    data = clean(text[start:]).encode()
    if start == 0 and len(data) <= limit_bytes:
        return data.decode()
    total_bytes = len(text[:start].encode(errors="replace")) + len(data)
    where = one_line(where, limit=200)
    kept_bytes = max(0, limit_bytes - len(_cut_notice(total_bytes, where).encode()))
    kept = data[max(0, len(data) - kept_bytes) :].decode(errors="ignore")
    return _cut_notice(total_bytes - len(kept.encode()), where) + kept


def _start_of_end(text: str, chars: int) -> int:
    """Return the index where about the last `chars` start, but not inside an ANSI sequence."""
    start = max(0, len(text) - chars)
    escape = text.rfind("\x1b", max(0, start - _LONGEST_ANSI), start)
    return start if escape < 0 else escape


def _cut_notice(cut_bytes: int, where: str) -> str:
    return f"[{cut_bytes} bytes cut; full text in {where}]\n"


def size(size_bytes: float) -> str:
    """Return a size in powers of 1000, such as `85.3 MB`."""
    power = 0
    while size_bytes >= _KILO and power < len(_UNITS) - 1:
        size_bytes, power = size_bytes / _KILO, power + 1
    return f"{size_bytes:.{min(1, power)}f} {_UNITS[power]}"


def number(value: float) -> str:
    """Return a number with at most six digits, and a whole one with all of them: `0.5`, `1234567`, `inf`."""
    return str(int(value)) if float(value).is_integer() else f"{value:.6g}"


def ratio(error_ratio: float) -> str:
    """Return an error ratio with few digits: `9.5%`, `4.2x`, `>1000x`."""
    if not error_ratio <= 1:
        return f">{_FAR}x" if not error_ratio <= _FAR else f"{error_ratio:.{int(error_ratio < _TEN)}f}x"
    percent = _PERCENT * error_ratio
    return "<0.1%" if 0 < percent < 1 / _TEN else f"{percent:.1f}".removesuffix(".0") + "%"


def of_threshold(error_ratio: float) -> str:
    """Return an error ratio in words: `9.5% of threshold`, `4.2x threshold`, `>1000x threshold`."""
    shown = ratio(error_ratio)
    return f"{shown} of threshold" if shown.endswith("%") else f"{shown} threshold"


def of_statistic(name: str, value: float) -> str:
    """Return the value of a statistic with enough digits to tell it from 1: `31.2 dB`, `0.99998`, `1.0003`."""
    if name == "psnr":
        return f"{value:.1f} dB"
    return f"{value:.8g}" if abs(value - 1) < 1 / _TEN else f"{value:.3g}"


def clock(seconds: float) -> str:
    """Return a duration as `0:07`, `2:55` or `1:02:05`."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def shortened(text: str, width: int) -> str:
    """Return text of at most `width` characters: the middle of a longer one is replaced by `...`."""
    if len(text) <= width:
        return text
    kept = max(0, width - len(_GAP))
    return (text[: kept - kept // 2] + _GAP + text[len(text) - kept // 2 :])[: max(0, width)]


def filled(parts: Sequence[str], *, width: int | None, indent: str = "") -> str:
    """Return parts in one line, or if that is longer than `width`, in several that are broken between words.

    A part that has room in a line of its own is not broken. A longer word and an error ratio stay whole.
    """
    line = (" " * 3).join(parts)
    if width is None or len(line) <= width:
        return line
    lines: list[str] = []
    for part in parts:
        longer = f"{lines[-1]}   {part}" if lines else part
        if len(longer) <= width:
            lines[-1:] = [longer]
        else:
            lines += _wrapped(part, width, first=indent if lines else "", others=indent)
    return "\n".join(lines)


def _wrapped(text: str, width: int, *, first: str, others: str) -> list[str]:
    lines = textwrap.wrap(
        _OF_THRESHOLD.sub(lambda found: found[0].replace(" ", _TIE), text),
        width,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_TIE, " ") for line in lines]


def megabytes(size_bytes: float) -> str:
    """Return a size as a number of MB, such as `85.3`; in one column all sizes have one unit."""
    return f"{size_bytes / _KILO**2:.1f}"


def age(seconds: float) -> str:
    """Return an age in whole days, such as `3 days`."""
    return counted(round(seconds / DAY_S), "day")


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 blob`, `1,200 blobs`, `2 entries`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def listed(names: Sequence[str], *, most: int = 10) -> str:
    """Return names in a line: `a, b, c`, or the first of them as `a, b and 38 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def flat(value: Any, name: str = "") -> dict[str, str]:
    """Return nested data as `{"iree.release": "3.13.0", "host.gpus.0.chip": "gfx942"}`, without values of None."""
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
