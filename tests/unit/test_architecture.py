"""The floors: each module imports only from floors below, and there is one door for each effect."""

import ast
import functools
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

import harness

PACKAGE = Path(harness.__file__).parent
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
FLOORS = (
    (
        *("__init__", "bisect", "blobs", "blobs.pace", "commands", "devices", "locks", "model", "positions"),
        *("records", "report", "report.text", "stamps", "supervisor", "urls", "warden"),
    ),
    (
        *("argument_types", "errors", "links", "report.facts", "report.markdown"),
        *("schema", "signature", "traffic"),
    ),
    (
        *("bare", "compare", "disk", "engine", "folders", "image", "metric", "process", "releases", "report.console"),
        *("report.junit", "report.results", "report.summary", "targets"),
    ),
    (
        *("blobs.source", "entries", "flags", "gpus", "matrix", "pairs", "probes", "scratch", "script"),
        *("search_options", "sockets"),
    ),
    (
        *("arguments", "blobs.connection", "blobs.journal", "blobs.objects", "diagnose", "finding", "plan"),
        *("report.matrix", "spec", "store"),
    ),
    ("blobs.hosts", "blobs.parts", "bootstrap", "cli", "learnt", "report.search", "selection", "wheels"),
    ("blobs.hasher", "blobs.tries", "inventory", "report.answer", "toolchain"),
    ("blobs.draft", "doctor", "manifest", "steps", "upkeep"),
    (
        "blobs.download",
        "commands.doctor",
        "context",
        "executor",
        "outcome",
        "report.store",
        "selftest",
        "serve",
        "wall",
    ),
    ("fetch", "inquiry", "remembered", "run", "site", "worker"),
    ("confinement", "images", "live"),
    ("container", "supply"),
    ("commands.store", "session", "wheelhouse"),
    ("choice", "collector", "commands.image", "commands.look", "logbook"),
    ("commands.blobs", "commands.judge", "prober"),
    ("commands.matrix", "commands.new", "hunt"),
    ("commands.bisect",),
)
# What only these modules use. The supervisor hands its environment on as it is.
DOORS: dict[str, set[str]] = {
    "subprocess": {"process"},
    "os.posix_spawn": {"supervisor"},
    "os.system": set(),
    "httpx": {"blobs.connection", "blobs.hosts"},
    "httpcore": {"blobs.connection"},
    "urllib.request": set(),
    "http.server": {"serve"},
    "socketserver": {"serve"},
    "os.environ": {"cli", "collector", "process", "supervisor"},
    "os.getenv": set(),
    "sys.argv": {"cli", "supervisor", "warden", "worker"},
    "docker": {"confinement", "engine"},
    "socket.socket": {"blobs.connection", "container", "warden", "worker"},
    "sys.exit": {"cli"},
    "print": set(),
}


@functools.cache
def tree(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text())


def imported(name: str) -> Iterator[str]:
    """Yield the full names that a module imports: `a.b` for `from a import b`."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}: a relative import hides the floor"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(name: str) -> set[str]:
    """Return the modules of the package that a module imports."""
    inside = (each.partition(".")[2] for each in imported(name) if each.partition(".")[0] == "harness")
    return {each if each in MODULES else each.rpartition(".")[0] or "__init__" for each in inside}


@functools.cache
def used(name: str) -> frozenset[str]:
    """Return the dotted names that a module imports or uses, and all that they begin with."""
    expressions = (node for node in ast.walk(tree(name)) if isinstance(node, ast.Attribute | ast.Name))
    names = (each.split(".") for each in (*imported(name), *map(ast.unparse, expressions)))
    return frozenset(".".join(parts[:end]) for parts in names for end in range(1, len(parts) + 1))


def test_every_module_has_its_floor() -> None:
    assert sorted(itertools.chain.from_iterable(FLOORS)) == sorted(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_from_floors_below(name: str) -> None:
    below = itertools.takewhile(lambda floor: name not in floor, FLOORS)
    assert own_imports(name) <= {*itertools.chain.from_iterable(below)}


def test_there_are_no_more_floors_than_there_must_be() -> None:
    for below, floor in itertools.pairwise(FLOORS):
        assert any(own_imports(name) & set(below) for name in floor), floor


@pytest.mark.parametrize("door", DOORS)
def test_there_is_one_door_for_each_effect(door: str) -> None:
    assert {name for name in MODULES if door in used(name)} == DOORS[door]


def test_these_tests_see_what_they_look_for() -> None:
    assert own_imports("report.junit") == {"model", "report.text", "report.facts"}
    assert own_imports("arguments") == {
        "__init__",
        "argument_types",
        "bare",
        "devices",
        "errors",
        "model",
        "search_options",
        "urls",
    }
    assert {"os.posix_spawn", "os.environ", "resource.setrlimit", "resource"} <= used("supervisor")
