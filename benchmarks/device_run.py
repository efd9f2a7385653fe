"""Runs the models beside this file, and writes which of them are right, and on which device, into results.json.

Needs nothing but Python: benchmarks/devices.py copies it, with the runtime, to where there is no network.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CASES = "cases.json"
_HERE = Path(__file__).resolve().parent
_TIMEOUT_S = 120
_DRIVERS = {"cuda": "cuda", "rocm": "hip", "vulkan": "vulkan"}
_TAIL_CHARS = 2000


def main() -> int:
    """Run all of them; return 1 if one does not end as expected."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    facts = json.loads((_HERE / CASES).read_text())
    environment = {**os.environ, "LD_LIBRARY_PATH": search_path()}
    shown = started([f"--dump_devices={_DRIVERS[facts['backend']]}"], _HERE, environment)
    results = {**facts, "devices": shown["output"], "cases": [ran(case, environment) for case in facts["cases"]]}
    (_HERE / "results.json").write_text(json.dumps(results, indent=1))
    return 0 if all(each["expected"] for each in results["cases"]) else 1


def search_path() -> str:
    """Return where libraries are looked for: first a folder with the name by which IREE opens that of CUDA."""
    import libraries  # type: ignore[import-not-found]  # noqa: PLC0415 - it is beside the copy of this file

    own = _HERE / "libraries"
    own.mkdir(exist_ok=True)
    link = own / "libcuda.so"
    if not link.is_symlink() and (driver := libraries.without_link(link.name, libraries.FOLDERS)):
        link.symlink_to(driver)
    return ":".join(filter(None, (str(own), os.environ.get("LD_LIBRARY_PATH"))))


def ran(case: dict[str, Any], environment: dict[str, str]) -> dict[str, Any]:
    """Run a model twice, because a driver compiles in the first run, and say how that ended."""
    words = case["argv"][1:]
    first, second = (started(words, _HERE / case["folder"], environment) for _ in range(2))
    is_expected = all((each["exit_code"] != 0) == case["fails"] for each in (first, second))
    print(f"{'as expected' if is_expected else 'WRONG':12} {case['id']:40} {first['seconds']} s, {second['seconds']} s")
    return {**case, "expected": is_expected, "runs": [first, second]}


def started(words: list[str], folder: Path, environment: dict[str, str]) -> dict[str, Any]:
    """Run iree-run-module; return how it ended and what it printed."""
    began = time.monotonic()
    try:
        argv = [str(_HERE / "runtime" / "iree-run-module"), *words]
        done = subprocess.run(
            argv, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
        )
        code, output = done.returncode, done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        code, output = None, f"killed after {_TIMEOUT_S} s"
    return {"exit_code": code, "seconds": round(time.monotonic() - began, 3), "output": output[-_TAIL_CHARS:]}


if __name__ == "__main__":
    sys.exit(main())
