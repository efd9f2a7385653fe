import subprocess
import sys

# What loads slowly, and only some commands need: to compare tensors, to talk to an engine, to check a spec.
LATE = ("docker", "jsonschema", "ml_dtypes", "numpy", "requests")


def test_what_loads_slowly_is_not_loaded_at_the_start() -> None:
    text = f"import sys, harness.api, harness.cli.main; print(sorted(sys.modules.keys() & {set(LATE)!r}))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
