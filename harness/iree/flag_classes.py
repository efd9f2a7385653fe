"""Says what a flag of the IREE tools may do, and refuses those of a spec that are not known to be harmless.

The data is in `flag_classes.json`: every flag of every release, by what it makes the tool do. A word of a spec is read
as the tools read it, `--NAME` or `--NAME=VALUE`; a word that is no known flag is refused.
"""

import difflib
import enum
import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from harness.iree import flag_table

TRANSFORM_LIBRARY = "--iree-codegen-transform-dialect-library"
TRUST = "remove it from the spec, or accept all flags of the specs with --trust-flags"
_KEYED = re.compile(r"(?:(?P<key>[^/=]*)=)?(?P<path>[^=]+)")
_EXPORT = re.compile(r"(?:[^/=,]+=)?[A-Za-z_][A-Za-z0-9_.-]*\.irpa")
_PIPELINE_TOKEN = re.compile(r"(?P<name>[\w.-]+)(?P<options>\{[^{}()\"']*\})?|[(),\s]|(?P<other>.)", re.DOTALL)


class Tool(enum.StrEnum):
    """A program that gets flags of a spec."""

    COMPILE = "iree-compile"
    RUN = "iree-run-module"


class FlagClass(enum.StrEnum):
    """What a flag makes its tool do."""

    SWITCH = "switch"  # nothing outside the tool; may stand without a value
    VALUE = "value"  # nothing outside the tool; needs a value
    PIPELINE = "pipeline"  # run the passes that it names
    FILE = "file"  # read a file
    FILES = "files"  # read files: `[KEY=]FILE,...`
    EXPORT = "export"  # write one archive, `[SCOPE=]FILE`, as a part of what it compiles
    DUMP = "dump"  # write files for a reader, some of them under names that the program chooses
    HARNESS = "harness"  # what only the harness says, or what keeps the tool from its work
    WRITE = "write"  # write files
    FOLDER = "folder"  # read files whose names the flag does not say
    PROGRAM = "program"  # start a program
    CODE = "code"  # load code


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a command line as the tools read it."""

    name: str
    value: str | None

    @classmethod
    def read(cls, text: str) -> "Word":
        """Return the parts of `--NAME` or `--NAME=VALUE`."""
        name, equals, value = text.partition("=")
        return cls(name, value if equals else None)


def of(text: str, tool: Tool = Tool.COMPILE) -> FlagClass | None:
    """Return the class of a flag; None for what is not a flag of any known release."""
    return _classes(tool).get(Word.read(text).name)


@functools.lru_cache(maxsize=4096)  # a catalogue has few flags, in many specs
def refusal(text: str, *, tool: Tool = Tool.COMPILE, trusted: bool = False, backend: str | None = None) -> str | None:
    """Return why a spec must not have a flag, as the predicate of a sentence about the flag, or None.

    Args:
        text: the flag.
        tool: the program that would get it.
        trusted: whether flags that can harm are accepted.
        backend: that of the spec; its chip comes from the command line, and that of another one only from a flag.
    """
    word, found = Word.read(text), of(text, tool)
    if found is FlagClass.HARNESS:
        if backend and flag_table.load().chip_of.get(word.name, backend) != backend:
            return None
        reason = flag_table.load().refused.get(word.name, "is set by the harness")
        return f"{reason}; remove it from the spec"
    if trusted:
        return None
    if found is None:
        near = difflib.get_close_matches(word.name, _classes(tool), n=1, cutoff=0.8)
        hint = f" (did you mean {near[0]}?)" if near else ""
        return f"is not a flag of any known release of {tool}{hint}; {TRUST}"
    problem = _CHECKS[found](word) if found in _CHECKS else _HARM[found]
    return f"{problem}; {TRUST}" if problem else None


@functools.lru_cache(maxsize=4096)
def is_opaque(text: str) -> bool:
    """Whether the harness cannot tell what a flag of iree-compile reads and writes."""
    return of(text) is not FlagClass.HARNESS and refusal(text) is not None


@functools.lru_cache(maxsize=4096)
def files_named(text: str) -> tuple[str, ...]:
    """Return the files that a flag makes the compiler read, as the flag names them."""
    return tuple(path for _, path, _ in _files(text))


def with_files(text: str, names: Mapping[str, str]) -> str:
    """Return a flag in which files have other names."""
    if not files_named(text):
        return text
    parts = _files(text)
    return f"{Word.read(text).name}={','.join(f'{key}{names[path]}{rest}' for key, path, rest in parts)}"


def _files(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield each file of a flag with what stands before and after it."""
    word, found = Word.read(text), of(text)
    value = word.value or ""
    if not value:
        return
    if found is FlagClass.FILE and word.name == TRANSFORM_LIBRARY:
        path, at, sequence = value.partition("@")
        yield "", path, f"{at}{sequence}"
    elif found is FlagClass.FILE:
        yield "", value, ""
    elif found is FlagClass.FILES:
        for item in value.split(","):
            key, equals, path = item.rpartition("=")
            yield f"{key}{equals}", path, ""


