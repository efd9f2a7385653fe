"""Write harness/iree/releases.json: all stable IREE releases since 3.0.0, with the hashes of their wheels.

Run by `nox -s pins`. It adds the releases that the package index has and the file has not, and changes no others.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import uv

from harness.iree import wheel_contents
from harness.store.entry import file_sha256

LOCK = Path(__file__).parent.parent / "harness" / "iree" / "releases.json"
COMPILER, RUNTIME = "iree-base-compiler", "iree-base-runtime"
FIRST = "3.0.0"


# Those of `platform.machine()` for which every release has wheels.
MACHINES = ("x86_64", "aarch64")


def main() -> None:
    """Add the missing releases, and print them."""
    lock: dict[str, Any] = json.loads(LOCK.read_text(encoding="utf-8")) if LOCK.exists() else {}
    for version in sorted(_versions() - lock.keys(), key=_numbers):
        lock[version] = _entry(version, previous=max(lock, key=_numbers, default=""), lock=lock)
        sys.stdout.write(f"added {version}: {lock[version]['release_candidate']} at {lock[version]['commit']}\n")
    LOCK.write_text(json.dumps(lock, indent=1) + "\n", encoding="utf-8")


def _versions() -> set[str]:
    """Return all stable versions of the compiler on the index: ask for the newest, then for the next older one."""
    versions: set[str] = set()
    limit = ""
    while wheel := _resolved(f"{COMPILER}>={FIRST}{limit}"):
        versions.add(wheel["version"])
        limit = f",<{wheel['version']}"
    return versions


def _entry(version: str, *, previous: str, lock: dict[str, Any]) -> dict[str, Any]:
    """Return the entry of a release.

    Releases are ordered by the date of their release candidate. A release without one (3.7.1) gets the day after that
    of the release before it.
    """
    compiler, runtime = _resolved(f"{COMPILER}=={version}"), _resolved(f"{RUNTIME}<={version}")
    if not compiler or not runtime:
        raise SystemExit(f"{version}: the index has no wheels of {COMPILER} or {RUNTIME}")
    candidate, commit = _build(version)
    date = re.search(r"rc(\d{8})", candidate)
    return {
        "date": int(date[1]) if date else lock[previous]["date"] + 1,
        "release_candidate": candidate,
        "commit": commit,
        "wheels": {
            COMPILER: compiler,
            RUNTIME: runtime,
        },
        "contents": {machine: _contents(compiler, runtime, machine) for machine in MACHINES},
    }


def _contents(compiler: dict[str, Any], runtime: dict[str, Any], machine: str) -> str:
    """Return the digest of all files of the wheels for a machine; uv checks the hashes of the wheels."""
    with tempfile.TemporaryDirectory() as name:
        listing, target = Path(name) / "requirements.txt", Path(name) / "target"
        lines = (
            f"{package}=={wheel['version']} {' '.join(f'--hash=sha256:{each}' for each in wheel['sha256'])}\n"
            for package, wheel in ((COMPILER, compiler), (RUNTIME, runtime))
        )
        listing.write_text("".join(lines), encoding="utf-8")
        wanted = ["--no-deps", "--require-hashes", "--python-version", "3.12", "-r", str(listing)]
        wanted += ["--python-platform", f"{machine}-manylinux_2_28", "--target", str(target)]
        subprocess.run([uv.find_uv_bin(), "pip", "install", "-q", *wanted], check=True)
        paths = (path for path in target.rglob("*") if path.is_file())
        return wheel_contents.digest({str(path.relative_to(target)): file_sha256(path) for path in paths})


def _resolved(requirement: str) -> dict[str, Any] | None:
    """Return version and hashes of the newest stable release that meets a requirement; None if there is none."""
    wanted = ["--no-deps", "--no-header", "--quiet", "--generate-hashes", "--python-version", "3.12", "-"]
    done = subprocess.run(
        [uv.find_uv_bin(), "pip", "compile", *wanted], input=requirement, capture_output=True, text=True, check=False
    )
    if done.returncode:
        return None
    return {
        "version": done.stdout.split("==")[1].split()[0],
        "sha256": sorted(re.findall(r"sha256:([0-9a-f]{64})", done.stdout)),
    }


def _build(version: str) -> tuple[str, str]:
    """Return the release candidate and the commit that the compiler's wheel was made from."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = ["--no-deps", "--python-version", "3.12", f"{COMPILER}=={version}"]
        subprocess.run([uv.find_uv_bin(), "pip", "install", "-q", "--target", folder, *wanted], check=True)
        text = (Path(folder) / "iree" / "compiler" / "version.py").read_text(encoding="utf-8")
    stamp, commit = re.search(r'VERSION = "(.*)"', text), re.search(r'"IREE": "([0-9a-f]{40})"', text)
    if not stamp or not commit:
        raise SystemExit(f"{version}: iree/compiler/version.py in the wheel has no VERSION or no commit")
    return stamp[1], commit[1]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


if __name__ == "__main__":
    main()
