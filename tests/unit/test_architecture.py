"""Each package imports only from those above it in the table, and there is one door for each effect."""

import ast
import datetime as dt
import functools
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import harness

PACKAGE = Path(harness.__file__).parent
DOCS = Path(__file__).parents[2] / "docs"
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
# Modules of the harness itself, beside the packages: what others import, and what starts the command line.
ITSELF = {"__init__", "__main__", "api"}
# Each package imports only from those before it; `cli` alone from `api`, which is made of all the others.
PACKAGES = (
    "core",
    "host",
    "report",
    "history",
    "store",
    "fetch",
    "iree",
    "importers",
    "specs",
    "suites",
    "pipeline",
    "cluster",
    "containers",
    "packing",
    "bench",
    "search",
    "localize",
    "reduction",
    "cli",
)
# What only these modules use.
DOORS: dict[str, set[str]] = {
    "subprocess": {"host.process", "host.supervised"},
    "sqlite3": {"history.database"},
    "os.posix_spawn": {"host.supervisor"},
    "os.system": set(),
    "httpx": {"fetch.by_httpx", "fetch.sessions", "fetch.short_requests"},
    "httpcore": {"fetch.by_httpx"},
    "urllib.request": set(),
    "http.server": {"fetch.mirror_server"},
    "socketserver": {"fetch.mirror_server"},
    "os.environ": {"cli.main", "cli.pytest_options", "fetch.sessions", "host.process"},
    "os.environb": {"host.supervised"},
    "os.getenv": set(),
    "sys.argv": {"cli.main", "host.supervisor", "containers.reaper", "containers.worker", "importers.workers.main"},
    "docker": {"containers.confinement", "containers.engine"},
    "socket.socket": {
        "fetch.sessions",
        "host.supervised",
        "host.supervisor",
        *(f"containers.{name}" for name in ("container", "container_tools", "protocol", "reaper", "worker")),
    },
    "sys.exit": {"cli.main"},
    "print": set(),
}


# What opens, lists or removes files by a path, and so follows links; a `Folder` has such methods that do not.
BY_PATH = {"chmod", "copyfile", "copytree", "exists", "glob", "hardlink_to", "is_dir", "is_file", "iterdir", "link"}
BY_PATH |= {"listdir", "lstat", "mkdir", "mkdtemp", "open", "opened", "read_bytes", "read_text", "rename", "rglob"}
BY_PATH |= {"rmdir", "rmtree", "scandir", "stat", "symlink_to", "TemporaryFile", "touch", "unlink", "utime", "walk"}
BY_PATH |= {"write_bytes", "write_text"}
FOLDERS = {
    "self",
    "inside",
    "files",
    "root",
    "self.files",
    "self._files",
    "self._root",
    "store.files",
    "self.store.files",
    "self._store.files",
}
# The modules that work beneath a folder of the harness, and what else they open: the folder itself, which a user may
# name, and files of users and of the kernel.
BENEATH: dict[str, set[str]] = {
    "fetch.fetcher": set(),
    "fetch.journal": set(),
    "fetch.mirror_server": set(),
    "fetch.partial": set(),
    "host.locks": set(),
    "pipeline.logs": set(),
    "pipeline.out_dir": {"link.symlink_to", "folder.mkdir", "name.exists"},
    "pipeline.outcome": set(),
    "pipeline.work_folder": {".exists"},
    "search.journal": {"folders.glob"},
    "store.entry": {"safe.opened"},
    "store.gc": {".exists"},
    "store.inventory": set(),
    "store.listing": set(),
    "store.objects": set(),
    "store.scratch": set(),
    "store.shared_entry": set(),
    "store.shared_listing": set(),
    "store.shared_upkeep": set(),
    "store.signing": {"safe.opened"},
    "store.store": {".read_text", "path.stat"},
    "store.upstream": set(),
    "store.url_index": set(),
}


@functools.cache
def tree(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text())


@functools.cache
def nodes(name: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree(name)))


