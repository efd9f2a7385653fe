"""`harness new --jax` with the real JAX, in an environment of its own."""

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.cli.command_line import main
from harness.core.provenance import ProgramSource
from harness.core.records import read
from tests.integration.laboratory import Laboratory, clean_environment

New = Callable[..., tuple[int, str]]
Lines = Callable[..., tuple[int, list[str]]]
pytestmark = pytest.mark.usefixtures("jax_ready")
STEP = """
import jax
import jax.numpy as jnp
from layers import hidden

def loss(params, x, y):
    return jnp.mean((hidden(params, x) @ params["w2"] - y) ** 2), jnp.sum(x > 0)

def step(params, x, *, y):
    (value, count), gradient = jax.value_and_grad(loss, has_aux=True)(params, x, y)
    return {"loss": value, "count": count, "params": jax.tree.map(lambda p, g: p - 0.1 * g, params, gradient)}

def make():
    print("making the model")
    w1, w2, x, y = (jax.random.normal(jax.random.key(i), (8, 8)) / 4 for i in range(4))
    return jax.jit(step), ({"w1": w1, "w2": w2, "b1": 0.5}, x), {"y": y}
"""
LAYERS = """
import jax

def hidden(params, x):
    return jax.scipy.special.erf(x @ params["w1"] + params["b1"])
"""


@pytest.fixture
def new(lab: Laboratory, capsys: pytest.CaptureFixture[str]) -> New:
    """Return a function that imports a model without running it, in this process, and returns code and text."""

    def imported(code: str, *options: str) -> tuple[int, str]:
        (lab.root / "model.py").write_text(code)
        argv = ("new", "net/step", f"--jax={lab.root}/model.py:make", "--no-run", "--offline", *options)
        places = (f"--specs={lab.specs}", f"--store={lab.store_dir}")
        ended = main([*argv, *places], clean_environment())
        said = capsys.readouterr()
        return ended, said.out + said.err

    return imported


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """Return a function that runs a command line in this process, and returns its code and the lines it printed."""

    def ran(*argv: str) -> tuple[int, list[str]]:
        code = main(argv, clean_environment())
        said = capsys.readouterr()
        return code, [line for line in (said.out + said.err).splitlines() if "exporting" not in line]

    return ran


def spec_of(lab: Laboratory) -> Any:
    return json.loads((lab.specs / "net/step_cpu.json").read_text())


def test_one_command_says_if_iree_computes_what_jax_does(lab: Laboratory, new: New) -> None:
    (lab.root / "layers.py").write_text(LAYERS)
    assert new(STEP) == (0, f"exporting model.py and running it with JAX\nwritten   {lab.specs}/net/step_cpu.json\n")
    source = read(ProgramSource, spec_of(lab)["provenance"]["source"])
    assert (source.framework, source.seed, list(source.files)) == ("jax", 0, ["model.py", "layers.py"])
    assert source.importer == source.reference == f"JAX {source.versions['jax']}"
    assert source.command == "harness new net/step --jax model.py:make --seed=0"
    program = lab.specs / "net/step.mlir"
    assert str(lab.root) not in program.read_text()
    checked = lab.run()
    assert checked.verdict == (0, "passed", None), checked.text
    assert len(checked.case["outputs"]) == 5
    assert f"program: {source}" in checked.case["notes"]
    # The releases before 3.12.0 know no composite operations.
    assert lab.run("--iree", "3.0.0").verdict == (0, "passed", None)
    weights = lab.specs / "net/step.input1.npy"
    np.save(weights, np.load(weights) * np.float32(1.5))
    assert lab.run().verdict == (1, "failed", "numeric")


def test_inputs_may_be_given(lab: Laboratory, new: New) -> None:
    code = "import jax.numpy as jnp\ndef make():\n  return lambda x: jnp.sin(x), (jnp.ones((2, 3), jnp.float16),)"
    lab.tensor("x.npy", np.full((2, 3), 0.25, np.float16))
    ended, text = new(code, "--input=@toy/x.npy")
    assert ended == 0, text
    assert np.load(lab.specs / "net/step.output0.npy") == pytest.approx(np.sin(np.full((2, 3), 0.25)), abs=1e-3)
    assert spec_of(lab)["threshold_args"] == ["--expected_f16_threshold=0.02"]
    assert spec_of(lab)["provenance"]["source"]["command"].endswith(" --seed=0 --input=@toy/x.npy")


PLAIN = """
import jax.numpy as jnp
import numpy as np

def make():
    return lambda x, w: jnp.tanh(x @ w) * SCALE, (np.random.standard_normal((2, 4)).astype("f4"), jnp.eye(4))
"""


