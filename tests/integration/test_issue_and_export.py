"""`harness issue` and `--export`: what leaves the results for elsewhere."""

import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from tests.integration.laboratory import ADD, Laboratory


class Hub:
    """A server on 127.0.0.1 that keeps what is sent to it, after some answers of failure."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.answers: list[int] = []
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = hub.answers.pop(0) if hub.answers else 200
                if status == 200:
                    hub.bodies.append(body)
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://user:secret@127.0.0.1:{self._server.server_port}/runs"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def hub() -> Iterator[Hub]:
    started = Hub()
    yield started
    started.close()


def test_results_are_exported_as_lines_of_json(lab: Laboratory, hub: Hub) -> None:
    lab.spec()
    lab.spec("wrong_cpu", outputs=[{"value": "4xf32=1"}])
    hub.answers = [503]
    exports = ("--export", "all.jsonl", "--export", hub.url)
    ran = lab.run(*exports)
    assert ran.code == 1, ran.text
    assert "not exported" not in ran.text
    (sent,) = hub.bodies
    assert (lab.root / "all.jsonl").read_bytes() == sent
    lines = [json.loads(line) for line in sent.splitlines()]
    assert [(line["id"], line["status"], line["schema"]) for line in lines] == [
        ("toy/add[cpu]", "passed", 1),
        ("toy/wrong[cpu]", "failed", 1),
    ]
    assert lines[0]["run"] == lines[1]["run"]
    assert lines[0]["run"]["exit_code"] == 1
    assert str(lab.root).encode() not in sent
    hub.answers = [403]
    again = lab.run("toy/add", "--no-history", *exports)
    assert again.code == 0
    url = hub.url.replace("user:secret@", "***@") if "***@" in again.text else hub.url.replace("user:secret@", "")
    assert f"warning: This run was not exported to {url}: the server answered 403 Forbidden." in again.text
    assert "secret" not in again.text
    assert len((lab.root / "all.jsonl").read_text().splitlines()) == 3
    blocked = lab.run("toy/add", "--export", "specs/toy", "--export", "http://127.0.0.1:1/")
    assert blocked.code == 0
    assert f"warning: This run was not exported to {lab.root}/specs/toy: Is a directory." in " ".join(
        blocked.text.split()
    )


def test_a_bug_report_has_all_that_a_developer_needs(lab: Laboratory) -> None:
    lab.spec()
    lab.spec("wrong_cpu", outputs=[{"value": "4xf32=1"}])
    ran = lab.run()
    assert ran.code == 1, ran.text
    text = lab.issue("out").text
    assert text.startswith("# \\[cpu\\] numeric: output 0 (4xf32): 4 of 4 elements differ")
    assert f"```mlir\n{ADD.rstrip()}\n```" in text
    assert "Files to attach, in `out/.work/toy/wrong-cpu`: `input.0.bin`, `input.1.npy`, `weights.irpa`." in text
    assert "harness quality toy/wrong" in text
    assert lab.issue("out/results.json", "toy/wrong", "-o", "bug.md").text == ""
    assert (lab.root / "bug.md").read_text() == text
    assert lab.issue("out", "toy/other").text.startswith(
        "error: toy/other: no such case in out/results.json; name a case by its id, such as toy/"
    )
    # The program is shown only if it is what the results say.
    (lab.model_dir / "add.mlir").write_text("something else")
    assert "something else" not in lab.issue("out").text
    found = {"text": "First bad release: 3.13.0 (last good: 3.12.0).", "kind": "first-bad", "first": "3.13.0"}
    probe = {"release": "3.13.0", "verdict": "bad", "status": "failed", "results": "."}
    search = {"schema": 1, "case": "toy/wrong[cpu]", "releases": ["3.12.0", "3.13.0"], "result": found}
    search |= {"compare_url": "https://github.com/x", "probes": [probe]}
    bisect = lab.root / "out/bisect.json"
    bisect.write_text(json.dumps(search))
    assert "First bad release: 3.13.0 (last good: 3.12.0).\n\nCommits: https://github.com/x" in lab.issue("out").text
    bisect.write_text(json.dumps(search | {"probes": [probe | {"results": "../out"}]}))
    assert "the results of 3.13.0 are not there" in lab.issue("out").text
    bisect.write_text(json.dumps(search | {"probes": 3}))
    assert "bisect.json: cannot be read" in lab.issue("out").text
