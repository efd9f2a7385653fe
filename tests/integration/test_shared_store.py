"""Machines that share a store: what one compiled is there for the others, and nothing else comes of it."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from harness.cli.arguments import invocation
from harness.iree import toolchain as toolchains
from harness.iree.toolchain import Toolchain
from harness.store.store import Store
from tests.integration.laboratory import NEWEST, Laboratory, Result, wait_for
from tests.integration.warm import HARNESS, ran
from tests.patience import PATIENCE_S
from tests.unit.store.test_upstream import pem

Machine = Callable[..., Result]


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """Return a folder that machines share, with a private and a public key beside it."""
    folder = tmp_path / "shared"
    folder.mkdir()
    for name, text in zip(("store.key", "store.pub"), pem(Ed25519PrivateKey.generate()), strict=True):
        (tmp_path / name).write_bytes(text)
    return folder


@pytest.fixture
def machine(lab: Laboratory, shared: Path, toolchain: Callable[[str], Toolchain]) -> Machine:
    """Return a function that runs the specs on a machine with a cache of its own."""
    tools = toolchains.folder(toolchain(NEWEST))
    toolchains.found(tools, "", Store(lab.store_dir))  # now the digests of the tools are known, to all machines

    def run(name: str, *options: str, key: str = "store.key", under: tuple[str, ...] = ()) -> Result:
        of_key = ["--store-key-file", str(lab.root / key)] if key else []
        if not (lab.root / name).exists():
            shutil.copytree(lab.store_dir / "digests", lab.root / name / "digests")
        places = ["--toolchain", str(tools), "--store", str(lab.root / name), "--store-url", shared.as_uri()]
        return lab.run(*places, *of_key, *options, command="run", under=under)

    return run


def cached(result: Result) -> list[bool]:
    return [module["cached"] for case in result.report["cases"] for module in case["modules"]]


def test_what_one_machine_compiled_the_others_do_not(lab: Laboratory, machine: Machine) -> None:
    lab.spec()
    first = machine("a")
    assert first.verdict == (0, "passed", None), first.text
    assert cached(first) == [False]
    sha256 = first.case["modules"][0]["sha256"]
    for name, key in (("b", "store.key"), ("c", "store.pub")):
        other = machine(name, key=key)
        assert other.verdict == (0, "passed", None), other.text
        assert cached(other) == [True]
        assert "(cached)" in other.text
        assert other.case["modules"][0]["sha256"] == sha256
        assert "warning" not in other.text
    assert cached(machine("d", key="")) == [False]


def test_a_failure_is_known_to_the_others(lab: Laboratory, machine: Machine) -> None:
    lab.spec(mlir=lab.file("wrong.mlir", "func.func @add(%a: tensor<4xf32>) { return %b }"))
    first, other = machine("a").case, machine("b").case
    assert first["kind"] == other["kind"] == "compile"
    assert [each["failed_compilation"]["cached"] for each in (first, other)] == [False, True]
    assert first["reason"] == other["reason"]


def test_a_poisoned_module_is_compiled_again(lab: Laboratory, machine: Machine, shared: Path) -> None:
    lab.spec()
    module = machine("a").case["modules"][0]
    (shared / "objects" / module["sha256"][:2] / module["sha256"]).write_bytes(b"\0" * module["bytes"])
    other = machine("b")
    assert other.verdict == (0, "passed", None), other.text
    assert cached(other) == [False]
    assert other.text.count("warning: reading from the shared store file://") == 1
    assert "its content changed; going on without it" in other.text
    assert cached(machine("c")) == [True]


def test_who_has_a_budget_for_the_compiler_compiles(lab: Laboratory, machine: Machine) -> None:
    lab.spec()
    assert cached(machine("a")) == [False]
    assert cached(machine("b")) == [True]
    lab.spec(budget={"compile_seconds": 1e3})
    assert [cached(machine(name)) for name in ("b", "b", "c")] == [[False], [True], [False]]


@pytest.mark.parametrize("how", ["not mounted", "a file", "full"])
def test_a_shared_store_that_fails_changes_nothing(lab: Laboratory, machine: Machine, shared: Path, how: str) -> None:
    under: tuple[str, ...] = ()
    match how:
        case "not mounted":
            shared.rmdir()
        case "a file":
            shared.rmdir()
            shared.touch()
        case "full":
            mount = f'mount -t tmpfs -o size=4k tmpfs {shared} && exec "$@"'
            under = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh")
    lab.spec()
    result = machine("a", under=under)
    assert result.verdict == (0, "passed", None), result.text
    assert result.text.count("warning: writing to the shared store file://") == 1
    assert cached(machine("a")) == [True]


def test_how_a_shared_store_is_looked_after(lab: Laboratory, machine: Machine, shared: Path) -> None:
    lab.spec()
    machine("a")
    of_key = ["--store-key-file", str(lab.root / "store.pub")]

    def run(*words: str) -> Result:
        done = ran([*HARNESS, "store", *words, "--store-url", shared.as_uri()], cwd=lab.root, env=lab.environment)
        return Result(code=done.returncode, text=done.stdout + done.stderr, out_dir=lab.out)

    told = run("info", *of_key)
    assert told.code == 0
    words = [line.split() for line in told.text.splitlines()]
    assert words[:3] == [[shared.as_uri()], ["reachable", "yes"], ["writable", "yes"]]
    assert words[3][0::2] == ["key", "verifies"]
    assert [line[:2] for line in words[4:7]] == [["modules", "1"], ["failures", "0"], ["imports", "0"]]
    assert "key           none, so only blobs are shared" in run("info").text
    assert "all intact" in run("verify", "--store", str(lab.root / "a"), *of_key).text
    assert run("gc", "--older-than", "1d").text.startswith(f"0 objects removed from {shared.as_uri()}, 0 B freed, ")
    shutil.rmtree(shared / "objects")
    (shared / "modules" / "ab").mkdir(exist_ok=True)
    (shared / "modules" / "ab" / ("ab" * 32)).write_bytes(b"not signed")
    verified = run("verify", "--store", str(lab.root / "a"), *of_key)
    assert verified.code == 3
    assert f"BAD  modules  {'ab' * 32}  removed from the shared store\n" in verified.text
    assert run("gc", "--older-than", "0h").text.startswith("1 object removed")
    shutil.rmtree(shared)
    lost = run("info")
    assert lost.code == 3
    assert lost.text.startswith(f"error: {shared.as_uri()}: the folder does not exist; create or mount it")


def test_a_blob_is_downloaded_once_for_all_machines(lab: Laboratory, shared: Path, server: str) -> None:
    def fetch(name: str, *options: str) -> Result:
        return lab.run("--store", str(lab.root / name), "--store-url", shared.as_uri(), *options, command="fetch")

    blob = lab.root / "www" / "weights.irpa"
    blob.write_bytes(b"weights" * 1000)
    lab.spec(real_weights=f"{server}/weights.irpa")
    assert lab.run("--store", str(lab.root / "lock"), command="lock").code == 0
    first = fetch("a", "--blobs-only")
    assert first.code == 0, first.text
    assert "fetched " in first.text
    blob.unlink()
    other = fetch("b", "--blobs-only", "--offline")  # a folder is no network
    assert other.code == 0, other.text
    assert "cached  " in other.text
    assert [path for path in shared.rglob("*") if path.is_file()] != []
    signed = f"{server}/weights.irpa?sig=secret"
    blob.write_bytes(b"private" * 1000)
    lab.spec(real_weights=signed)
    before = {*shared.rglob("*")}
    assert fetch("a", "--blobs-only", "--no-locked").code == 0
    assert {*shared.rglob("*")} == before


WRITER = """
import sys
from pathlib import Path
from harness.store.objects import FolderObjects
from harness.store.signing import Key
from harness.store.store import Store
from harness.store.upstream import Upstream

