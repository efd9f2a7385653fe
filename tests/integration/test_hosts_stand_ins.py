"""Fetches from Google Cloud Storage and the Hugging Face Hub, for which a server of ours stands in."""

import base64
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.fetch import object_stores
from harness.fetch.object_stores import ObjectSource
from harness.fetch.source import AttemptError
from tests.integration.faulty_server import FaultyServer, Reply
from tests.integration.hosts import BIG, md5, run_alone
from tests.integration.laboratory import Laboratory

BODY = BIG[: 9 << 20]

pytestmark = pytest.mark.usefixtures("own_environment")


class _Hub(http.server.BaseHTTPRequestHandler):
    """Answers what gcsfs and huggingface_hub ask about one model, for who has the token, if there is one."""

    protocol_version = "HTTP/1.1"
    token: str | None = None
    paths: list[str]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        commit = {"id": "c" * 40, "title": "t", "date": "2024-02-29T12:00:00.000Z"}
        self._json([{"type": "file", "oid": "a" * 40, "size": len(BODY), "path": "dir/big.irpa", "lastCommit": commit}])

    def do_GET(self) -> None:
        self.paths.append(self.path)
        if "/resolve/" in self.path or "alt=media" in self.path:
            first, last = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
            self._send(206, BODY[first : last + 1], {"Content-Range": f"bytes {first}-{last}/{len(BODY)}"})
        elif self.path.startswith("/api/"):
            self._json({"id": "org/name", "sha": "d" * 40, "siblings": [], "tags": []})
        elif "/o/" in self.path:
            digest = base64.b64encode(bytes.fromhex(md5(BODY))).decode()
            self._json({"name": "dir/big.irpa", "size": str(len(BODY)), "generation": "17", "md5Hash": digest})
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
    result = run_alone(lab, "fetch", environment)
    assert result.code == 0, result.text
    assert hashlib.sha256(BODY).hexdigest()[:12] in result.text
    assert "warning" not in result.text.lower()
    assert kind.paths.count(path) >= len(BODY) // (4 << 20)


@pytest.mark.parametrize(
    ("reply", "shown", "busy"),
    [
        (Reply(status=503), "503", True),
        (Reply(status=500), "500", False),
        (Reply(head=b"", body=b"x", stall_at=0), "Timeout|no byte of the blob", False),
        (Reply(head=b"I am no HTTP server\r\n\r\n"), "Bad status line", False),
    ],
    ids=["503", "500", "stalled", "garbage"],
)
def test_an_attempt_at_google_ends_soon(
    reply: Reply, shown: str, *, busy: bool, own_environment: pytest.MonkeyPatch
) -> None:
    with FaultyServer() as server:
        server.serve("/storage/v1/b/models/o/a", reply)
        own_environment.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{server.port}")
        own_environment.setenv("NO_GCE_CHECK", "true")
        object_stores._shared.cache_clear()
        stall_s = 60 if reply.stall_at is None else 5  # the library takes its time before it connects
        opened = ObjectSource("gs://models/a", stall_s=stall_s).opened(0, None, None, None)
        with pytest.raises(AttemptError, match=shown) as raised, opened:
            pytest.fail("it opened")
        assert (raised.value.failure.retriable, raised.value.failure.busy) == (True, busy)
        assert server.count("/storage/v1/b/models/o/a") == 1


def test_only_the_hub_is_sent_the_token(lab: Laboratory, hub: Hub) -> None:
    kind, environment = hub
    kind.token = f"hf_{BODY[:13].hex()}"
    lab.spec(real_weights="hf://org/name/dir/big.irpa")
    result = run_alone(lab, "fetch", environment)
    assert result.code == 3, result.text
    assert "check your access rights and credentials (HF_TOKEN)" in " ".join(result.text.split())
    result = run_alone(lab, "fetch", environment | {"HF_TOKEN": kind.token})
    assert result.code == 0, result.text
    assert kind.token not in result.text
