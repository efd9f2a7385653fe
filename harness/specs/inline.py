"""Makes a spec of a program and options: to check a bug report without a file, or to write the file (pure)."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.core.cases import ONNX, Backend
from harness.core.errors import UsageError
from harness.core.references import Oracle
from harness.core.settings import ProgramSettings
from harness.iree.flags import BACKEND_FLAGS

SUFFIXES = (".mlir", ".mlirbc", ONNX)
_TARGET = "--iree-hal-target-"


def is_bare(selector: str) -> bool:
    """Whether a selector is a program and not a spec."""
    return selector.endswith(SUFFIXES)


def is_compiled_alone(program: str, settings: ProgramSettings, oracle: Oracle | None) -> bool:
    """Whether nothing of a program is run: it is told no function or inputs, and an ONNX file nothing else either."""
    if settings.function or settings.inputs:
        return False
    says_more = settings.expected_outputs or settings.dimensions or settings.seed is not None or oracle
    return not (program.endswith(ONNX) and says_more)


def url(path: str) -> str:
    """Return the URL of a file of this machine."""
    return Path(path).absolute().as_uri()


def document(
    program: str,
    settings: ProgramSettings,
    backend: Backend,
    *,
    oracle: Oracle | None = None,
    source: Callable[[str], str] = url,
) -> Mapping[str, Any]:
    """Return what a spec file would say of a program.

    Args:
        program: the program.
        settings: what is said of it.
        backend: the backend to compile for.
        oracle: what its outputs are to be compared with.
        source: says how the spec names a file of the options.

    Raises:
        UsageError: an option says nothing that can be checked.
    """
    flags = list(settings.compiler_flags)
    if not any(flag.startswith(_TARGET) for flag in flags):
        flags += BACKEND_FLAGS[backend]
    is_onnx = program.endswith(ONNX)
    if settings.expected_outputs and not settings.function and not is_onnx:
        raise UsageError(f"{program}: --expected-output needs --function NAME, the function whose outputs these are.")
    fields = {
        "mlir": source(program),
        "compiler_flags": flags,
        "run_function": settings.function,
        "real_weights": source(settings.weights) if settings.weights else None,
        "inputs": [_input(each, source) for each in settings.inputs],
        "outputs": [_output(each, source) for each in settings.expected_outputs],
        "threshold_args": list(_thresholds(settings.thresholds)),
        "seed": settings.seed if is_onnx else None,
        "dimensions": dict(settings.dimensions),
        "compile_only": is_compiled_alone(program, settings, oracle),
    }
    return {name: value for name, value in fields.items() if value}


def text(document: Mapping[str, Any]) -> str:
    """Return the text of a spec file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def relative(text: str, specs: Path, path: Path) -> str:
    """Return a source relative to a spec, given one relative to the folder of specs; URLs and absolute paths as are."""
    if (":" in text and urlsplit(text).scheme) or Path(text).is_absolute():
        return text
    return os.path.relpath(specs / text, path.parent)


def _input(text: str, source: Callable[[str], str]) -> Mapping[str, str]:
    """Return an input as a spec has it."""
    return _file(text, source) or {"value": text}


def _output(text: str, source: Callable[[str], str]) -> Mapping[str, str]:
    if text == "(ignored)":
        return {"value": text}
    if (found := _file(text, source)) is None and "=" not in text:
        raise UsageError(f"--expected-output {text}: expected @FILE.npy, TYPE=@FILE, TYPE=VALUES or '(ignored)'.")
    return found or {"value": text}


def _file(text: str, source: Callable[[str], str]) -> Mapping[str, str] | None:
    """Return what names a file, `@FILE.npy` or `TYPE=@FILE`, as a spec does."""
    if not (name := file_named(text)):
        return None
    type_ = text.partition("@")[0].removesuffix("=")
    return {"source": source(name)} | ({"value": type_} if type_ else {})


def file_named(text: str) -> str:
    """Return the file that `@FILE.npy` or `TYPE=@FILE` names; nothing for another text."""
    type_, _, name = text.partition("@")
    return name if not type_ or type_.endswith("=") else ""


def _thresholds(values: Sequence[tuple[str, str]]) -> Iterator[str]:
    for element, number in values:
        yield f"--expected_rtol={number}" if element == "rtol" else f"--expected_{element}_threshold={number}"