folder, key, shared = map(Path, sys.argv[1:4])
upstream = Upstream("file:///shared", FolderObjects(shared), Key.read(key))
upstream.notice = print

def make(folder):
    for name in "abcd":
        (folder / name).write_bytes(name.encode() * (8 << 20))

with Store(folder, upstream=upstream) as store:
    entry = store.provide("modules", "ab" * 32, make)
    print(entry.cached, all((entry.path / name).read_bytes() == name.encode() * (8 << 20) for name in "abcd"))
"""


def test_writers_that_are_killed_or_write_at_once(lab: Laboratory, shared: Path) -> None:
    def start(name: str) -> "subprocess.Popen[str]":
        argv = [sys.executable, "-c", WRITER, *(str(lab.root / each) for each in (name, "store.key", "shared"))]
        return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)

    def kill(writer: "subprocess.Popen[str]", files: int) -> None:
        """Kill a writer when so many files are there."""
        try:
            wait_for(lambda: len([*shared.glob("objects/*/[!.]*")]) >= files or writer.poll() is not None)
        finally:
            writer.kill()
            writer.communicate()

    for files in (1, 2, 3):
        kill(start(f"killed{files}"), files)
    writers = [start(name) for name in ("a", "b")]
    assert {each.communicate(timeout=PATIENCE_S)[0].split()[-1] for each in writers} == {"True"}
    reader = start("c")
    assert reader.communicate(timeout=PATIENCE_S)[0] == "True True\n"


def test_settings() -> None:
    url, key = "file:///mnt/nfs", "/etc/store.key"
    environment = {"HARNESS_STORE_URL": url, "HARNESS_STORE_KEY_FILE": key}
    for argv, variables in ((["quality"], environment), (["fetch", "--store-url", url, "--store-key-file", key], {})):
        found = invocation(argv, variables).settings.fetch
        assert (found.store_url, found.store_key) == (url, Path(key))
    assert invocation(["quality"], {"HARNESS_STORE_URL": ""}).settings.fetch.store_url is None


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--store-key-file=store.key"], "--store-key-file has no effect without a shared store; name one with"),
        (["--store-url=/mnt/nfs"], "'/mnt/nfs' is not a URL; expected one such as file:///mnt/nfs/harness"),
        (["--store-url=file://host/nfs"], "file://host/nfs: names the host host; expected file:///FOLDER"),
        (["--store-url=s3://me:secret@a/b"], "s3://a/b: a URL with a password or a query; put credentials into the"),
        (["--store-url=az://a/b?sig=secret"], "az://a/b?sig=***: a URL with a password or a query; put credentials"),
        (["--store-url=nix://a/b"], "nix://a/b: Protocol not known: nix; expected file://, s3:// or az://"),
        (["--store-url=file:///tmp", "--store-key-file=none"], "none: cannot read the key: No such file"),
    ],
)
def test_what_is_said_of_settings_that_are_wrong(lab: Laboratory, options: list[str], why: str) -> None:
    lab.spec()
    result = lab.run(*options)
    assert result.code == 2, result.text
    assert why in " ".join(result.text.split())
    assert "secret" not in result.text