@functools.cache
def _data() -> Mapping[str, Mapping[str, list[str]] | list[str]]:
    import msgspec  # noqa: PLC0415 - as slow to import as all of harness.specs.reader

    text = Path(__file__).with_name("flag_classes.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, dict[str, list[str]] | list[str]])


@functools.cache
def _classes(tool: Tool) -> Mapping[str, FlagClass]:
    table = _data()[tool]
    assert isinstance(table, dict)  # noqa: S101 - our own data
    return {name: FlagClass(found) for found, names in table.items() for name in names}


@functools.cache
def _passes() -> frozenset[str]:
    return frozenset(_data()["passes"])


def _no_value(word: Word) -> str | None:
    return None if word.value is not None else "needs a value, after an equals sign"


def _nothing(_word: Word) -> None:
    return None


def _bad_pipeline(word: Word) -> str | None:
    """Return what is wrong with a pipeline such as `builtin.module(util.func(a), b{option=1})`."""
    text = word.value or ""
    for match in _PIPELINE_TOKEN.finditer(text):
        if match["other"]:
            return f"has {match['other']!r}, which the harness does not read in a pipeline"
        is_anchor = text[match.end() :].lstrip().startswith("(") and not match["options"]
        if match["name"] and not is_anchor and match["name"] not in _passes():
            return f"runs the pass {match['name']}, which is not known to be harmless"
    return _no_value(word)


def _bad_file(word: Word) -> str | None:
    path = (word.value or "").partition("@")[0] if word.name == TRANSFORM_LIBRARY else word.value
    return None if path else "needs the name of a file, after an equals sign"


def _bad_files(word: Word) -> str | None:
    is_list = all(map(_KEYED.fullmatch, (word.value or "").split(",")))
    return None if is_list else "needs files, as in FILE or KEY=FILE, separated by commas"


def _bad_export(word: Word) -> str | None:
    if _EXPORT.fullmatch(word.value or ""):
        return None
    return "names another file than an archive in the folder where the compiler runs, such as exported.irpa"


def _bad_dump(word: Word) -> str | None:
    path = PurePosixPath(word.value or "")
    is_outside = path.is_absolute() or ".." in path.parts
    return "names a file outside the folder in which the compiler runs" if is_outside else None


_CHECKS: Mapping[FlagClass, Callable[[Word], str | None]] = {
    FlagClass.SWITCH: _nothing,
    FlagClass.VALUE: _no_value,
    FlagClass.PIPELINE: _bad_pipeline,
    FlagClass.FILE: _bad_file,
    FlagClass.FILES: _bad_files,
    FlagClass.EXPORT: _bad_export,
    FlagClass.DUMP: _bad_dump,
}
_HARM = {
    FlagClass.WRITE: "makes the tool write a file",
    FlagClass.FOLDER: "makes the tool read files that the flag does not name",
    FlagClass.PROGRAM: "makes the tool start another program",
    FlagClass.CODE: "loads code into the tool",
}
