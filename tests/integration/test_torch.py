"""`harness new --torch` with PyTorch and iree-turbine, in an environment of their own."""

import functools
import http.server
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.cli.main import main
from harness.core.provenance import ProgramSource
from harness.core.records import read
from harness.iree import releases
from tests.integration.laboratory import Laboratory, clean_environment

MODELS = Path(__file__).with_name("torch_models.py")
INDEX = "https://download.pytorch.org/whl/cpu"
FUNCTIONS = ("cnn", "lstm", "gru", "block", "unet", "kinds")
New = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the option that names a mirror with the wheel of PyTorch, which pip finds wherever it looks."""
    folder = tmp_path_factory.mktemp("wheels")
    argv = ["download", "--quiet", "--no-deps", "--extra-index-url", INDEX, "--dest", str(folder), "torch==2.13.0+cpu"]
    subprocess.run([sys.executable, "-m", "pip", *argv], check=True)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
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
    assert spec_of(lab, "all-kinds")["inputs"][0] == {"source": "all-kinds.input0.bin", "value": "2x3xbf16"}
