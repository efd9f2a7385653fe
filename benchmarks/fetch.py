"""Fetching blobs: this harness against curl, aria2c and azure-storage-blob, on one server of this machine.

    python benchmarks/fetch.py [--sizes 256 2048] [--limit 20] [--rounds 3] [--folder DIR]

Each download is a process of its own into a folder that is empty; the programs alternate, and medians are printed, as
Markdown. It is done twice: as fast as it goes, and with a limit to each connection, as hosts of blobs have one. Then
the harness is asked for the largest blob again, which it has.
"""

import argparse
import contextlib
import hashlib
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from harness import __version__
from harness.host import devices

HERE = Path(__file__).parent
MIB = 1 << 20
BLOCK_BYTES = 16 * MIB
LOOKUPS = 201
AIMS = "aims: 0.95 of aria2c, 100 MiB of memory, 5 ms"
MISSING = {
    "curl": "install it with the system's packages, e.g. `apt install curl`",
    "aria2c": "install it with the system's packages, e.g. `apt install aria2`",
    "azure-storage-blob": "install it with `pip install --group benchmark`, or `pip install azure-storage-blob`",
}
HARNESS, ARIA2C = "harness", "aria2c"
NOTES = """\
- `process`: from the start of the program to its end, Python's start and imports included. `transfer`: without these,
  by a clock around the call; the other two programs have next to no start. Ratios are to aria2c's whole process; each
  program ran once before.
- CPU: user and system time of the program, without that of the server. Memory: the largest peak (RSS) of all rounds.
- The harness verifies the sha256 of what came within its time, and keeps a journal to resume from. The others verify
  nothing.
- curl has one connection, the others up to 8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A blob of the server: its file's name there, what a lock says of it, and its size in MiB."""

    name: str
    sha256: str
    mib: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a download cost; `transfer_s` without the start of Python, where there is one."""

    process_s: float
    transfer_s: float
    cpu_s: float
    peak_kib: int


def main() -> None:
    """Measure and print."""
    arguments = parsed()
    versions = tools()
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=arguments.folder) as name:
        scratch = Path(name)
        contents = [written(scratch / "served", mib) for mib in arguments.sizes]
        keep_bytecode(scratch / "bytecode")
        with served(scratch / "served") as root:
            measured(f"{root}/0", contents[0], scratch, rounds=1)
            print_heading(arguments, versions)
            for limit in (0, arguments.limit):
                for content in contents:
                    print_rows(content, limit, measured(f"{root}/{limit}", content, scratch, arguments.rounds))
            print(f"\n{NOTES}\n")
            largest = max(contents, key=lambda each: each.mib)
            warm_ms = 1000 * looked_up_s(f"{root}/0", largest, scratch / "target")
    print(
        f"Is it there? For {largest.mib} MiB that are: {warm_ms:.2f} ms (median of {LOOKUPS}, a new store each time)."
    )


def parsed() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 2048], metavar="MIB", help="sizes of the blobs")
    parser.add_argument("--rounds", type=int, default=3, help="downloads by each program (default: 3)")
    parser.add_argument("--limit", type=int, default=20, metavar="MIB", help="per second and connection (default: 20)")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="on the disk to use (default: that of $TMPDIR)")
    return parser.parse_args()


def tools() -> dict[str, str]:
    """Return the versions of the programs that are compared; end if one is missing."""
    versions: dict[str, str | None] = {HARNESS: __version__}
    for name in ("curl", ARIA2C):
        found = shutil.which(name) and subprocess.run([name, "--version"], check=True, capture_output=True, text=True)
        words = found.stdout.partition("\n")[0].split() if found else []
        versions[name] = next((each for each in words if each[0].isdigit()), None)
    with contextlib.suppress(metadata.PackageNotFoundError):
        versions["azure-storage-blob"] = metadata.version("azure-storage-blob")
    lacking = [f"{name} is missing: {hint}." for name, hint in MISSING.items() if versions.get(name) is None]
    if lacking:
        sys.exit("\n".join(lacking))
    return {name: str(version) for name, version in versions.items()}


def written(folder: Path, mib: int) -> Content:
    """Write random bytes for the server."""
    folder.mkdir(exist_ok=True)
    digest, left = hashlib.sha256(), mib * MIB
    with (folder / f"{mib}").open("wb") as file:
        while left:
            block = os.urandom(min(left, BLOCK_BYTES))
            digest.update(block)
            left -= file.write(block)
    return Content(name=f"{mib}", sha256=digest.hexdigest(), mib=mib)


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder meanwhile; yield the URL."""
    argv = [sys.executable, str(HERE / "fetch_server.py"), str(folder)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


def measured(root: str, content: Content, scratch: Path, rounds: int) -> dict[str, list[Cost]]:
    """Have all programs download, in turn; return what each cost in each round."""
    target = scratch / "target"
    costs: dict[str, list[Cost]] = {}
    for _ in range(rounds):
        for program, argv in programs(f"{root}/blobs/{content.name}", content, target).items():
            costs.setdefault(program, []).append(run(argv, target))
    return costs


def programs(url: str, content: Content, target: Path) -> dict[str, list[str]]:
    """Return the command lines to compare."""
    path = str(target / "file")
    return {
        HARNESS: [sys.executable, str(HERE / "fetch_by_harness.py"), *lock_of(url, content), str(target)],
        ARIA2C: [ARIA2C, "--no-conf", "-q", "-x8", "-s8", "-d", str(target), "-o", "file", url],
        "curl": ["curl", "-q", "-sSf", "-o", path, url],
        "azure-storage-blob": [sys.executable, str(HERE / "fetch_by_azure.py"), url, path],
    }


def lock_of(url: str, content: Content) -> list[str]:
    """Return the URL, digest and size of a blob as arguments."""
    return [url, content.sha256, str(content.mib * MIB)]


def run(argv: list[str], target: Path) -> Cost:
    """Run one program into an empty folder, once the disk has come to rest."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    os.sync()
    measuring = [sys.executable, "-I", "-S", str(HERE / "measured.py")]
    ended = subprocess.run([*measuring, *argv], stdout=subprocess.PIPE, env=environment(), text=True, check=True)
    *said, line = ended.stdout.splitlines()
    code, process_s, cpu_s, peak_kib = line.split()
    if code != "0":
        sys.exit(f"{' '.join(argv)}\nended with {code}.")
    transfer_s = float(said[0]) if said else float(process_s)
    return Cost(process_s=float(process_s), transfer_s=transfer_s, cpu_s=float(cpu_s), peak_kib=int(peak_kib))


def keep_bytecode(folder: Path) -> None:
    """Have Python programs find their bytecode from the second run on, as where they are installed."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder)


def environment() -> dict[str, str]:
    """Return the environment, but for proxies, with the harness as it is here."""
    others = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return others | {"PYTHONPATH": str(HERE.parent), "LC_ALL": "C"}


def looked_up_s(root: str, content: Content, target: Path) -> float:
    """Return the seconds to find a blob that the store has."""
    argv = programs(f"{root}/blobs/{content.name}", content, target)[HARNESS]
    run(argv, target)
    ended = subprocess.run([*argv, str(LOOKUPS)], check=True, capture_output=True, env=environment(), text=True)
    return float(ended.stdout)


def print_heading(arguments: argparse.Namespace, versions: dict[str, str]) -> None:
    """Print what is measured, and where."""
    cores = len(os.sched_getaffinity(0))
    print(f"{devices.cpu_name()}, {cores} cores, Linux {platform.release()}, Python {platform.python_version()}")
    print(f"{datetime.now(UTC):%Y-%m-%d}, {', '.join(f'{name} {version}' for name, version in versions.items())}")
    sizes = " ".join(map(str, arguments.sizes))
    command = f"python benchmarks/fetch.py --sizes {sizes} --limit {arguments.limit} --rounds {arguments.rounds}"
    print(f"`{command}` ({AIMS})\n")
    print("| blob, limit per connection | program | process, MiB/s | of aria2c | transfer, MiB/s | of aria2c ", end="")
    print("| CPU s/GiB | memory, MiB |")
    print("|---|---|---:|---:|---:|---:|---:|---:|", flush=True)


def print_rows(content: Content, limit: int, costs: dict[str, list[Cost]]) -> None:
    """Print the medians."""
    mib = content.mib
    name = f"{mib} MiB, {f'{limit} MiB/s' if limit else 'none'}"
    yardstick_s = statistics.median(cost.process_s for cost in costs[ARIA2C])
    for program, rounds in costs.items():
        process_s = statistics.median(cost.process_s for cost in rounds)
        transfer_s = statistics.median(cost.transfer_s for cost in rounds)
        cpu_s = statistics.median(cost.cpu_s for cost in rounds)
        peak_mib = max(cost.peak_kib for cost in rounds) / 1024
        speeds = [f"{mib / seconds:.0f} | {yardstick_s / seconds:.2f}" for seconds in (process_s, transfer_s)]
        print(f"| {name} | {program} | {' | '.join(speeds)} | {cpu_s * 1024 / mib:.2f} | {peak_mib:.0f} |", flush=True)


if __name__ == "__main__":
    main()
