"""Makes a spec of a program and options: to judge a bug report without a file, or to write the file (pure)."""

import argparse
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.cli.argument_types import threshold
from harness.core.cases import Backend
from harness.core.errors import UsageError

SUFFIX = ".mlir"
OPTIONS = ("compiler_flag", "function", "input", "expected_output", "threshold", "weights")
_TARGET = "--iree-hal-target-"
_TARGET_FLAGS: Mapping[Backend, Sequence[str]] = {
    Backend.CPU: ("--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu"),
    Backend.ROCM: ("--iree-hal-target-device=hip",),
    Backend.CUDA: ("--iree-hal-target-device=cuda",),
}


def add_options(group: argparse.ArgumentParser) -> None:
    """Add what says how to compile, run and judge an `.mlir` file."""
    add = group.add_argument
    help_text = "of an .mlir file: a flag for iree-compile, e.g. --compiler-flag=--iree-opt-level=O3; may be repeated"
    add("--compiler-flag", action="append", default=[], metavar="FLAG", help=help_text)
    help_text = "of an .mlir file: the function to run; without it and an --input nothing is run"
    add("--function", metavar="NAME", help=help_text)
    help_text = "of an .mlir file: @FILE.npy, TYPE=@FILE, or a text such as 4xf32=2; may be repeated"
    add("--input", action="append", default=[], metavar="INPUT", help=help_text)
    help_text = "of an .mlir file: @FILE.npy, TYPE=@FILE or '(ignored)', one for each output"
    add("--expected-output", "--expected_output", action="append", default=[], metavar="OUTPUT", help=help_text)
    help_text = (
        "of an .mlir file: how far an output may be off, e.g. --threshold f32=1e-3 or rtol=1e-5; may be repeated"
    )
    add("--threshold", action="append", type=threshold, default=[], metavar="TYPE=N", help=help_text)
    add("--weights", metavar="FILE", help="of an .mlir file: its parameters, an .irpa file")


def is_bare(selector: str) -> bool:
    """Whether a selector is a program and not a spec."""
    return selector.endswith(SUFFIX)


def words(parsed: argparse.Namespace) -> list[str]:
    """Return the options that were given, as a command line has them."""
    return [word for name in OPTIONS for word in _words(name, getattr(parsed, name, None))]


def facts(parsed: argparse.Namespace) -> dict[str, Any]:
    """Return what results quote of these options, so that the cases can be repeated."""
    return {"program": words(parsed)} if words(parsed) else {}


def without(parsed: argparse.Namespace) -> argparse.Namespace:
    """Return a command line without these options, for a spec, which says it all itself."""
    none: dict[str, Any] = {name: [] if isinstance(getattr(parsed, name), list) else None for name in OPTIONS}
    return argparse.Namespace(**{**vars(parsed), **none})


def url(path: str) -> str:
    """Return the URL of a file of this machine."""
    return Path(path).absolute().as_uri()


def document(
    program: str, parsed: argparse.Namespace, backend: Backend, *, source: Callable[[str], str] = url
) -> Mapping[str, Any]:
    """Return what a spec file would say of a program; `source` says how it names the files of the options.

    Raises:
        UsageError: an option says nothing that can be judged.
    """
    flags = list(parsed.compiler_flag)
    if not any(flag.startswith(_TARGET) for flag in flags):
        flags += _TARGET_FLAGS[backend]
    if parsed.expected_output and not parsed.function:
        raise UsageError(f"{program}: --expected-output needs --function NAME, the function whose outputs these are.")
    fields = {
        "mlir": source(program),
        "compiler_flags": flags,
        "run_function": parsed.function,
        "real_weights": source(parsed.weights) if parsed.weights else None,
        "inputs": [_input(each, source) for each in parsed.input],
        "outputs": [_output(each, source) for each in parsed.expected_output],
        "threshold_args": list(_thresholds(parsed.threshold)),
        "compile_only": not parsed.function and not parsed.input,
    }
    return {name: value for name, value in fields.items() if value}


def text(document: Mapping[str, Any]) -> str:
    """Return the text of a spec file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _words(name: str, value: Any) -> Iterator[str]:
    option = f"--{name.replace('_', '-')}"
    for each in value if isinstance(value, list) else [value] if value else []:
        yield f"{option}={'='.join(each) if isinstance(each, tuple) else each}"


def _input(text: str, source: Callable[[str], str]) -> Mapping[str, str]:
    """Return an input as a spec has it; to iree-run-module one without a value is of zeros."""
    is_type = re.fullmatch(r"[0-9x]*x?[a-z][A-Za-z0-9<>]*", text)
    return _file(text, source) or {"value": f"{text}=0" if is_type else text}


def _output(text: str, source: Callable[[str], str]) -> Mapping[str, str]:
    if text == "(ignored)":
        return {"value": text}
    if (found := _file(text, source)) is None:
        raise UsageError(f"--expected-output {text}: expected @FILE.npy, TYPE=@FILE or '(ignored)'.")
    return found


def _file(text: str, source: Callable[[str], str]) -> Mapping[str, str] | None:
    """Return what names a file, `@FILE.npy` or `TYPE=@FILE`, as a spec does."""
    type_, at, name = text.partition("@")
    if not at or (type_ and not type_.endswith("=")):
        return None
    return {"source": source(name)} | ({"value": type_.removesuffix("=")} if type_ else {})


def _thresholds(values: Sequence[tuple[str, str]]) -> Iterator[str]:
    for element, number in values:
        yield f"--expected_rtol={number}" if element == "rtol" else f"--expected_{element}_threshold={number}"
