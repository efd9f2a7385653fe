"""Downloading blobs: the harness against curl, aria2c and azure-storage-blob, from a server on this machine.

    python benchmarks/fetch.py [--sizes 256 2048] [--connections 1 8] [--limit 20] [--rounds 3] [--folder DIR]

Each program downloads each blob with the same number of connections (curl has one only), once as fast as it can and
once with a limit per connection, as hosts of blobs have one. Each download is a process of its own, into an empty
folder; the programs take turns. Then the harness looks up the largest blob, which it has. Prints Markdown tables of
medians.
"""

import argparse
import contextlib
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import heading

HERE = Path(__file__).parent
MIB = 1 << 20
LOOKUPS = 201
HARNESS, ARIA2C, CURL, AZURE = "harness", "aria2c", "curl", "azure-storage-blob"
INSTALL = {
    CURL: "install it with the system's packages, e.g. `apt install curl`",
    ARIA2C: "install it with the system's packages, e.g. `apt install aria2`",
    AZURE: "install it with `pip install --group benchmark`, or `pip install azure-storage-blob`",
}
HEAD = """\
| blob, limit | connections | program | process, MiB/s | ratio | transfer, MiB/s | ratio | CPU s/GiB | MiB |
|---|--:|---|--:|--:|--:|--:|--:|--:|"""
NOTES = """\
- process: from the start of the program to its end, with Python's start and imports. transfer: without these, by a
  clock around the call; for curl and aria2c, which start at once, the two are the same.
- ratio: speed of the harness over that of the program in this row, with the same number of connections. Above 1, the
  harness is faster.
- CPU s/GiB: user and system time of the program, without the server. MiB: its largest peak memory (RSS).
- The harness verifies the SHA-256 of the blob within its time, and keeps a journal to resume from. The others verify
  nothing.
- One connection with a limit is not measured: it is as fast as the limit, whatever the program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A blob of the server.

    Attributes:
        name: name of its file on the server.
        sha256: its digest, as a lock has it.
        mib: its size in MiB.
    """

    name: str
    sha256: str
    mib: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one download cost, or the medians of several.

    Attributes:
        process_s: seconds from the start of the program to its end.
        transfer_s: seconds without the start of Python, where there is one.
        cpu_s: user and system time of the program.
        peak_kib: its peak memory.
    """

    process_s: float
    transfer_s: float
    cpu_s: float
    peak_kib: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How a blob is downloaded.

    Attributes:
        content: the blob.
        limit_mib: MiB per second for each connection; 0 is no limit.
        connections: how many there are.
    """

    content: Content
    limit_mib: int
    connections: int


def main() -> None:
    """Measure, and print the tables."""
    arguments = parsed()
    versions = tools()
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=arguments.folder) as name:
        scratch = Path(name)
        contents = [written(scratch / "served", mib) for mib in arguments.sizes]
        keep_bytecode(scratch / "bytecode")
        with served(scratch / "served") as root:
            settings = list(settings_of(contents, arguments))
            measured(root, settings[0], scratch, rounds=1)  # so that the imports are compiled
            heading.print_heading(*versions)
            print_all(root, settings, scratch, arguments.rounds)
            largest = max(contents, key=lambda each: each.mib)
            looked_up_ms = 1000 * looked_up_s(root, largest, scratch / "target")
    print(f"\nLooking up a blob of {largest.mib} MiB that is in the cache: {looked_up_ms:.2f} ms ", end="")
    print(f"(median of {LOOKUPS}, each with a new `Store`; aim: 5 ms).")


def parsed() -> argparse.Namespace:
    """Return the command line."""
    parser = heading.parser(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 2048], metavar="MIB", help="sizes of the blobs")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8], metavar="N", help="default: 1 8")
    parser.add_argument("--rounds", type=int, default=3, help="downloads by each program (default: 3)")
    parser.add_argument("--limit", type=int, default=20, metavar="MIB", help="per second and connection (default: 20)")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="on the disk to use (default: that of $TMPDIR)")
    return parser.parse_args()


