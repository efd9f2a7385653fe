"""What loads slowly is loaded where it is used, and not when a command starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CATALOGUE = Path(__file__).parents[2] / "quality_tests"
# To compare tensors, to talk to an engine, to check a spec.
LATE = {"docker", "jsonschema", "ml_dtypes", "numpy", "requests"}
MODULES = (
    *("specs.catalogue", "specs.inline", "specs.json_lines", "specs.reader", "specs.schema", "specs.tree"),
    "suites.config",
    *("iree.flag_table", "iree.flags", "iree.releases", "iree.toolchain", "iree.wheel_links", "iree.wheels"),
)
# What answers `--version`, and what help needs besides.
OF_VERSION = {"__main__", "cli.main", "cli.streams", "core.exit_codes", "core.text"}
OF_HELP = {"cli.arguments", "cli.command_line", "cli.command_table", "cli.parser"}
OF_HELP |= {"core.errors", "core.statuses", "core.values"}
# What plans and runs models, downloads, draws, or reads results.
OF_OTHERS = {
    "httpx",
    "jinja2",
    "junit_xml",
    "rich",
    "sqlite3",
    "harness.api",
    "harness.fetch",
    "harness.host.process",
    "harness.pipeline.planner",
    "harness.pipeline.session",
}


@pytest.mark.parametrize(
    ("modules", "late"),
    [
        (("api", "cli.main"), LATE),
        (MODULES, LATE | {"httpx", "msgspec"}),
        (("pipeline.measure",), {"ml_dtypes"}),
        (("cli.commands.quality",), LATE | {"harness.pipeline.onnx_import", "harness.report.page.page", "junit_xml"}),
    ],
    ids=["start", "specs", "comparison", "run"],
)
def test_what_loads_slowly_is_not_loaded_at_the_start(modules: tuple[str, ...], late: set[str]) -> None:
    names = ", ".join(f"harness.{each}" for each in modules)
    text = f"import sys, {names}; print(sorted(sys.modules.keys() & {late!r}))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def loaded(*argv: str) -> set[str]:
    """Return the modules that a command has loaded when it has ended."""
    text = "import sys; before = set(sys.modules); import atexit; from harness.__main__ import main\n"
    text += "atexit.register(lambda: sys.stderr.write(' '.join(sys.modules.keys() - before))); main()"
    command = [sys.executable, "-c", text, *argv]
    # Not measured: that would load modules, too.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def own(modules: set[str]) -> set[str]:
    """Return the modules of the harness among others; packages without code are left out."""
    names = {each.removeprefix("harness.") for each in modules if each.startswith("harness.")}
    return {each for each in names if "." in each or each.startswith("_")}


def test_the_version_is_told_before_a_command_is_loaded() -> None:
    modules = loaded("--version")
    assert own(modules) == OF_VERSION
    assert not modules & {"argparse", "dataclasses", "inspect", "pathlib"}


def test_help_loads_the_commands_and_not_their_options() -> None:
    assert own(loaded("--help")) == OF_VERSION | OF_HELP


def test_valid_specs_are_listed_without_what_explains_runs_or_draws() -> None:
    assert not loaded("list", "--specs", str(CATALOGUE)) & (LATE | OF_OTHERS)
