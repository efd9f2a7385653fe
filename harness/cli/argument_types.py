"""Parses the values of options. A wrong value raises ArgumentTypeError; argparse adds the name of the option."""

import argparse
import re
from decimal import Decimal
from pathlib import Path

from harness.core import numerals, urls
from harness.core.references import Reference
from harness.core.shards import Shard
from harness.core.text import DAY_S
from harness.importers.frameworks import IMPORTERS, Framework, ModelFile
from harness.report.comparison import NUMBERS

_SIZE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?) ?(?:([KMGT])(I)?)?B?", re.IGNORECASE)
_AGES_S = {"h": 3600.0, "d": DAY_S, "w": 7 * DAY_S}
_DURATIONS_S = {"s": 1.0, "m": 60.0, "h": 3600.0}
_LAST_PORT = 65535
_LARGEST_SEED = 2**32 - 1


def indices(text: str) -> list[int]:
    """Return the numbers of a list such as `0,2`."""
    if not re.fullmatch(r"[0-9]{1,4}(,[0-9]{1,4})*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of GPUs; expected numbers such as 0 or 0,2")
    return [int(index) for index in text.split(",")]


def positive(text: str) -> int:
    """Return a whole number of at least 1."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def seed(text: str) -> int:
    """Return a whole number of 32 bits."""
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) > _LARGEST_SEED:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 to {_LARGEST_SEED}")
    return int(text)


def dimension(text: str) -> tuple[str, int]:
    """Return name and size of a dimension, `NAME=N`."""
    name, _, size = text.rpartition("=")
    if not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not the size of a dimension; expected NAME=N, such as batch=4")
    return name, positive(size)


def onnx_file(text: str) -> ModelFile:
    """Return an ONNX file."""
    return ModelFile(framework=Framework.ONNX, path=Path(text))


def model_function(framework: Framework, text: str) -> ModelFile:
    """Return a function of a Python file that makes a model, `FILE.py:FUNCTION`, or a file that is a model itself."""
    suffix = IMPORTERS[framework].program_suffix
    if suffix and text.endswith(suffix):
        return ModelFile(framework=framework, path=Path(text))
    path, _, function = text.rpartition(":")
    if not path.endswith(".py") or not function.isidentifier():
        others = f", or a file {suffix}" if suffix else ""
        raise argparse.ArgumentTypeError(f"{text!r}: expected FILE.py:FUNCTION, such as model.py:make{others}")
    return ModelFile(framework=framework, path=Path(path), function=function)


def mirror(text: str) -> urls.Mirror:
    """Return a mirror, `PREFIX=URL`."""
    try:
        return urls.Mirror.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def port(text: str) -> int:
    """Return a TCP port; 0 stands for any free port."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; expected a number from 0 to {_LAST_PORT}")
    return int(text)


def host_name(text: str) -> str:
    """Return the name or address of a host."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,253}|\[?[0-9A-Fa-f:.]{2,45}\]?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a name; expected one such as mirror.example, without a port")
    return text


def size_bytes(text: str) -> int:
    """Return a size in bytes: units are powers of 1000, or of 1024 with an `i` (IEC 80000-13)."""
    if not (found := _SIZE.fullmatch(text)):
        message = "is not a size; expected one such as 100GB, 50GiB or 500M"
        raise argparse.ArgumentTypeError(f"{text!r} {message}")
    number, prefix, binary = found.groups()
    return int(Decimal(number) * (1024 if binary else 1000) ** " KMGT".index((prefix or " ").upper()))


def reference(text: str) -> Reference:
    """Return what makes outputs that are recorded: `cpu`, a release, or a device."""
    try:
        return Reference.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def shard(text: str) -> Shard:
    """Return a part of a run, such as `2/5`."""
    try:
        return Shard.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def threshold(text: str) -> tuple[str, str]:
    """Return element type, or `rtol`, and number of a threshold such as `f32=1e-3`."""
    element, equals, number = text.partition("=")
    if not equals or element not in {"f16", "bf16", "f32", "f64", "rtol"}:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a threshold; expected f16, bf16, f32, f64 or rtol, as in f32=1e-3"
        )
    return element, number


def percent(text: str) -> float:
    """Return a share, such as 0.05 for `5%` or `5`."""
    try:
        number = numerals.finite(text.removesuffix("%").rstrip()) / 100
    except ValueError:
        number = 0.0
    if number <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a percentage above 0; expected one such as 5%")
    return number


def growth(text: str) -> tuple[str, float]:
    """Return a number of cases and by which share it may grow, such as 0.1 for `latency=10%`."""
    name, _, share = text.partition("=")
    try:
        number = numerals.finite(share.removesuffix("%").rstrip()) / 100
    except ValueError:
        number = -1.0
    if name not in NUMBERS or number < 0:
        known = ", ".join(NUMBERS)
        raise argparse.ArgumentTypeError(f"{text!r} is no limit; expected one such as latency=10%, of {known}")
    return name, number


def age(text: str) -> float:
    """Return an age in seconds, such as `30d`, `12h` or `2w`."""
    if not (found := re.fullmatch(r"([0-9]{1,4})([hdw])", text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not an age; expected one such as 30d, 12h or 2w")
    return int(found[1]) * _AGES_S[found[2]]


def duration(text: str) -> float:
    """Return a duration in seconds, such as `90s`, `20m` or `1.5h`."""
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)([smh])", text)
    if not found or not float(found[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration; expected one such as 90s, 20m or 1.5h")
    return float(found[1]) * _DURATIONS_S[found[2]]


def seconds(text: str) -> float:
    """Return a duration above 0 in seconds."""
    try:
        number = numerals.finite(text)
    except ValueError:
        number = 0.0
    if number <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return number
