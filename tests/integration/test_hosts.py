"""Fetches from what stands where models do: Azure's blobs, S3, Google Cloud Storage and the Hugging Face Hub."""

import base64
import hashlib
import http.server
import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from harness import objects, urls
from harness.download import Means
from harness.errors import FetchError
from harness.fetch import Fetched, Fetcher, Places
from harness.model import Blob
from harness.objects import ObjectSource
from harness.source import AttemptError
from harness.store import Store
from harness.tries import Retry
from tests.integration import object_servers
from tests.integration.faulty_server import FaultyServer, Reply
from tests.integration.laboratory import Laboratory, Result
from tests.integration.object_servers import S3, Azurite

SMALL = b"a small model"
BIG = hashlib.shake_256(b"a large model").digest(40 << 20)
MIDDLE = BIG[: 9 << 20]
LOCK = "blobs.lock.json"
BODIES = {"small.irpa": SMALL, "big.irpa": BIG}
QUICK = Retry(attempts=2, first_wait_s=0.01, longest_wait_s=0.05, stall_s=20)
OF_THIS_MACHINE = re.compile(r"(?i)(https?|all|no)_proxy|(aws|azure|google|hf|storage)_.*|ssl_cert_file")

Fetch = Callable[..., Fetched]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hide what this machine has of proxies, certificates and credentials; each test says what there is."""
    for name in list(os.environ):
        if OF_THIS_MACHINE.fullmatch(name):
            monkeypatch.delenv(name)
    objects._shared.cache_clear()
    yield
    objects._shared.cache_clear()


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    with object_servers.azurite(tmp_path_factory.mktemp("azurite")) as server:
        for container in ("public", "private"):
            server.container(container, public=container == "public")
            for name, body in BODIES.items():
                server.put(container, name, body)
        yield server


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with object_servers.s3(tmp_path_factory.mktemp("s3")) as server:
        server.bucket("models")
        for name, body in BODIES.items():
            server.put("models", f"dir/{name}", body, public=name == "small.irpa")
        yield server


@pytest.fixture
def trusted(azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> Azurite:
    """Return Azurite, for a process that trusts it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(azurite.ca_path))
    return azurite


@pytest.fixture
def fetch(tmp_path: Path) -> Fetch:
    def fetch(url: str, body: bytes | None = None, **places: Any) -> Fetched:
        means = Means(notice=notices.append, retry=QUICK, part_bytes=1 << 20)
        with (
            Store(tmp_path / "store") as store,
            Fetcher(store, means, places=Places(**places)) as fetcher,
        ):
            return fetcher.fetch(Blob(url=url, sha256=hashlib.sha256(body).hexdigest() if body else None))

    notices: list[str] = []
    return fetch


def check(fetched: Fetched, body: bytes) -> None:
    assert fetched.path.read_bytes() == body
    assert (fetched.blob.sha256, fetched.blob.bytes) == (hashlib.sha256(body).hexdigest(), len(body))
    assert fetched.blob.attempts == 1


def md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("locked", [True, False], ids=["locked", "unlocked"])
@pytest.mark.parametrize("name", BODIES)
def test_a_public_blob_of_azure_comes_in(fetch: Fetch, trusted: Azurite, name: str, *, locked: bool) -> None:
    body = BODIES[name]
    fetched = fetch(f"{trusted.url}/public/{name}", body if locked else None)
    check(fetched, body)
    assert (fetched.blob.etag, fetched.blob.md5) == (trusted.etag("public", name), md5(body))


def test_a_large_blob_of_azure_comes_in_ranges(fetch: Fetch, trusted: Azurite) -> None:
    before = len(trusted.requests)
    check(fetch(f"{trusted.url}/public/big.irpa", BIG), BIG)
    asked = [line for line in trusted.requests[before:] if "/public/big.irpa" in line]
    assert len([line for line in asked if '" 206 ' in line]) > 1, asked


@pytest.mark.parametrize("name", BODIES)
def test_a_signature_in_the_url_opens_a_private_blob(fetch: Fetch, trusted: Azurite, name: str) -> None:
    url = f"{trusted.url}/private/{name}"
    fetched = fetch(f"{url}?{trusted.signature('private')}", BODIES[name])
    check(fetched, BODIES[name])
    assert urls.identity(f"{url}?{trusted.signature('private')}") == url
    assert "sig=***" in fetched.blob.url


