"""`harness new --torch` with PyTorch and iree-turbine, in an environment of their own."""

import functools
import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.cli.main import main
from harness.core.outcomes import EXIT_USAGE
from harness.core.provenance import ProgramSource
from harness.core.records import read
from harness.importers import environment as importers
from harness.importers.frameworks import Framework
from harness.iree import releases
from harness.store.store import Store
from tests.integration.laboratory import Laboratory, clean_environment

MODELS, HOSTILE = (Path(__file__).with_name(name) for name in ("torch_models.py", "torch_odd_models.py"))
INDEX = "https://download.pytorch.org/whl/cpu"
FUNCTIONS = ("cnn", "lstm", "gru", "block", "unet", "kinds")
New = Callable[..., tuple[int, str]]


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the option that names a mirror with the wheel of PyTorch, which pip finds wherever it looks."""
    folder = tmp_path_factory.mktemp("wheels")
    argv = [
        "download",
        "--quiet",
        "--quiet",
        "--retries=1",
        "--no-deps",
        "--extra-index-url",
        INDEX,
        "--dest",
        str(folder),
        "torch==2.13.0+cpu",
    ]
    subprocess.run([sys.executable, "-m", "pip", *argv], check=True)
    handler = functools.partial(_Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"--mirror={INDEX}=http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def new(lab: Laboratory, mirror: str, capsys: pytest.CaptureFixture[str]) -> New:
    """Return a function that imports a model without running it, in this process, and returns code and text."""

    def imported(name: str, source: str, *options: str) -> tuple[int, str]:
        argv = ("new", f"net/{name}", f"--torch={lab.root}/{source}", "--no-run", mirror, *options)
        code = main([*argv, f"--specs={lab.specs}", f"--store={lab.store_dir}"], clean_environment())
        said = capsys.readouterr()
        return code, said.out + said.err

    return imported


def spec_of(lab: Laboratory, name: str) -> Any:
    return json.loads((lab.specs / "net" / f"{name}_cpu.json").read_text())


def test_one_command_says_if_iree_computes_what_pytorch_does(lab: Laboratory, new: New) -> None:
    shutil.copy(MODELS, lab.root / "models.py")
    code, text = new("all", "models.py:make")
    assert code == 0, text
    checked = lab.run()
    assert [each["status"] for each in checked.report["cases"]] == ["passed"] * len(FUNCTIONS), checked.text
    assert {each["id"] for each in checked.report["cases"]} == {f"net/all-{each}[cpu]" for each in FUNCTIONS}
    source = read(ProgramSource, spec_of(lab, "all-cnn")["provenance"]["source"])
    assert (source.framework, source.seed, list(source.files)) == ("torch", 0, ["models.py"])
    assert source.importer == f"iree-turbine 3.9.0 with IREE {releases.newest().name}"
    assert source.command.startswith("harness new net/all --torch models.py:make --importer ")
    assert "computed in float64 and rounded to their types; the largest" in spec_of(lab, "all-unet")["comment"][1]
    assert spec_of(lab, "all-kinds")["inputs"][0] == {"source": "all-kinds.input0.bin", "value": "2x3xbf16"}
    program = lab.specs / "net/all.mlir"
    # The first weight of each tensor, behind eight digits for the alignment, becomes another number.
    program.write_text(re.sub(r'(torch_tensor\S*: "0x\w{8})\w{8}', r"\g<1>00002041", program.read_text()))
    spoilt = {each["id"]: (each["status"], each["kind"]) for each in lab.run().report["cases"]}
    assert spoilt.pop("net/all-kinds[cpu]") == ("passed", None)
    assert set(spoilt.values()) == {("failed", "numeric")}


REFUSED = {
    "nothing": "returned a NoneType from nothing(); expected (module, args[, kwargs[, dynamic_shapes]])",
    "leaves": "raised SystemExit at line 44: 0",
    "numbers": "returns a int as output 1; expected tensors",
    "random": "has a function 'b' that returns other numbers each time",
    "branches": "Could not guard on data-dependent expression",
    "custom": "uses operators of its own, which IREE does not know: acme.frob.default",
    "name": "returned a function 'a b' from name(); expected an ASCII identifier",
    "missing": "it has no function 'missing'; it has ",
}


def test_a_hostile_or_odd_source_gets_one_error(lab: Laboratory, new: New) -> None:
    shutil.copy(HOSTILE, lab.root / "odd.py")
    code, text = new("odd", "odd.py:raises")
    assert (code, text.splitlines()[-1]) == (
        3,
        f"error: import: {lab.root}/odd.py raised RuntimeError at line 30: bad shape.",
    )
    code, text = new("odd", "odd.py:dies", "--offline")
    assert (code, "error: import: odd.py: PyTorch gave no valid answer" in text) == (3, True), text
    assert not (lab.specs / "net").exists()


def test_every_odd_source_is_named(lab: Laboratory, new: New) -> None:
    """In one process, because PyTorch takes long to start."""
    shutil.copy(HOSTILE, lab.root / "odd.py")
    assert new("odd", "odd.py:missing")[0] == EXIT_USAGE  # installs the importer
    environment = importers.installed(Framework.TORCH, releases.find(releases.newest().name), Store(lab.store_dir))
    argv = [str(environment.python), "-BIS", str(HOSTILE.with_name("torch_replies.py")), str(environment.folder)]
    done = subprocess.run([*argv, *REFUSED], cwd=lab.root, capture_output=True, text=True, check=True)
    replies = json.loads(done.stdout.splitlines()[-1])
    for entry, message in REFUSED.items():
        assert message in str(replies[entry]), entry