def tools() -> list[str]:
    """Return the names and versions of the rivals; end the program if one is missing."""
    versions: dict[str, str | None] = {}
    for name in (CURL, ARIA2C):
        found = shutil.which(name) and subprocess.run([name, "--version"], check=True, capture_output=True, text=True)
        words = found.stdout.partition("\n")[0].split() if found else []
        versions[name] = next((each for each in words if each[0].isdigit()), None)
    with contextlib.suppress(metadata.PackageNotFoundError):
        versions[AZURE] = metadata.version(AZURE)
    missing = [f"{name} is missing: {how}." for name, how in INSTALL.items() if versions.get(name) is None]
    if missing:
        sys.exit("\n".join(missing))
    return [f"{name} {version}" for name, version in versions.items()]


def settings_of(contents: list[Content], arguments: argparse.Namespace) -> Iterator[Setting]:
    """Yield what to measure, in the order of the tables."""
    for limit_mib in (0, arguments.limit):
        for content in contents:
            for connections in arguments.connections:
                if connections > 1 or not limit_mib:
                    yield Setting(content=content, limit_mib=limit_mib, connections=connections)


def written(folder: Path, mib: int) -> Content:
    """Write random bytes for the server."""
    folder.mkdir(exist_ok=True)
    digest, left = hashlib.sha256(), mib * MIB
    with (folder / f"{mib}").open("wb") as file:
        while left:
            block = os.urandom(min(left, 16 * MIB))
            digest.update(block)
            left -= file.write(block)
    return Content(name=f"{mib}", sha256=digest.hexdigest(), mib=mib)


