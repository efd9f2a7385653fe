"""A shared store at S3, which moto serves, and at Azure, which Azurite serves."""

import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from harness.fetch import shared_store
from harness.store import shared_entry, shared_upkeep
from harness.store.signing import Key
from harness.store.store import Store
from harness.store.upstream import Upstream
from tests.integration import object_servers
from tests.integration.faulty_server import FaultyServer, Reply
from tests.integration.laboratory import clean_environment
from tests.integration.object_servers import ACCOUNT, ACCOUNT_KEY, S3, Azurite
from tests.unit.store.test_upstream import pem
from tests.unit.stores import KEY, refuses

pytestmark = pytest.mark.usefixtures("own_environment")

MODULE = hashlib.shake_256(b"a module").digest(20 << 20)  # more than is read at once
EVIL = b"\0" * len(MODULE)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with object_servers.s3(tmp_path_factory.mktemp("s3")) as server:
        server.bucket("shared")
        yield server


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    with object_servers.azurite(tmp_path_factory.mktemp("azurite")) as server:
        server.container("shared", public=False)
        yield server


@pytest.fixture
def url(s3: S3, request: pytest.FixtureRequest, own_environment: pytest.MonkeyPatch) -> str:
    """Return the URL of an empty shared store, for which this process has credentials."""
    for name, value in s3.environment.items():
        own_environment.setenv(name, value)
    return f"s3://shared/{request.node.name}"


@pytest.fixture(scope="session")
def key() -> Key:
    private = Ed25519PrivateKey.generate()
    return Key(public=private.public_key(), private=private)


def make(folder: Path) -> None:
    (folder / "main.vmfb").write_bytes(MODULE)
    (folder / "compile.log").touch()
    (folder / "facts.json").write_bytes(b"{}")


Machine = Callable[[str], Store]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def machine(tmp_path: Path, url: str, key: Key, said: list[str]) -> Machine:
    def made(name: str) -> Store:
        upstream = Upstream(url, shared_store.objects(url), key, timeout_s=60)
        upstream.notice = said.append
        return Store(tmp_path / name, upstream=upstream)

    return made


Fails = Callable[[str], bool]


@pytest.fixture
def compiles(tmp_path: Path, key: Key, said: list[str]) -> Fails:
    """Return a function that looks for a module, and returns whether it was made here."""

    def made(url: str) -> bool:
        upstream = Upstream(url, shared_store.objects(url), key, timeout_s=3)
        upstream.notice = said.append
        with Store(tmp_path / "store", upstream=upstream) as store:
            return not store.provide("modules", KEY, make).cached

    return made


def test_machines_share_a_bucket(machine: Machine, url: str, key: Key, said: list[str]) -> None:
    upstream = Upstream(url, shared_store.objects(url), key)
    assert sum(each.count for each in shared_upkeep.usage(upstream).kinds) == 0
    with machine("a") as store:
        assert not store.provide("modules", KEY, make).cached
    with machine("b") as store:
        entry = store.provide("modules", KEY, refuses)
        assert entry.cached
        assert (entry.path / "main.vmfb").read_bytes() == MODULE
        assert (entry.path / "compile.log").read_bytes() == b""
        assert not store.provide("modules", "cd" * 32, make).cached
    assert said == []
    usage = shared_upkeep.usage(upstream)
    assert usage.unwritable == ""
    assert {each.kind: each.count for each in usage.kinds} == {"modules": 2, "failures": 0, "imports": 0, "objects": 2}
    assert all(each.ok for each in shared_upkeep.verify(upstream))
    assert shared_upkeep.collect(upstream, 3600).removed == 0
    assert shared_upkeep.collect(upstream, -3600).removed == 4
    assert sum(each.count for each in shared_upkeep.usage(upstream).kinds) == 0