def test_a_signature_in_the_environment_opens_a_private_blob(fetch: Fetch, trusted: Azurite) -> None:
    grants = urls.azure_grants({"AZURE_STORAGE_CONNECTION_STRING": trusted.connection_string})
    check(fetch(f"{trusted.url}/private/small.irpa", SMALL, grants=grants), SMALL)


def test_a_signature_is_for_its_own_host_only(fetch: Fetch, azurite: Azurite) -> None:
    grants = urls.azure_grants({"AZURE_STORAGE_CONNECTION_STRING": azurite.connection_string})
    with FaultyServer() as other:
        url = other.serve("/devstoreaccount1/private/small.irpa", Reply(body=SMALL))
        check(fetch(url, SMALL, grants=grants), SMALL)
        assert [each.target for each in other.requests] == ["/devstoreaccount1/private/small.irpa"]


def test_without_the_authority_the_error_says_where_it_belongs(fetch: Fetch, azurite: Azurite) -> None:
    with pytest.raises(FetchError, match="name the certificates in SSL_CERT_FILE"):
        fetch(f"{azurite.url}/public/small.irpa", SMALL)


@pytest.mark.parametrize("case", ["no signature", "expired", "of another container"])
def test_who_may_not_read_a_blob_hears_it_at_once(fetch: Fetch, trusted: Azurite, case: str) -> None:
    query = {
        "no signature": "",
        "expired": f"?{trusted.signature('private', hours=-1)}",
        "of another container": f"?{trusted.signature('public')}",
    }[case]
    with pytest.raises(FetchError, match=r"check the right of access, .*expired") as raised:
        fetch(f"{trusted.url}/private/small.irpa{query}", SMALL)
    assert "403" in str(raised.value)
    assert "attempt 1 of 2" in str(raised.value)


def secrets(signature: str) -> tuple[bytes, ...]:
    """Return how the part of a signature that must stay secret may be written."""
    (value,) = re.findall(r"sig=([^&]+)", signature)
    return value.encode(), unquote(value).encode(), json.dumps(unquote(value))[1:-1].encode()


def check_nothing_leaked(signature: str, result: Result, *folders: Path) -> None:
    """See that what was printed and written, but for the specs themselves, has nothing of a signature's secret."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    written = {str(path): path.read_bytes() for path in files if "specs" not in path.parts or path.name == LOCK}
    written |= {"output": result.text.encode()} | {f"name of {name}": name.encode() for name in list(written)}
    assert len(written) > len(folders)
    for secret in secrets(signature):
        assert [name for name, content in written.items() if secret in content] == []


def run(lab: Laboratory, command: str, environment: Mapping[str, str]) -> Result:
    """Run the command with a store of its own."""
    return lab.run("--store", str(lab.root / "own"), command=command, environment=environment)


@pytest.mark.parametrize("command", ["fetch", "lock"])
@pytest.mark.parametrize("place", ["url", "environment"])
def test_the_command_keeps_a_signature_secret(lab: Laboratory, azurite: Azurite, place: str, command: str) -> None:
    signature, url = azurite.signature("private"), f"{azurite.url}/private/small.irpa"
    lab.spec(real_weights=f"{url}?{signature}" if place == "url" else url)
    connection = {"AZURE_STORAGE_CONNECTION_STRING": f"BlobEndpoint={azurite.url};SharedAccessSignature={signature}"}
    result = run(lab, command, {"SSL_CERT_FILE": str(azurite.ca_path)} | (connection if place == "environment" else {}))
    assert result.code == 0, result.text
    assert hashlib.sha256(SMALL).hexdigest()[:12] in result.text
    if command == "lock":
        locked = json.loads((lab.specs / LOCK).read_text())
        assert locked[url]["sha256"] == hashlib.sha256(SMALL).hexdigest()
    check_nothing_leaked(signature, result, lab.root)


@pytest.mark.parametrize("command", ["fetch", "quality"])
def test_the_command_says_that_a_signature_expired(lab: Laboratory, azurite: Azurite, command: str) -> None:
    signature = azurite.signature("private", hours=-1)
    lab.spec(real_weights=f"{azurite.url}/private/small.irpa?{signature}")
    result = lab.run(command=command, environment={"SSL_CERT_FILE": str(azurite.ca_path)})
    assert result.code == 3, result.text
    assert "check the right of access, and whether the credentials in the URL expired" in " ".join(result.text.split())
    if command == "quality":
        assert result.verdict == (3, "error", "fetch")
    check_nothing_leaked(signature, result, lab.root, lab.store_dir)


def test_the_command_says_that_an_authority_is_missing(lab: Laboratory, azurite: Azurite, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    lab.spec(real_weights=f"{azurite.url}/public/small.irpa")
    result = run(lab, "fetch", {"SSL_CERT_DIR": str(tmp_path / "none")})
    assert result.code == 3, result.text
    assert "name the certificates in SSL_CERT_FILE" in " ".join(result.text.split())


@pytest.fixture
def credentials(s3: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """Return S3, for a process that has credentials for it."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    return s3


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("locked", [True, False], ids=["locked", "unlocked"])
@pytest.mark.parametrize("name", BODIES)
def test_an_object_of_s3_comes_in(fetch: Fetch, name: str, *, locked: bool) -> None:
    body = BODIES[name]
    fetched = fetch(f"s3://models/dir/{name}", body if locked else None)
    check(fetched, body)
    assert fetched.blob.etag == f'"{md5(body)}"'