@contextlib.contextmanager
def served(folder: Path, link_mib: float = 0) -> Iterator[str]:
    """Serve a folder, at so many MiB per second for all connections together if not 0; yield the URL."""
    argv = [sys.executable, str(HERE / "fetch_server.py"), str(folder), "--link", str(link_mib)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


def measured(root: str, setting: Setting, scratch: Path, rounds: int) -> dict[str, list[Cost]]:
    """Let all programs download in turn; return what each cost in each round."""
    target = scratch / "target"
    costs: dict[str, list[Cost]] = {}
    for _ in range(rounds):
        for program, argv in programs(root, setting, target).items():
            costs.setdefault(program, []).append(run(argv, target, says_seconds=argv[0] == sys.executable))
    return costs


def programs(root: str, setting: Setting, target: Path) -> dict[str, list[str]]:
    """Return the command lines to compare; all have the same number of connections."""
    url, path, count = url_of(root, setting), str(target / "file"), str(setting.connections)
    return {
        HARNESS: harness_argv(url, setting, target),
        ARIA2C: [ARIA2C, "--no-conf", "-q", f"-x{count}", f"-s{count}", "-d", str(target), "-o", "file", url],
        **({CURL: [CURL, "-q", "-sSf", "-o", path, url]} if setting.connections == 1 else {}),
        AZURE: [sys.executable, str(HERE / "fetch_by_azure.py"), url, path, count],
    }


def url_of(root: str, setting: Setting) -> str:
    """Return the URL of a blob with a limit."""
    return f"{root}/{setting.limit_mib}/blobs/{setting.content.name}"


def harness_argv(url: str, setting: Setting, target: Path) -> list[str]:
    """Return the command line that downloads a blob with the harness."""
    content = setting.content
    lock = [content.sha256, str(content.mib * MIB)]
    return [sys.executable, str(HERE / "fetch_by_harness.py"), url, *lock, str(target), str(setting.connections)]


def run(argv: list[str], target: Path, *, says_seconds: bool = False) -> Cost:
    """Run one program into an empty folder, once the disk is idle; its output may be the seconds of the transfer."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    os.sync()
    measuring = [sys.executable, "-I", "-S", str(HERE / "measured.py")]
    ended = subprocess.run([*measuring, *argv], stdout=subprocess.PIPE, env=environment(), text=True, check=True)
    *said, line = ended.stdout.splitlines()
    code, process_s, cpu_s, peak_kib = line.split()
    if code != "0":
        sys.exit(f"{' '.join(argv)}\nended with {code}.")
    transfer_s = float(said[0]) if says_seconds else float(process_s)
    return Cost(process_s=float(process_s), transfer_s=transfer_s, cpu_s=float(cpu_s), peak_kib=int(peak_kib))


def keep_bytecode(folder: Path) -> None:
    """Let Python programs find their bytecode from the second run on, as installed programs do."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder)


def environment() -> dict[str, str]:
    """Return the environment without proxies, with the harness of this checkout."""
    others = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return others | {"PYTHONPATH": str(HERE.parent), "LC_ALL": "C"}


def looked_up_s(root: str, content: Content, target: Path) -> float:
    """Return the seconds that it takes to look up a blob that is in the cache."""
    setting = Setting(content=content, limit_mib=0, connections=8)
    run(argv := harness_argv(url_of(root, setting), setting, target), target)
    ended = subprocess.run([*argv, str(LOOKUPS)], check=True, capture_output=True, env=environment(), text=True)
    return float(ended.stdout)


def print_all(root: str, settings: list[Setting], scratch: Path, rounds: int) -> None:
    """Measure and print one table, then the notes and a line for each blob and limit on its fastest rival."""
    print(HEAD, flush=True)
    found: dict[str, list[tuple[Setting, dict[str, Cost]]]] = {}
    for setting in settings:
        costs = {program: median(each) for program, each in measured(root, setting, scratch, rounds).items()}
        print_rows(setting, costs)
        found.setdefault(label(setting), []).append((setting, costs))
    print(f"\n{NOTES}\n")
    for name, measurements in found.items():
        print_fastest_rival(name, measurements)


def median(rounds: list[Cost]) -> Cost:
    """Return the median times of some rounds, and the largest peak."""
    return Cost(
        process_s=statistics.median(each.process_s for each in rounds),
        transfer_s=statistics.median(each.transfer_s for each in rounds),
        cpu_s=statistics.median(each.cpu_s for each in rounds),
        peak_kib=max(each.peak_kib for each in rounds),
    )


def label(setting: Setting) -> str:
    """Return a blob's size and limit as text."""
    return f"{setting.content.mib} MiB, {f'{setting.limit_mib} MiB/s' if setting.limit_mib else 'no limit'}"


def print_rows(setting: Setting, costs: dict[str, Cost]) -> None:
    """Print a row for each program."""
    mib, ours = setting.content.mib, costs[HARNESS]
    for program, cost in costs.items():
        process = f"{mib / cost.process_s:.0f} | {cost.process_s / ours.process_s:.2f}"
        transfer = f"{mib / cost.transfer_s:.0f} | {cost.transfer_s / ours.transfer_s:.2f}"
        spent = f"{cost.cpu_s * 1024 / mib:.2f} | {cost.peak_kib / 1024:.0f}"
        cells = (label(setting), str(setting.connections), program, process, transfer, spent)
        print(f"| {' | '.join(cells)} |", flush=True)


def print_fastest_rival(name: str, measurements: list[tuple[Setting, dict[str, Cost]]]) -> None:
    """Print the fastest rival with any number of connections, and the harness with its fastest beside it."""

    def fastest(*, ours: bool) -> tuple[Cost, str]:
        each = [
            (cost, f"{program}, {setting.connections} connection{'s' * (setting.connections > 1)}")
            for setting, costs in measurements
            for program, cost in costs.items()
            if (program == HARNESS) is ours
        ]
        return min(each, key=lambda pair: pair[0].process_s)

    (rival, rival_name), (own, own_name) = fastest(ours=False), fastest(ours=True)
    process, transfer = rival.process_s / own.process_s, rival.transfer_s / own.transfer_s
    print(f"- {name}: fastest rival {rival_name}; {own_name}: {process:.2f} of its speed, transfer {transfer:.2f}.")


if __name__ == "__main__":
    main()
