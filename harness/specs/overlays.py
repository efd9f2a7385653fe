"""Merges a spec with the files that it extends, as JSON Merge Patch (RFC 7396) does.

What a base names is relative to the folder of the base; in the merged document it is relative to that of the spec. Each
value keeps the path that it has in its own file, so only the file has to be known to find its line.
"""

import errno
import functools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.host import files
from harness.host.beneath import Folder
from harness.specs import json_lines, schema
from harness.specs.catalogue import EXTENDS, Folders, base_path, is_relative
from harness.specs.violations import MAX_BYTES, Violations

_DEEPEST = 8  # files that extend each other
_OF_SPEC = (EXTENDS,)  # fields that are not merged
_OF_BASE = (EXTENDS, "$schema")


def merge(spec: Violations, folders: Folders) -> bool:
    """Put the merged document in the place of that of a spec that extends a file; return whether nothing is wrong."""
    layers = _layers(spec, folders)
    if len(layers) > 1 and not any(each.found for each in layers):
        spec.document.value = _merged(layers, spec)
    spec.found += [each for base in layers[1:] for each in base.found]
    return not spec.found


def document(path: Path, folders: Folders) -> Mapping[str, Any]:
    """Return the merged document of a valid spec: in its place it means the same."""
    spec = Violations(path)
    spec.read_document()
    merge(spec, folders)
    value: Mapping[str, Any] = spec.document.value
    return value


def inherited(path: Path, folders: Folders) -> Mapping[str, Any]:
    """Return what a valid spec has of the file that it extends, with sources relative to the spec."""
    spec = Violations(path)
    spec.read_document()
    return _merged(_layers(spec, folders)[1:], spec)


def _layers(spec: Violations, folders: Folders) -> list[Violations]:
    """Return a spec, the file that it extends, the file that this one extends, and so on."""
    layers, root = [spec], folders.root(spec.path)
    while isinstance(value := layers[-1].document.value, dict) and EXTENDS in value:
        last, known = layers[-1], [each.path for each in layers]
        at = json_lines.member("$", EXTENDS)
        path = last.checked(at, functools.partial(_base, value[EXTENDS], known, root))
        content = last.checked(at, functools.partial(_content, path, root)) if path else None
        if path is None or content is None:
            break
        layers.append(base := Violations(path))
        if base.parse(content) and not isinstance(base.document.value, dict):
            base.add("$", "expected an object, because a spec extends this file")
        if base.found:
            break
    return layers


def _merged(layers: Sequence[Violations], spec: Violations) -> dict[str, Any]:
    """Return the document of files, each after the one that extends it, with sources as the spec would name them."""
    merged: dict[str, Any] = {}
    for layer in reversed(layers):
        move = functools.partial(_moved, folder=layer.path.parent, to=spec.path.parent)
        value = schema.with_sources(layer.document.value, move)
        own = {name: each for name, each in value.items() if name not in (_OF_SPEC if layer is spec else _OF_BASE)}
        _Patch(layer, spec).apply(merged, own, is_last=layer is layers[-1])
    return merged


def _base(source: Any, known: list[Path], root: Path) -> Path:
    """Return the path of a file that the last of these files extends.

    Raises:
        ValueError: it may not extend that.
    """
    path = base_path(source, known[-1])
    if path is None:
        raise ValueError("expected the path of a JSON file, relative to this one, such as clip_base.json")
    if not path.is_relative_to(root):
        raise ValueError(f"{source!r} is outside {root}; expected a file in it")
    named = [*map(_real, known), path]
    names = " extends ".join(os.path.relpath(each, root) for each in named)
    if path in named[:-1]:
        raise ValueError(f"a circle: {names}; remove one 'extends'")
    if len(known) > _DEEPEST:
        raise ValueError(f"more than {_DEEPEST} files extend each other: {names}")
    return path


def _content(path: Path, root: Path) -> bytes:
    """Return the content of a base, which is never opened through a link.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        return Folder(root).read(path, MAX_BYTES)
    except (OSError, files.UnreadableError) as error:
        is_link = isinstance(error, OSError) and error.errno == errno.ELOOP
        reason = "it is a symbolic link, or behind one" if is_link else files.reason(error)
        raise ValueError(f"cannot read {os.path.relpath(path, root)}: {reason}; expected a file in {root}") from error


def _moved(source: str, *, folder: Path, to: Path) -> str:
    """Return a source as a file in another folder names it."""
    way = os.path.relpath(_real(folder), _real(to))
    return f"{way}/{source}" if is_relative(source) and way != os.curdir else source


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


class _Patch:
    """Changes a document as one file says, and notes what that file has written."""

    def __init__(self, layer: Violations, spec: Violations) -> None:
        self._layer, self._spec = layer, spec

    def apply(self, target: dict[str, Any], patch: Mapping[str, Any], at: str = "$", *, is_last: bool = False) -> None:
        """Change an object at a JSON path; the nulls of what extends nothing stay."""
        for name, value in patch.items():
            path = json_lines.member(at, name)
            if isinstance(value, dict) and isinstance(target.get(name), dict):
                self.apply(target[name], value, path)
                continue
            self._spec.written(path, self._layer)
            if value is not None or is_last:
                target[name] = value
            elif name in target:
                del target[name]
            else:
                self._layer.add(path, "null removes nothing: what this file extends has no such field; leave it out")
