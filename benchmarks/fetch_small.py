"""Downloading many small blobs: `harness fetch` against aria2c, curl and azure-storage-blob, with eight connections.

    python benchmarks/fetch_small.py [--blobs 10000] [--kib 4] [--rounds 1] [--folder DIR]

Each program is given the list of all URLs: the harness as the inputs of specs, whose lock file has their digests.
Each download is a process of its own, into an empty folder; the second row is `harness fetch` once more. Prints a
Markdown table of medians.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import fetch
import heading
from fetch import ARIA2C, AZURE, CURL, HERE, Cost

CONNECTIONS, INPUTS = 8, 1000
HEAD = """\
| {} blobs of {} KiB | seconds | ratio | CPU seconds | ratio | MiB |
|---|--:|--:|--:|--:|--:|"""
NOTES = """\
- seconds: from the start of the program to its end. CPU: its user and system time, without the server. MiB: its peak
  memory. ratio: that of the program in this row to that of `harness fetch`.
- The harness verifies each SHA-256, and stores each blob as an entry of the cache, for which other processes may wait,
  and a note on its URL. The others write files and verify nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """The same URLs, as each program takes them.

    Attributes:
        specs: a folder of specs, with up to 1,000 inputs each, and their lock file.
        aria2c: an input file of aria2c.
        curl: a configuration of curl.
        names: the name of a blob in each line.
        container: the URL that all names are below.
    """

    specs: Path
    aria2c: Path
    curl: Path
    names: Path
    container: str


def main() -> None:
    """Measure, and print the table."""
    arguments = parsed()
    versions = fetch.tools()
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=arguments.folder) as name:
        scratch, target = Path(name), Path(name, "target")
        digests = written(scratch / "served", arguments.blobs, arguments.kib << 10)
        fetch.keep_bytecode(scratch / "bytecode")
        with fetch.served(scratch / "served") as root:
            lists = listed(f"{root}/0/blobs", digests, arguments.kib << 10, target, scratch)
            fetch.run([sys.executable, "-m", "harness", "list"], target)  # so that the imports are compiled
            heading.print_heading(*versions)
            print(HEAD.format(f"{arguments.blobs:,}", arguments.kib), flush=True)
            print_rows(lists, target, scratch / "store", arguments.rounds)
    print(f"\n{NOTES}")


def parsed() -> argparse.Namespace:
    """Return the command line."""
    parser = heading.parser(__doc__)
    parser.add_argument("--blobs", type=int, default=10_000, metavar="N", help="how many (default: 10000)")
    parser.add_argument("--kib", type=int, default=4, help="size of each (default: 4)")
    parser.add_argument("--rounds", type=int, default=1, help="downloads by each program (default: 1)")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="on the disk to use (default: that of $TMPDIR)")
    return parser.parse_args()


def written(folder: Path, blobs: int, size_bytes: int) -> dict[str, str]:
    """Write random blobs for the server; return their digests by name."""
    folder.mkdir()
    digests = {}
    for number in range(blobs):
        content = os.urandom(size_bytes)
        (folder / f"{number}.npy").write_bytes(content)
        digests[f"{number}.npy"] = hashlib.sha256(content).hexdigest()
    return digests


def listed(container: str, digests: dict[str, str], size_bytes: int, target: Path, scratch: Path) -> Lists:
    """Write the lists."""
    urls = {f"{container}/{name}": digest for name, digest in digests.items()}
    specs = scratch / "specs" / "many"
    specs.mkdir(parents=True)
    (specs / "model.mlir").write_text("module {}\n")
    for number, start in enumerate(range(0, len(urls), INPUTS)):
        some = list(urls)[start : start + INPUTS]
        spec = {"mlir": "model.mlir", "run_function": "main", "inputs": [{"source": url} for url in some]}
        (specs / f"model{number}_cpu.json").write_text(json.dumps(spec))
    lock = {url: {"sha256": digest, "size": size_bytes} for url, digest in urls.items()}
    (specs.parent / "blobs.lock.json").write_text(json.dumps(lock))
    lists = Lists(
        specs=specs.parent,
        aria2c=scratch / "aria2c",
        curl=scratch / "curl",
        names=scratch / "names",
        container=container,
    )
    lists.aria2c.write_text("".join(f"{url}\n" for url in urls))
    lists.curl.write_text("".join(f'url = "{container}/{name}"\noutput = "{target}/{name}"\n' for name in digests))
    lists.names.write_text("\n".join(digests))
    return lists


def print_rows(lists: Lists, target: Path, store: Path, rounds: int) -> None:
    """Let each program download, and print its row."""
    harness = [sys.executable, "-m", "harness", "fetch", "--blobs-only", "--specs", str(lists.specs)]
    harness += ["--connections", str(CONNECTIONS), "--store", str(store)]
    azure = [sys.executable, str(HERE / "fetch_many_by_azure.py"), lists.container, str(lists.names), str(target)]
    parallel = ["--parallel", "--parallel-immediate", "--parallel-max", str(CONNECTIONS)]
    programs = {
        ARIA2C: [ARIA2C, "--no-conf", "-q", f"-j{CONNECTIONS}", "-x1", "-d", str(target), "-i", str(lists.aria2c)],
        CURL: [CURL, "-q", "-sSf", "--no-progress-meter", *parallel, "-K", str(lists.curl)],
        AZURE: [*azure, str(CONNECTIONS)],
    }
    first, again = [], []
    for _ in range(rounds):
        shutil.rmtree(store, ignore_errors=True)
        first.append(fetch.run(harness, target))
        again.append(fetch.run(harness, target))
    ours = fetch.median(first)
    print_row("`harness fetch`", ours, ours)
    print_row("`harness fetch`, all in the cache", fetch.median(again), ours)
    for program, argv in programs.items():
        print_row(program, fetch.median([fetch.run(argv, target) for _ in range(rounds)]), ours)


def print_row(program: str, cost: Cost, ours: Cost) -> None:
    """Print what a program cost."""
    seconds = f"{cost.process_s:.1f} | {cost.process_s / ours.process_s:.2f}"
    cpu = f"{cost.cpu_s:.1f} | {cost.cpu_s / ours.cpu_s:.2f}"
    print(f"| {program} | {seconds} | {cpu} | {cost.peak_kib / 1024:.0f} |", flush=True)


if __name__ == "__main__":
    main()