def imported(name: str) -> Iterator[str]:
    """Yield the full names that a module imports: `a.b` for `from a import b`."""
    for node in nodes(name):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}: a relative import hides the floor"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(name: str) -> set[str]:
    """Return the modules of the package that a module imports."""
    inside = (each.partition(".")[2] for each in imported(name) if each.partition(".")[0] == "harness")
    return {each if each in MODULES else each.rpartition(".")[0] or "__init__" for each in inside}


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` for such an expression, and nothing for an attribute of any other."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            owner = dotted(value)
            return f"{owner}.{attribute}" if owner else ""
    return ""


@functools.cache
def used(name: str) -> frozenset[str]:
    """Return the dotted names that a module imports or uses, and all that they begin with."""
    parts = [each.split(".") for each in {*imported(name), *map(dotted, nodes(name))} - {""}]
    return frozenset(".".join(each[:end]) for each in parts for end in range(1, len(each) + 1))


def package(name: str) -> str:
    return name.partition(".")[0]


def test_every_package_has_its_place() -> None:
    assert {package(name) for name in MODULES} - ITSELF == set(PACKAGES)


@pytest.mark.parametrize("name", [name for name in MODULES if name not in ITSELF])
def test_a_module_imports_only_from_packages_above(name: str) -> None:
    above = PACKAGES[: PACKAGES.index(package(name)) + 1]
    found = {package(each) for each in own_imports(name)} - {"__init__"}
    assert found <= {*above, *(["api"] if package(name) == "cli" else [])}


def test_every_module_can_be_loaded() -> None:
    """But for those that only the environment of an importer can load."""
    for each in pkgutil.walk_packages(harness.__path__, "harness."):
        if not each.name.startswith("harness.importers.workers.torch_"):
            importlib.import_module(each.name)


def test_the_library_does_not_know_the_command_line() -> None:
    assert {package(each) for each in own_imports("api")} <= {*PACKAGES} - {"cli"}


def test_nothing_in_the_harness_itself_imports_the_command_line() -> None:
    """So that there is no circle of packages, those beside them counted as one more."""
    assert not {name for name in ITSELF if "cli" in map(package, own_imports(name))}


def test_only_the_command_line_knows_argparse() -> None:
    assert {package(name) for name in MODULES if "argparse" in used(name)} == {"cli"}


@pytest.mark.parametrize("door", DOORS)
def test_there_is_one_door_for_each_effect(door: str) -> None:
    assert {name for name in MODULES if door in used(name)} == DOORS[door]


def opened(name: str) -> Iterator[str]:
    """Yield the calls by which a module opens, lists or removes files by a path."""
    for node in nodes(name):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in BY_PATH:
            owner = dotted(node.func.value)
            if owner not in FOLDERS:
                yield f"{owner}.{node.func.attr}"


@pytest.mark.parametrize("name", BENEATH)
def test_a_module_that_works_beneath_a_folder_of_ours_follows_no_link(name: str) -> None:
    assert set(opened(name)) == BENEATH[name]
    assert "host.files" not in own_imports(name) or "safe.opened" in BENEATH[name]


def test_every_module_of_the_store_works_beneath_its_folder() -> None:
    assert {name for name in MODULES if package(name) == "store"} - {"store"} <= BENEATH.keys()


def test_these_tests_see_what_they_look_for() -> None:
    assert {"os.open", "os.unlink"} <= set(opened("host.beneath"))
    assert own_imports("report.junit") == {
        "core.devices",
        "core.outcomes",
        "core.statuses",
        "core.text",
        "core.values",
        "report.again",
        "report.facts",
        "report.outcome_log",
    }
    assert "__init__" in own_imports("cli.arguments")
    assert {"os.posix_spawn", "os.fork", "resource.setrlimit", "resource"} <= used("host.supervisor")


def test_frozen_dataclasses_are_made_where_that_is_quick() -> None:
    slow = {
        name for name, path in MODULES.items() if re.search(r"dataclass\(frozen=True.*kw_only=True\)", path.read_text())
    }
    assert {name for name in slow if not name.startswith("importers.workers.")} == {"core.values"}


def table(page: str, heading: str) -> list[list[str]]:
    """Return the rows, without the head, of the table below a heading of a page in docs/."""
    section = (DOCS / page).read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    _, _, *rows = (line for line in section.splitlines() if line.startswith("|"))
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_the_table_of_packages_says_what_the_packages_say() -> None:
    purposes = [(f"`{name}`", (ast.get_docstring(tree(name)) or "").splitlines()[0]) for name in PACKAGES]
    assert [(name, purpose) for name, purpose, _ in table("architecture.md", "Packages")] == purposes


def test_the_doors_of_packages_exist() -> None:
    for name, _, doors in table("architecture.md", "Packages"):
        found = re.findall(r"`(\w+)\.(\w+)`", doors)
        assert found, name
        for door in found:
            module, function = f"{name.strip('`')}.{door[0]}", door[1]
            assert function in {getattr(each, "name", "") for each in tree(module).body}, f"{module} has no {function}"


def test_new_lines_go_to_files_that_exist() -> None:
    rows = table("architecture.md", "Where does a new line go?")
    paths = [path for _, goes_to in rows for path in re.findall(r"`([\w./]+/[\w./]*)`", goes_to)]
    assert len(paths) > len(rows)
    assert [path for path in paths if not (DOCS.parent / path).exists()] == []


def test_decisions_are_dated_and_listed_by_topic() -> None:
    text = (DOCS / "decisions.md").read_text()
    topics = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert len(topics) > 5
    for topic in topics:
        anchor = f"#{topic.lower().replace(' ', '-')}"
        assert f"| [{topic}]({anchor}) |" in text
        assert f"(decisions.md{anchor})" in (DOCS / "architecture.md").read_text()
        dates = re.findall(r"^- (.{10}) \*\*", text.split(f"\n## {topic}\n")[1].split("\n## ")[0], re.MULTILINE)
        assert dates == sorted(dates, key=dt.date.fromisoformat) != []
