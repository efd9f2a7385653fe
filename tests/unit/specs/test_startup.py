"""Commands that read no spec start without the packages that take longest to import."""

import subprocess
import sys

SLOW = {"docker", "httpx", "jsonschema", "ml_dtypes", "msgspec", "numpy", "requests"}
MODULES = (
    *("specs.catalogue", "specs.inline", "specs.json_lines", "specs.reader", "specs.schema"),
    *("iree.flag_table", "iree.flags", "iree.releases", "iree.toolchain", "iree.wheel_links", "iree.wheels"),
)


def test_what_takes_long_is_imported_where_it_is_needed() -> None:
    code = (
        f"import sys, {', '.join(f'harness.{each}' for each in MODULES)}; print(*sorted({SLOW} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
