"""Fetches from Azure's blobs, which Azurite serves over TLS."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from harness.core import urls
from harness.core.errors import FetchError
from tests.integration import object_servers
from tests.integration.faulty_server import FaultyServer, Reply
from tests.integration.hosts import BODIES, SMALL, Fetch, check, md5, run_alone
from tests.integration.laboratory import Laboratory, Result
from tests.integration.object_servers import Azurite

LOCK = "blobs.lock.json"

pytestmark = pytest.mark.usefixtures("own_environment")


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    with object_servers.azurite(tmp_path_factory.mktemp("azurite")) as server:
        for container in ("public", "private"):
            server.container(container, public=container == "public")
            for name, body in BODIES.items():
                server.put(container, name, body)
        yield server


@pytest.fixture
def trusted(azurite: Azurite, own_environment: pytest.MonkeyPatch) -> Azurite:
    """Return Azurite, for a process that trusts it."""
    own_environment.setenv("SSL_CERT_FILE", str(azurite.ca_path))
    return azurite


@pytest.mark.parametrize("locked", [True, False], ids=["locked", "unlocked"])
@pytest.mark.parametrize("name", BODIES)
def test_a_public_blob_comes_in_and_in_ranges_if_it_is_large(
    fetch: Fetch, trusted: Azurite, name: str, *, locked: bool
) -> None:
    body, before = BODIES[name], len(trusted.requests)
    fetched = fetch(f"{trusted.url}/public/{name}", body if locked else None)
    check(fetched, body)
    assert (fetched.blob.etag, fetched.blob.md5) == (trusted.etag("public", name), md5(body))
    ranges = [line for line in trusted.requests[before:] if f"/public/{name}" in line and '" 206 ' in line]
    assert len(ranges) > 1 or body == SMALL, ranges


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


@pytest.mark.parametrize("case", ["no signature", "expired", "of another container"])
def test_a_blob_without_access_fails_at_once(fetch: Fetch, trusted: Azurite, case: str) -> None:
    query = {
        "no signature": "",
        "expired": f"?{trusted.signature('private', hours=-1)}",
        "of another container": f"?{trusted.signature('public')}",
    }[case]
    with pytest.raises(FetchError, match=r"check your access rights, .*expired") as raised:
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


@pytest.mark.parametrize("command", ["fetch", "lock"])
@pytest.mark.parametrize("place", ["url", "environment"])
def test_the_command_keeps_a_signature_secret(lab: Laboratory, azurite: Azurite, place: str, command: str) -> None:
    signature, url = azurite.signature("private"), f"{azurite.url}/private/small.irpa"
    lab.spec(real_weights=f"{url}?{signature}" if place == "url" else url)
    connection = {"AZURE_STORAGE_CONNECTION_STRING": f"BlobEndpoint={azurite.url};SharedAccessSignature={signature}"}
    result = run_alone(
        lab, command, {"SSL_CERT_FILE": str(azurite.ca_path)} | (connection if place == "environment" else {})
    )
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
    assert "check your access rights, and whether the credentials in the URL expired" in " ".join(result.text.split())
    if command == "quality":
        assert result.verdict == (3, "error", "fetch")
    check_nothing_leaked(signature, result, lab.root, lab.store_dir)


def test_the_command_says_that_an_authority_is_missing(lab: Laboratory, azurite: Azurite, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    lab.spec(real_weights=f"{azurite.url}/public/small.irpa")
    result = run_alone(lab, "fetch", {"SSL_CERT_DIR": str(tmp_path / "none")})
    assert result.code == 3, result.text
    assert "name the certificates to trust in SSL_CERT_FILE" in " ".join(result.text.split())