def test_a_bucket_is_not_trusted(machine: Machine, url: str, said: list[str], tmp_path: Path) -> None:
    with machine("a") as store:
        store.provide("modules", KEY, make)
    (tmp_path / "evil").write_bytes(EVIL)
    name = shared_entry.name("objects", hashlib.sha256(MODULE).hexdigest())
    shared_store.objects(url).write(name, (tmp_path / "evil").open("rb").__enter__)
    with machine("b") as store:
        assert not store.provide("modules", KEY, make).cached
    why = f"modules {KEY} was refused: {name}: its content changed; going on without it"
    assert said == [f"warning: reading from the shared store {url}: {why}"]
    with machine("c") as store:
        assert store.provide("modules", KEY, refuses).cached


@pytest.mark.parametrize("variables", [{"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, {"AWS_PROFILE": "nobody"}, {}])
def test_a_bucket_that_fails_is_in_nobody_s_way(
    variables: dict[str, str], s3: S3, compiles: Fails, said: list[str], own_environment: pytest.MonkeyPatch
) -> None:
    for name, value in (s3.environment | variables).items():
        own_environment.setenv(name, value)
    assert compiles("s3://shared/prefix" if variables else "s3://nobucket/prefix")
    assert 1 <= len(said) <= 2
    assert all(line.endswith("; going on without it") for line in said)
    assert s3.environment["AWS_SECRET_ACCESS_KEY"] not in "".join(said)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=503),
        Reply(status=403),
        Reply(head=b"", body=b"x", stall_at=0),
        Reply(head=b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", body=b"half"),
        Reply(head=b"I am no HTTP server\r\n\r\n"),
    ],
    ids=["busy", "forbidden", "slow", "dies", "garbage"],
)
def test_a_server_that_misbehaves_is_in_nobody_s_way(
    reply: Reply, s3: S3, compiles: Fails, said: list[str], own_environment: pytest.MonkeyPatch
) -> None:
    with FaultyServer() as server:
        server.serve(f"/shared/{shared_entry.name('modules', KEY)}", reply)
        for name, value in (s3.environment | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}"}).items():
            own_environment.setenv(name, value)
        assert compiles("s3://shared")
    assert said[0].startswith("warning: reading from the shared store s3://shared: ")


MACHINE = """
import sys
from pathlib import Path
from harness.fetch import shared_store
from harness.store.signing import Key
from harness.store.store import Store
from harness.store.upstream import Upstream

def make(folder):
    (folder / "main.vmfb").write_bytes(bytes(20 << 20))
    (folder / "compile.log").touch()
    (folder / "facts.json").write_bytes(b"{}")

url, key, folder = sys.argv[1:]
upstream = Upstream(url, shared_store.objects(url), Key.read(Path(key)))
upstream.notice = print
with Store(Path(folder), upstream=upstream) as store:
    entry = store.provide("modules", "ab" * 32, make)
    print(entry.cached, entry.bytes)
"""


def test_machines_share_a_container_of_azure(azurite: Azurite, tmp_path: Path) -> None:
    """Each is a process of its own: aiohttp reads the certificates to trust once."""

    def run(*argv: str) -> str:
        account = f"AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};BlobEndpoint={azurite.url}"
        credentials = {"AZURE_STORAGE_CONNECTION_STRING": f"DefaultEndpointsProtocol=https;{account};"}
        env = clean_environment() | credentials | {"SSL_CERT_FILE": str(azurite.ca_path)}
        options: dict[str, Any] = {"env": env, "cwd": tmp_path, "capture_output": True, "text": True, "timeout": 300}
        done = subprocess.run([sys.executable, *argv], check=False, **options)
        assert ACCOUNT_KEY not in done.stdout + done.stderr
        return str(done.stdout + done.stderr)

    url, own = "az://shared/prefix", str(tmp_path / "store.key")
    (tmp_path / "store.key").write_bytes(pem(Ed25519PrivateKey.generate())[0])
    told = [run("-c", MACHINE, url, own, str(tmp_path / name)) for name in ("a", "b")]
    assert told == [f"{cached} {(20 << 20) + 2}\n" for cached in (False, True)]
    upkeep = ("-m", "harness", "store")
    assert "writable      yes\n" in run(*upkeep, "info", "--store-url", url)
    assert run(*upkeep, "gc", "--older-than", "0h", "--store-url", url).startswith("3 objects removed from az://shared")