def test_a_public_object_of_s3_needs_no_credentials(fetch: Fetch, s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.anonymous.items():
        monkeypatch.setenv(name, value)
    check(fetch("s3://models/dir/small.irpa", SMALL), SMALL)
    with pytest.raises(FetchError, match=r"check the right of access and the credentials \(AWS_ACCESS_KEY_ID"):
        fetch("s3://models/dir/big.irpa", BIG)


def test_a_key_is_taken_as_it_is_written(fetch: Fetch, credentials: S3) -> None:
    check(fetch(credentials.put("models", "a b/c%20d+e.irpa", SMALL), SMALL), SMALL)


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize(
    ("url", "mend"),
    [
        ("s3://models/dir/none.irpa", "it was moved or removed"),
        ("s3://none/dir/small.irpa", "it was moved or removed"),
        ("s3://models/dir", "this is a folder"),
        ("s3://models", "this is a folder"),
    ],
)
def test_what_s3_does_not_have_is_not_asked_for_twice(fetch: Fetch, url: str, mend: str) -> None:
    with pytest.raises(FetchError, match=mend) as raised:
        fetch(url, SMALL)
    assert "attempt 1 of 2" in str(raised.value)


@pytest.mark.usefixtures("credentials")
def test_a_profile_that_is_not_there_is_named(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(FetchError, match=r"\(nobody\) could not be found .*; check the right of access"):
        fetch("s3://models/dir/small.irpa", SMALL)


@pytest.mark.usefixtures("credentials")
def test_an_endpoint_that_is_not_there_is_tried_again(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(FetchError, match=r"EndpointConnectionError: .*attempt 2 of 2"):
        fetch("s3://models/dir/small.irpa", SMALL)


@pytest.mark.parametrize(
    ("reply", "shown", "busy"),
    [
        (Reply(status=503), "Service Unavailable", True),
        (Reply(status=500), "Internal Server Error", False),
        (Reply(head=b"", body=b"x", stall_at=0), "Timeout", False),
        (Reply(head=b"I am no HTTP server\r\n\r\n"), "Error: ", False),
    ],
    ids=["503", "500", "stalled", "garbage"],
)
def test_an_attempt_at_s3_ends_soon(
    reply: Reply, shown: str, *, busy: bool, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultyServer() as server:
        server.serve("/models/a", reply)
        for name, value in (s3.environment | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}"}).items():
            monkeypatch.setenv(name, value)
        opened = ObjectSource("s3://models/a", stall_s=0.5).opened(0, None, None, None)
        with pytest.raises(AttemptError, match=shown) as raised, opened:
            pytest.fail("it opened")
        assert (raised.value.again, raised.value.busy) == (True, busy)
        assert server.count("/models/a") == 1


@pytest.mark.usefixtures("credentials")
def test_the_threads_of_a_process_share_a_file_system() -> None:
    def opened(start: int) -> bytes:
        with ObjectSource("s3://models/dir/big.irpa", stall_s=5).opened(start, start + size, None, None) as (_, pieces):
            return b"".join(pieces)

    size = len(BIG) // 8
    with ThreadPoolExecutor(8) as pool:
        assert b"".join(pool.map(opened, range(0, len(BIG), size))) == BIG
    assert objects._shared.cache_info().misses == 1


def test_the_command_fetches_from_s3(lab: Laboratory, s3: S3) -> None:
    lab.spec(real_weights="s3://models/dir/small.irpa")
    result = run(lab, "fetch", s3.environment)
    assert result.code == 0, result.text
    assert hashlib.sha256(SMALL).hexdigest()[:12] in result.text
    assert "warning" not in result.text.lower()
    lab.spec(real_weights="s3://models/dir/none.irpa")
    result = run(lab, "fetch", s3.environment)
    assert result.code == 3, result.text
    assert "it was moved or removed" in " ".join(result.text.split())
    assert s3.environment["AWS_SECRET_ACCESS_KEY"] not in result.text


class _Hub(http.server.BaseHTTPRequestHandler):
    """Answers what gcsfs and huggingface_hub ask about one model, for who has the token, if there is one."""

    protocol_version = "HTTP/1.1"
    token: str | None = None
    paths: list[str]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        commit = {"id": "c" * 40, "title": "t", "date": "2024-02-29T12:00:00.000Z"}
        self._json(
            [{"type": "file", "oid": "a" * 40, "size": len(MIDDLE), "path": "dir/big.irpa", "lastCommit": commit}]
        )

    def do_GET(self) -> None:
        self.paths.append(self.path)
        if "/resolve/" in self.path or "alt=media" in self.path:
            first, last = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
            self._send(206, MIDDLE[first : last + 1], {"Content-Range": f"bytes {first}-{last}/{len(MIDDLE)}"})
        elif self.path.startswith("/api/"):
            self._json({"id": "org/name", "sha": "d" * 40, "siblings": [], "tags": []})
        elif "/o/" in self.path:
            digest = base64.b64encode(bytes.fromhex(md5(MIDDLE))).decode()
            self._json({"name": "dir/big.irpa", "size": str(len(MIDDLE)), "generation": "17", "md5Hash": digest})
        else:
            self._json({"kind": "storage#objects"})

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _json(self, value: Any) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        if self.token and self.headers.get("Authorization") != f"Bearer {self.token}":
            status, body = 401, b'{"error": "Invalid username or password."}'
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


Hub = tuple[type[_Hub], dict[str, str]]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """Return a stand-in for Google Cloud Storage and the Hub, and the environment in which they are asked."""
    kind = type("Hub", (_Hub,), {"paths": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign] # gcsfs leaves before the end
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        hub_dir = str(tmp_path / "hub")
        yield kind, {"HF_ENDPOINT": url, "STORAGE_EMULATOR_HOST": url, "NO_GCE_CHECK": "true", "HF_HOME": hub_dir}
        server.shutdown()


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("gs://models/dir/big.irpa", "/download/storage/v1/b/models/o/dir%2Fbig.irpa?alt=media&generation=17"),
        ("hf://org/name/dir/big.irpa", f"/org/name/resolve/{'c' * 40}/dir/big.irpa"),
        ("hf://datasets/org/name@v1/dir/big.irpa", f"/datasets/org/name/resolve/{'c' * 40}/dir/big.irpa"),
    ],
    ids=["gs", "model", "data set"],
)
def test_the_command_fetches_from_google_and_the_hub(lab: Laboratory, hub: Hub, url: str, path: str) -> None:
    kind, environment = hub
    lab.spec(real_weights=url)
    result = run(lab, "fetch", environment)
    assert result.code == 0, result.text
    assert hashlib.sha256(MIDDLE).hexdigest()[:12] in result.text
    assert "warning" not in result.text.lower()
    assert kind.paths.count(path) >= len(MIDDLE) // (4 << 20)


def test_the_hub_is_told_a_token_and_nobody_else(lab: Laboratory, hub: Hub) -> None:
    kind, environment = hub
    kind.token = f"hf_{SMALL.hex()}"
    lab.spec(real_weights="hf://org/name/dir/big.irpa")
    result = run(lab, "fetch", environment)
    assert result.code == 3, result.text
    assert "check the right of access and the credentials (HF_TOKEN)" in " ".join(result.text.split())
    result = run(lab, "fetch", environment | {"HF_TOKEN": kind.token})
    assert result.code == 0, result.text
    assert kind.token not in result.text
