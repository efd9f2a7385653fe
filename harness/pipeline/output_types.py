"""The types of outputs: what the program gave, what its module declares, and whether that is what a spec expects.

`iree-run-module` writes the type into `.npy` files. It cannot write elements there that NumPy lacks, such as bf16; of
these it prints the type, if the module does not state all of it.
"""

import itertools
import re
from collections.abc import Sequence
from pathlib import Path

from harness.core.errors import IntegrityError
from harness.core.tensors import ELEMENT_BITS, TensorType
from harness.pipeline import scalars, tensor_files

_PRINT_NO_ELEMENTS = "--output_max_element_count=0"
_PRINTED = re.compile(r"^(?:hal\.buffer_view\n((?:\d+x)*[a-z]\w*)|([if](?:8|16|32|64)))=", re.MULTILINE)
_EXPORTED = "Exported Functions:\n"
_EXPORT = re.compile(r"^ *\[ *\d+\] (.+?)\(.*$", re.MULTILINE)
DEMOTED = "iree-compile makes f32 of f64, unless it has --iree-input-demote-f64-to-f32=false"
_ANY_F8 = "f8"  # as releases before 3.3.0 print all of them


def file_name(index: int, type_: TensorType | None) -> str:
    """Return the name of the file for an output of the expected type; None if a `.npy` file states it."""
    return _file_name(index, type_.element if type_ else "")


def file_names(declared_types: Sequence[str]) -> tuple[str, ...]:
    """Return the name of the file for each output that a module declares, e.g. `?x3xf32`."""
    elements = (re.sub(r"^(?:(?:\?|\d+)x)*", "", text) for text in declared_types)
    return tuple(_file_name(index, element) for index, element in enumerate(elements))


def _file_name(index: int, element: str) -> str:
    """Return a name that ends with `.bin` if NumPy lacks the element type."""
    is_known = element in ELEMENT_BITS
    return f"{index}.bin" if is_known and element.lstrip("su") not in _NUMPY else f"{index}.npy"


def arguments(names: Sequence[str]) -> tuple[str, ...]:
    """Return what makes iree-run-module write each output into its file, and drop those without a name."""
    return tuple(f"--output={'@' if name else ''}{name}" for name in names)


_NUMPY = {element.lstrip("su") for element in tensor_files.NPY_ELEMENTS.values()}


def declared(signature: str, function: str | None) -> tuple[str, ...]:
    """Return the result types of a function as `iree-dump-module` prints them, e.g. `?x3xf32`.

    A program in a dialect of PyTorch, as importers write it, declares no types. Then only the number of its results is
    known, and each type is empty.

    Args:
        signature: the output of `iree-dump-module --output=metadata`.
        function: its name; None for the first function.
    """
    name = re.escape(function) if function else r"\S+?"
    match = re.search(rf"func @{name}\(.*?\) -> \((.*)\)$", signature, re.MULTILINE)
    if match is None:
        exported = signature.partition(_EXPORTED)[2]
        match = re.search(rf"^ *\[ *\d+\] {name}\(.*?\) -> \((.*)\)$", exported, re.MULTILINE)
        return tuple("" for each in re.split(", ", match[1]) if each) if match else ()
    results = (re.sub(r"^%output\d+: ", "", part) for part in re.split(r", (?=%output)", match[1]) if part)
    return tuple(re.sub(r"^tensor<(.*)>$", r"\1", part) for part in results)


def only_function(signature: str) -> str | None:
    """Return the name of the function that iree-run-module runs without a name; None if there is not just one.

    Args:
        signature: the output of `iree-dump-module --output=metadata`.
    """
    exported = signature.partition(_EXPORTED)[2].partition("\n\n")[0]
    names = [each for each in _EXPORT.findall(exported) if not each.startswith("__") and "$" not in each]
    return names[0] if len(names) == 1 else None


def stated(folder: Path, names: Sequence[str], declared_types: Sequence[str]) -> tuple[str, ...]:
    """Return what files and the module say of the type of each output: `5x6xf32`, or less, such as `?x6xf32`.

    A file that is not as long as the type that the module declares says nothing: it has what stands for a scalar.

    Args:
        folder: where the files are.
        names: the file of each output; empty for one that is ignored.
        declared_types: the types that the module declares.
    """
    pairs = itertools.zip_longest(names, declared_types[: len(names)], fillvalue="")
    return tuple(_header(folder / name) if name.endswith(".npy") else _raw(folder / name, text) for name, text in pairs)


def unknown(names: Sequence[str], types: Sequence[str]) -> list[int]:
    """Return the positions of the outputs whose type is not known in full."""
    return [index for index, (name, text) in enumerate(zip(names, types, strict=True)) if name and not _parsed(text)]


def print_arguments(argv: Sequence[str], positions: Sequence[int]) -> tuple[str, ...]:
    """Return the command line of a run that prints the types of outputs and writes none."""
    kept = [word for word in argv if not word.startswith("--output=")]
    outputs = sum(word.startswith("--output=") for word in argv)
    return (*kept, *(f"--output={'-' if index in positions else ''}" for index in range(outputs)), _PRINT_NO_ELEMENTS)


def printed(log: str, types: Sequence[str], positions: Sequence[int]) -> tuple[str, ...]:
    """Return the types with those that a run printed at some positions."""
    found = [_spelled(tensor or scalar) for tensor, scalar in _PRINTED.findall(log)]
    if len(found) != len(positions):
        return tuple(types)
    by_position = dict(zip(positions, found, strict=True))
    return tuple(by_position.get(index, text) for index, text in enumerate(types))


def mismatch(index: int, expected: TensorType, given: str, declared_type: str) -> str | None:
    """Return how an output differs from the expected type, or None; `?` and what is unknown fit everything.

    Args:
        index: position of the output.
        expected: what the spec expects.
        given: what the program gave, as far as it is known.
        declared_type: what the module declares; a scalar result such as `i8` is given as an i32.
    """
    if _fits(expected, given) or (given in scalars.stand_ins(declared_type) and _fits(expected, declared_type)):
        return None
    is_demoted = "f64" in expected.element and re.search(r"f32>?$", given)
    hint = f" ({DEMOTED})" if is_demoted else ""
    return f"output {index}: expected {expected}, but the model returned {given}{hint}"


def _spelled(text: str) -> str:
    return text.replace("cf128", "complex<f64>").replace("cf64", "complex<f32>")


def _header(path: Path) -> str:
    try:
        return str(tensor_files.npy_type(path)[0])
    except (IntegrityError, OSError):
        return ""


def _raw(path: Path, declared_type: str) -> str:
    type_ = _parsed(declared_type)
    return "" if type_ and path.is_file() and path.stat().st_size != type_.size_bytes else declared_type


def _parsed(text: str) -> TensorType | None:
    try:
        return TensorType.parse(text)
    except ValueError:
        return None


def _fits(expected: TensorType, text: str) -> bool:
    *sizes, element = re.findall(r"(?:\?|\d+)(?=x)|[^x?\d].*$", text) or [""]
    if element not in ELEMENT_BITS and element != _ANY_F8:
        return True  # such as a buffer view
    return (
        len(sizes) == len(expected.shape)
        and all(size in ("?", str(wanted)) for size, wanted in zip(sizes, expected.shape, strict=True))
        and (element.lstrip("su") == expected.element.lstrip("su") or expected.element[:2] == element == _ANY_F8)
    )