def test_an_import_is_done_again_and_what_changed_is_told(lab: Laboratory, new: New, lines: Lines) -> None:
    assert new(PLAIN.replace("SCALE", "1.0"), "--seed=7")[0] == 0
    path = lab.specs / "net/step_cpu.json"
    spec = spec_of(lab)
    assert spec["provenance"]["source"]["folder"] == "../.."
    path.write_text(json.dumps(spec | {"threshold_args": ["--expected_f32_threshold=1e-6"], "markers": ["nightly"]}))
    again = ("new", f"--again={path}", f"--store={lab.store_dir}", "--offline", "--no-run")
    assert lines(*again) == (0, [f"unchanged  {path}: program, inputs and expected outputs are the same as before"])
    (lab.root / "model.py").write_text(PLAIN.replace("SCALE", "2.0"))
    before = path.read_text()
    code, told = lines(*again)
    assert code == 1
    assert [line.split(":")[0] for line in told[:3]] == [
        "source    model.py",
        "changed   step.mlir",
        "changed   step.output0.npy",
    ]
    assert re.search(r"largest difference 0\.\d+, largest value 1\.\d+$", told[2])
    assert told[-1] == "Nothing was written; add --yes to write these changes."
    assert path.read_text() == before
    assert lines(*again, "--yes")[1][-1] == f"written   {path}"
    spec = spec_of(lab)
    assert (spec["threshold_args"], spec["markers"]) == (["--expected_f32_threshold=1e-6"], ["nightly"])
    assert spec["provenance"]["source"]["files"]["model.py"] in told[0].replace("-> ", "") or told[0].startswith(
        "source"
    )
    checked = lab.run()
    assert checked.verdict == (0, "passed", None), checked.text
    (lab.root / "model.py").unlink()
    assert lines(*again)[1][-1].endswith(f"put the model there, where it was when {path} was written.")


def test_only_an_import_can_be_done_again(lab: Laboratory, lines: Lines) -> None:
    lab.spec()
    path = lab.model_dir / "add_cpu.json"
    assert lines("new", f"--again={path}")[1] == [
        f"error: {path}: was not written by an import; expected a spec with 'provenance.source'."
    ]
    source = {"framework": "jax", "files": {"m.py": "0"}, "importer": "", "reference": "", "versions": {}, "date": ""}
    for command, message in (("harness quality x", "expected `harness new ...`"), ("harness new --bad", "")):
        lab.spec(provenance={"source": source | {"command": command}})
        code, told = lines("new", f"--again={path}")
        assert (code, len(told), message in told[0]) == (2, 1, True), told
    assert lines("new", f"--again={path}.no")[1][0].startswith(f"error: {path}.no: cannot be read (")
    assert "has no effect with --again" in lines("new", "a/b", f"--again={path}")[1][0]
    assert "has no effect without --again" in lines("new", "a/b", "--mlir=x", "--yes")[1][0]


ARRAY = "import jax, jax.numpy as jnp\nx = jnp.ones(3)\n"
REFUSED = {
    "raises": (
        "def make():\n  raise ValueError('no weights')",
        (),
        3,
        r"model.py raised ValueError at line 2: no weig",
    ),
    "syntax": ("def make(:\n", (), 3, r"model.py raised SyntaxError at line 1: "),
    "missing": ("import nothing_like_it", (), 3, r"model.py raised ModuleNotFoundError at line 1: No module named"),
    "ends": ("import sys\ndef make():\n  sys.exit(0)", (), 3, r"model.py raised SystemExit at line 3: 0"),
    "dict": (
        "def make():\n  return {'f': 1}",
        (),
        3,
        r"model.py returned dict from make\(\); expected a function and a ",
    ),
    "order": (
        "def make():\n  return (1, 2), len",
        (),
        3,
        r"model.py returned \(tuple, builtin_function_or_method\) from",
    ),
    "other": ("def build():\n  pass", (), 2, r"model.py: it has no function 'make'; it has build\.$"),
    "slow": (
        "import time\ndef make():\n  time.sleep(60)",
        ("--timeout=0.3",),
        3,
        r"JAX was stopped after 0.3 s; allow ",
    ),
    "killed": (
        "import os\ndef make():\n  os.kill(os.getpid(), 9)",
        (),
        3,
        r"import: model.py: JAX was ended by SIGKILL",
    ),
    "text": (
        ARRAY + "def make():\n  return jnp.sin, ('x',)",
        (),
        3,
        r"model.py has a str as argument \[0\]\[0\]; expect",
    ),
    "key": (
        ARRAY + "def make():\n  return jnp.sin, (jax.random.key(0),)",
        (),
        3,
        r"model.py has a random key as argum",
    ),
    "shape": (
        ARRAY + "def make():\n  return jnp.dot, (x, x[:2])",
        (),
        3,
        r"model.py raised TypeError: .*[^.]\.$",
    ),
    "given": (
        ARRAY + "def make():\n  return jnp.sin, (x,)",
        ("--input=@a.npy",),
        2,
        r"is float32\[3\], and --input has ",
    ),
    "importer": (ARRAY, ("--importer=3.9.0",), 2, r"--importer has no effect with --jax"),
    "dimension": (ARRAY, ("--dim=batch=2",), 2, r"--dim has no effect with --jax"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_exported_gets_one_error(lab: Laboratory, new: New, case: str) -> None:
    code, options, expected, message = REFUSED[case]
    np.save(lab.specs / "a.npy", np.ones((2, 8), np.float32))
    ended, text = new(code, *options)
    assert (ended, bool(re.search(message, text.splitlines()[-1]))) == (expected, True), text
    assert [line.startswith("error: ") for line in text.splitlines()].count(True) == 1
    assert not (lab.specs / "net").exists()


def test_the_function_of_a_file_is_named(lab: Laboratory, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("model.py", "model.txt:make", "model.py:a b"):
        assert main(["new", "net/step", f"--jax={text}", f"--specs={lab.specs}"], clean_environment()) == 2
        assert "expected FILE.py:FUNCTION, such as model.py:make" in capsys.readouterr().err
    assert main(["new", "net/step", "--jax=lost.py:make", f"--specs={lab.specs}"], clean_environment()) == 2
    assert "error: --jax lost.py: no such file; check the path." in capsys.readouterr().err
