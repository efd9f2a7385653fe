"""Changes documents at random, in their structure and in their bytes. Equal seeds make equal changes."""

import copy
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

Path = tuple[Any, ...]

STRINGS = (
    *(
        "",
        " ",
        "\0",
        "a\0b",
        "\ud800",
        "\udfff x",
        "\n",
        "x\n::error::y",
        "\r::warning::z",
        "\x1b[31m",
        "\x85",
        "\u2028",
    ),
    *("\u202etxt", "..", "../../../etc/passwd", "/etc/passwd", "/dev/zero", "file:///dev/zero", "file://host/x", "~"),
    *(
        "http://[",
        "https://host:port/x",
        "https://u:p@h/x?sig=s",
        "s3://",
        "gs:",
        "hf://a/b/c",
        "mailto:x",
        ":",
        "a" * 300,
    ),
    *(
        "a" * 5000,
        "[",
        "]",
        "x[y",
        "cpu",
        "(ignored)",
        "--",
        "-",
        "--x",
        "--iree-hal-target-device=",
        "=",
        "==",
        "%s%n{}",
    ),
    *(
        "1_0_0",
        "\uff11",
        "9" * 400,
        "9" * 5000 + "xf32=0",
        "9x" * 100 + "f32=1",
        "1e999",
        "nan",
        "inf",
        "-0",
        "0x10",
        "+1",
    ),
    *(
        "4xf32=2",
        "2xi1=1 0",
        "2xcomplex<f32>=(1,2) 3",
        "0xf32=",
        "?xf32",
        "4xf32=1 2 3",
        "1xf32=" + "0.5 " * 2000,
        "@x.npy",
    ),
    *(
        "f32=" + "1" * 20_000,
        "2xf32=(((((",
        "--expected_rtol=1_0",
        "--expected_f32_threshold=\uff11",
        ">=3.5,<3.9",
        ">=,,",
        "3.*",
    ),
    *(
        "2026-02-30",
        "0000-00-00",
        "2026-01-01\n",
        "gfx942",
        "gfx942\n",
        "hip://0",
        "local-task",
        "sm_80",
        "mi300",
        "é",
        "😀",
    ),
)
NUMBERS = (
    0,
    -1,
    1,
    2**31,
    2**63,
    2**64,
    -(2**63) - 1,
    10**400,
    0.5,
    -0.0,
    1e308,
    float("inf"),
    float("nan"),
    True,
    False,
)
OTHERS: tuple[Any, ...] = (None, [], {}, [[]], {"": {}}, [None] * 50, {"a": [1, {"b": "c"}]})
BYTES = (
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    b'"',
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"[" * 200,
    b'{"":',
    b"1e999",
    b"NaN",
    b"\n",
    b",",
)
# What a change adds at most, in characters, so that examples need little memory.
_LONGEST = 200_000


def documents(value: Any, random: Random) -> bytes:
    """Return the text of a JSON document after a few changes."""
    changed = copy.deepcopy(value)
    try:
        for _ in range(random.choice((1, 1, 2, 3, 8))):
            changed = _changed(changed, random)
        text = json.dumps(changed, ensure_ascii=random.random() < 0.7).encode("utf-8", "surrogatepass")
    except RecursionError:
        text = b"[" * 100_000
    return contents(text, random) if random.random() < 0.1 else text


def contents(text: bytes, random: Random) -> bytes:
    """Return bytes after a few changes."""
    for _ in range(random.choice((1, 1, 2, 5))):
        at = random.randrange(len(text) + 1)
        to = min(len(text), at + random.choice((0, 1, 2, 16, 400)))
        piece = random.choice((random.choice(BYTES), bytes([random.randrange(256)]), text[at:to] * 2, b""))
        text = text[:at] + piece + text[to if random.random() < 0.7 else at :]
    return text


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        yield from _paths(each, (*path, key))


def _changed(document: Any, random: Random) -> Any:
    path: Path = ()
    for number, each in enumerate(_paths(document), 1):  # kept one by one: all together may be large
        if random.random() * number < 1:
            path = each
    if not path:
        return _other(document, random) if random.random() < 0.1 else document
    *parents, key = path
    around = document
    for each in parents:
        around = around[each]
    _CHANGES[random.randrange(len(_CHANGES))](around, key, random)
    return document


def _replace(around: Any, key: Any, random: Random) -> None:
    around[key] = _other(around[key], random)


def _remove(around: Any, key: Any, _: Random) -> None:
    del around[key]


def _rename(around: Any, key: Any, random: Random) -> None:
    if isinstance(around, dict):
        around[random.choice((*STRINGS, *around, key + "x"))] = around.pop(key)


def _repeat(around: Any, key: Any, random: Random) -> None:
    times = min(random.choice((1, 2, 100, 1500)), _LONGEST // len(repr(around[key])))
    if isinstance(around, list):
        around.extend(copy.deepcopy(around[key]) for _ in range(times))
    else:
        around[key] = [copy.deepcopy(around[key]) for _ in range(times)]


def _nest(around: Any, key: Any, random: Random) -> None:
    for _ in range(random.choice((1, 3, 99, 300))):
        around[key] = random.choice(([around[key]], {"a": around[key]}))


def _swap(around: Any, key: Any, random: Random) -> None:
    other = random.choice(list(around) if isinstance(around, dict) else range(len(around)))
    around[key], around[other] = around[other], around[key]


_CHANGES: tuple[Callable[[Any, Any, Random], None], ...] = (
    _replace,
    _replace,
    _replace,
    _remove,
    _rename,
    _repeat,
    _nest,
    _swap,
)


def _other(value: Any, random: Random) -> Any:
    if isinstance(value, str) and random.random() < 0.6:
        return _text(value, random)
    return random.choice((random.choice(STRINGS), random.choice(NUMBERS), copy.deepcopy(random.choice(OTHERS)), value))


def _text(value: str, random: Random) -> str:
    at = random.randrange(len(value) + 1)
    to = min(len(value), at + random.choice((0, 1, 3, 20)))
    piece = random.choice(
        (random.choice(STRINGS)[:50], chr(random.choice((0, 9, 10, 27, 34, 92, 0xD800, 0x202E, 0x1F600))), "")
    )
    times = min(random.choice((2, 50)), _LONGEST // max(1, len(value)))
    return value * times if random.random() < 0.1 else value[:at] + piece + value[to:]
