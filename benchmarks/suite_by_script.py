"""Fetches, compiles and runs models one after the other, as one would write it without the harness.

    python suite_by_script.py CONTAINER_URL FOLDER TOOLS NAME...

Fetches with azure-storage-blob what FOLDER does not have, compiles what has no module there, and lets iree-run-module
compare. TOOLS is the folder of the two programs, or two folders with a colon between them, as in PATH. Prints a line
for each model: its name, and `passed` or `failed`.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

FUNCTION = "main"
FLAGS = (
    "--iree-hal-target-device=local",
    "--iree-hal-local-target-device-backends=llvm-cpu",
    "--iree-llvmcpu-target-cpu=generic",
)
THRESHOLD = "--expected_f32_threshold=0.001"
PARTS = {"mlir": "mlir", "weights": "safetensors", "input": "npy", "output": "npy"}


def fetched(container: str, folder: Path, name: str) -> dict[str, Path]:
    """Download the files of a model that are not there; return their paths."""
    from azure.storage.blob import BlobClient  # noqa: PLC0415 - where all is there, nothing is needed

    paths = {part: folder / f"{name}.{part}.{suffix}" for part, suffix in PARTS.items()}
    for path in paths.values():
        if not path.exists():
            partial = path.with_suffix(".partial")
            with BlobClient.from_blob_url(f"{container}/{path.name}") as client, partial.open("wb") as file:
                client.download_blob().readinto(file)
            partial.rename(path)
    return paths


def result(container: str, folder: Path, tools: str, name: str) -> str:
    """Return the result of a model."""
    paths, module = fetched(container, folder, name), folder / f"{name}.vmfb"
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    if not module.exists():
        partial = module.with_suffix(".partial")
        subprocess.run(
            [_tool("iree-compile", tools), str(paths["mlir"]), *FLAGS, "-o", str(partial)], env=environment, check=True
        )
        partial.rename(module)
    argv = [_tool("iree-run-module", tools), f"--module={module}", "--device=local-task", f"--function={FUNCTION}"]
    argv += [f"--parameters=model={paths['weights']}", f"--input=@{paths['input']}"]
    argv += [f"--expected_output=@{paths['output']}", THRESHOLD]
    ran = subprocess.run(argv, env=environment, check=False, capture_output=True)
    return "passed" if ran.returncode == 0 else "failed"


def _tool(name: str, tools: str) -> str:
    found = shutil.which(name, path=tools)
    assert found, f"{name} is not in {tools}"
    return found


def main() -> None:
    """Run them."""
    if {"-h", "--help"} & {*sys.argv}:  # argparse would add to the time that is measured
        print(__doc__)
        return
    container, folder, tools, *names = sys.argv[1:]
    Path(folder).mkdir(exist_ok=True)
    for name in names:
        print(name, result(container, Path(folder), tools, name), flush=True)


if __name__ == "__main__":
    main()
