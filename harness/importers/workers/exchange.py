"""What workers share: the request that they read, the reply that they write, and the files beside it.

A request may have `files`: what lies in the folder under a plain name, and the path below it where it has to be.

The reply has the key `error` if the framework refuses the model, `model` if its file cannot be read, and `usage` if the
command line has to change.
"""

import functools
import json
import operator
import re
import resource
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

REQUEST, REPLY = "request.json", "reply.json"
PROGRAM, WEIGHTS = "program.mlir", "weights.irpa"
SOURCE = "source.mlir"  # a program that is there already
PART = "part.onnx"  # a part of a model
# Larger weights are kept outside the program, whose text has two characters for each byte.
INLINED_BYTES = 1 << 20
# The limits of an input, and of any file that is written.
_INPUT_BYTES, _FILE_BYTES = 4 << 30, 64 << 30
_INTEGERS = 10  # drawn from 0 to 9: also as indices of an embedding
_FUNCTION = re.compile(r'\s*func\.func (?:public )?@(?:"((?:[^"\\]|\\.)*)"|([\w.$-]+))\(')
_ESCAPED = re.compile(rb"\\([0-9A-Fa-f]{2}|.)")
_ELEMENTS = {
    "bool": "i1",
    "float16": "f16",
    "float32": "f32",
    "float64": "f64",
    "bfloat16": "bf16",
    "complex64": "complex<f32>",
    "complex128": "complex<f64>",
    **{f"{sign}int{bits}": f"{'ui' if sign else 'i'}{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}
# NumPy has no file of them: their bytes are written, and the type is beside them.
_RAW = {"bfloat16"}
Request = Mapping[str, Any]
Answer = Mapping[str, Any]


class ModelError(Exception):
    """The model is not one that can be imported."""


class FrameworkError(Exception):
    """A tool of the framework refuses the model."""

    def __init__(self, tool: str, message: str) -> None:
        """Create the error of a tool."""
        super().__init__(message)
        self.tool = tool


class RequestError(Exception):
    """The command line does not fit the model."""


def answer(steps: Mapping[str, Callable[[Request], Answer]]) -> None:
    """Do the step that request.json asks for, and write reply.json."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = _FILE_BYTES if hard == resource.RLIM_INFINITY else min(hard, _FILE_BYTES)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    request = json.loads(Path(REQUEST).read_text(encoding="utf-8"))
    for name, place in request.get("files", {}).items():  # copies: frameworks refuse links, and ours are links
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(name, place)
    try:
        reply = steps[request["do"]](request)
    except RequestError as error:
        reply = {"usage": str(error)}
    except ModelError as error:
        reply = {"model": str(error)}
    except FrameworkError as error:
        reply = {"error": str(error), "tool": error.tool}
    except Exception as error:  # noqa: BLE001 - whatever the framework raises
        reply = {"error": told(error)}
    Path(REPLY).write_text(json.dumps(reply), encoding="utf-8")


def told(error: BaseException) -> str:
    """Return the type and the message of what was raised, as Python prints them: a message alone may be one word."""
    return f"{type(error).__name__}: {error}".strip().removesuffix(":")


def loaded(paths: Sequence[str], names: Sequence[str]) -> Sequence[Any]:
    """Return the arrays of .npy files, one for each input by name; none if none are given.

    Raises:
        RequestError: there are more or fewer than the model has inputs, or one is not a .npy file.
    """
    if paths and len(paths) != len(names):
        noun = "input" if len(names) == 1 else "inputs"
        wanted = f"{len(names)} {noun} ({', '.join(names)})"
        raise RequestError(f"the model has {wanted}, and --input was given {len(paths)} times")
    return list(map(_loaded, paths))


def _loaded(path: str) -> Any:
    import numpy as np  # noqa: PLC0415

    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise RequestError(f"--input {path} is not a .npy file of numbers: {error}") from error


def sizes(names: Sequence[str], request: Request) -> Mapping[str, int]:
    """Return the size of each dynamic dimension: that of the request, or perhaps one size for all others.

    Args:
        names: of the dynamic dimensions of the model.
        request: the request.

    Raises:
        RequestError: the request lacks the size of one, or has one that the model lacks.
    """
    asked, default = request["dimensions"], request.get("default_dimension")
    if unused := sorted(asked.keys() - set(names)):
        known = ", ".join(dict.fromkeys(names)) or "none"
        raise RequestError(f"--dim {', '.join(unused)}: no such dynamic dimension; the model has {known}")
    found = {**(dict.fromkeys(names, default) if default else {}), **asked}
    if missing := [name for name in dict.fromkeys(names) if name not in found]:
        hint = " ".join(f"--dim {shlex.quote(name)}=N" for name in missing)
        raise RequestError(f"the model has dynamic dimensions; add {hint}, or --input @FILE.npy for each input")
    return found


def drawn(name: str, shape: Sequence[int], dtype: str, seed: Sequence[int], *, is_uniform: bool = False) -> Any:
    """Return a random input: normally distributed floats or those of [0, 1), integers from 0 to 9, or booleans.

    Raises:
        ModelError: NumPy or IREE has no such type.
        RequestError: it would be too large.
    """
    import numpy as np  # noqa: PLC0415

    if dtype not in _ELEMENTS:
        raise ModelError(f"input {name!r} has the type {dtype}; expected one of {', '.join(_ELEMENTS)}")
    kind = np.dtype(dtype)
    if functools.reduce(operator.mul, shape, kind.itemsize) > _INPUT_BYTES:
        raise RequestError(f"input {name!r} would have more than {_INPUT_BYTES >> 30} GiB; choose smaller sizes")
    random = np.random.default_rng(seed)
    if kind.kind == "f":
        return (random.random(shape) if is_uniform else random.standard_normal(shape)).astype(kind)
    return random.integers(0, 2 if kind.kind == "b" else _INTEGERS, shape).astype(kind)


def saved(role: str, names: Sequence[str], arrays: Sequence[Any]) -> Sequence[Mapping[str, str]]:
    """Save arrays, as .npy if NumPy has their type, and return their files, names and types."""
    import numpy as np  # noqa: PLC0415

    files = []
    for index, (name, array) in enumerate(zip(names, arrays, strict=True)):
        if not isinstance(array, np.ndarray) or str(array.dtype) not in _ELEMENTS:
            found = getattr(array, "dtype", type(array).__name__)
            raise ModelError(f"{role} {name!r} has the type {found}; expected a tensor of {', '.join(_ELEMENTS)}")
        if str(array.dtype) in _RAW:
            array.tofile(file := f"{role}{index}.bin")
        else:
            np.save(file := f"{role}{index}.npy", array, allow_pickle=False)
        type_ = "x".join([*map(str, array.shape), _ELEMENTS[str(array.dtype)]])
        files.append({"file": file, "name": name, "type": type_})
    return files


def numpy_element(dtype: str) -> str:
    """Return the element type of a NumPy type that has files, without its sign; empty if it has none."""
    return "" if dtype in _RAW else _ELEMENTS.get(dtype, "").removeprefix("u")


def function(program: Path) -> str:
    """Return the name of the function of a program."""
    with program.open(encoding="utf-8") as lines:
        found = next(filter(None, map(_FUNCTION.match, lines)), None)
    if not found:
        raise ModelError("the importer wrote no function")
    quoted, plain = found.groups()
    return plain or _ESCAPED.sub(_unescaped, quoted.encode()).decode()


def _unescaped(found: re.Match[bytes]) -> bytes:
    r"""Return the byte that MLIR writes as `\E2`, or the character after a backslash."""
    return bytes.fromhex(found[1].decode()) if len(found[1]) > 1 else found[1]


def versions(*packages: str) -> Mapping[str, str]:
    """Return the versions of packages, and of Python."""
    from importlib import metadata  # noqa: PLC0415

    return {name: metadata.version(name) for name in packages} | {"python": sys.version.split()[0]}
