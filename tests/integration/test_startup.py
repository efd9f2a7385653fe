"""What loads slowly is loaded where it is used, and not when a command starts."""

import subprocess
import sys

import pytest

# To compare tensors, to talk to an engine, to check a spec.
LATE = {"docker", "jsonschema", "ml_dtypes", "numpy", "requests"}
MODULES = (
    *("specs.catalogue", "specs.inline", "specs.json_lines", "specs.reader", "specs.schema"),
    *("suites.config", "suites.tree"),
    *("iree.flag_table", "iree.flags", "iree.releases", "iree.toolchain", "iree.wheel_links", "iree.wheels"),
)


@pytest.mark.parametrize(
    ("modules", "late"), [(("api", "cli.main"), LATE), (MODULES, LATE | {"httpx", "msgspec"})], ids=["start", "specs"]
)
def test_what_loads_slowly_is_not_loaded_at_the_start(modules: tuple[str, ...], late: set[str]) -> None:
    names = ", ".join(f"harness.{each}" for each in modules)
    text = f"import sys, {names}; print(sorted(sys.modules.keys() & {late!r}))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
