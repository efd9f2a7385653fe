"""Reads from a program that is compiled up to its executables what each of these exports, and how it is launched.

Text of `--compile-to=executable-targets`, which all releases print in one of two ways:

    hal.executable.export public @NAME ordinal(0) layout(...) count(%arg0: !hal.device) -> (index, index, index) {
      %c4 = arith.constant 4 : index
      hal.return %c4, %c4, %c4 : index, index, index
    }
    hal.executable.export public @NAME ordinal(0) layout(...) attributes {...} {
    ^bb0(%arg0: !hal.device):
"""

import re
from collections.abc import Iterable, Iterator

from harness.core.values import frozen

_ID = r"@(?P<name>[A-Za-z_][A-Za-z0-9_$.-]*)"  # names with other characters are quoted, and fit into no file name
_MODULE = re.compile(rf"module(?: {_ID})?.*\{{$")
_EXECUTABLE = re.compile(rf"hal\.executable (?:public |private )?{_ID}.*\{{$")
_VARIANT = re.compile(rf"hal\.executable\.variant (?:public |private )?{_ID}")
_EXPORT = re.compile(rf"hal\.executable\.export (?:public |private )?{_ID}")
_ALIAS = re.compile(r"(#\w+) = (affine_map<.*>)$")
_MEMORY = re.compile(r"workgroup_local_memory = (\d+)")
_ARGUMENTS = re.compile(r"(?:count|\^bb0)\((?P<arguments>[^)]*)\)")
_VALUE = re.compile(r"%[\w$.-]+")
_OPERATION = re.compile(r"(?P<value>%[\w$.-]+) = (?P<said>.*)$")
_CONSTANT = re.compile(r"arith\.constant (-?\d+) : index$")
_RETURN = re.compile(r"hal\.return (?P<values>[^:]*) : ")
_CHOICE = re.compile(r"(?<=-> \()(?P<results>[^()]*)(?=\)>)")
_DEFAULT_MODULE = "module"


@frozen
class Export:
    """A kernel as its module launches it.

    Attributes:
        executable: the executable that has it, such as `f_dispatch_0`.
        kernel: its name, such as `f_dispatch_0_elementwise_4_f32`.
        file: the name of the file to which the compiler dumps its code.
        grid: the number of workgroups, such as `4 x 1 x 1`, or what computes it; None if it cannot be told.
        memory_bytes: shared memory that it is launched with.
    """

    executable: str
    kernel: str
    file: str
    grid: str | None
    memory_bytes: int = 0


def read(lines: Iterable[str]) -> list[Export]:
    """Return the kernels of a program in order; of an executable with several, the first."""
    found, rest = list[Export](), map(str.strip, lines)
    module, executable, variant, aliases = "", "", "", dict[str, str]()
    for line in rest:
        if alias := _ALIAS.match(line):
            aliases[alias[1]] = alias[2]
        elif not module and (match := _MODULE.match(line)):
            module = match["name"] or _DEFAULT_MODULE
        elif match := _EXECUTABLE.match(line):
            executable = match["name"]
        elif match := _VARIANT.match(line):
            variant = match["name"]
        elif (match := _EXPORT.match(line)) and executable not in {each.executable for each in found}:
            memory = _MEMORY.search(line)
            found.append(
                Export(
                    executable=executable,
                    kernel=match["name"],
                    file=f"{module}_{executable}_{variant}.hsaco",
                    grid=_grid(line, rest, aliases),
                    memory_bytes=int(memory[1]) if memory else 0,
                )
            )
    return found


def _grid(header: str, rest: Iterator[str], aliases: dict[str, str]) -> str | None:
    """Return what the region of an export returns, each value written in terms of constants and arguments."""
    if not header.endswith("{"):
        return None
    known = _arguments(header)
    for line in rest:
        if line.startswith("^bb0"):
            known = _arguments(line)
        elif returned := _RETURN.match(line):
            return " x ".join(_written(each.strip(), known) for each in returned["values"].split(","))
        elif operation := _OPERATION.match(line):
            said = _expanded(operation["said"], aliases)
            constant = _CONSTANT.match(said)
            known[operation["value"]] = constant[1] if constant else f"[{_written(said, known)}]"
        else:
            return None
    return None


def _arguments(line: str) -> dict[str, str]:
    """Return names for the arguments of a region: the device, and the workload."""
    match = _ARGUMENTS.search(line)
    return {name: f"w{index}" for index, name in enumerate(_VALUE.findall(match["arguments"]))} if match else {}


def _written(text: str, known: dict[str, str]) -> str:
    return _VALUE.sub(lambda value: known.get(value[0], value[0]), text)


def _expanded(text: str, aliases: dict[str, str]) -> str:
    """Return an operation with its map written out; what a minimum or maximum chooses from has no order."""
    for alias, map_ in aliases.items():
        text = re.sub(rf"{re.escape(alias)}(?!\w)", map_, text)
    if not text.startswith(("affine.min", "affine.max")):
        return text
    return _CHOICE.sub(lambda choice: ", ".join(sorted(choice["results"].split(", "))), text)
