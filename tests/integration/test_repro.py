"""Folders of cases: each repeats how its case ended, in an empty home, and without a network if it has all bytes."""

import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.integration.laboratory import ADD, ENDLESS, B, Laboratory, Result
from tests.integration.test_faults import UNREGISTERED
from tests.integration.warm import HARNESS, MEASURED, ran

TIMEOUT_S = 4  # of a run whose module is there: both cores compute all the time


@functools.cache
def cut_off() -> Sequence[str]:
    """Return what goes before a command to run it without a network."""
    ways = (["unshare", "--net"], ["unshare", "--user", "--map-root-user", "--net"])
    return next(way for way in ways if subprocess.run([*way, "true"], check=False, capture_output=True).returncode == 0)


def harness(lab: Laboratory, *words: str) -> Result:
    done = ran([*HARNESS, *words], cwd=lab.root, env=lab.environment)
    return Result(code=done.returncode, text=done.stdout + done.stderr, out_dir=lab.out)


def packed(lab: Laboratory, case: str, *words: str, results: str) -> Path:
    """Pack a case of a run."""
    folder = lab.root / f"repro-{case.rpartition('/')[2].partition('[')[0]}"
    done = harness(lab, "repro", results, case, "-o", str(folder), "--store", str(lab.store_dir), *words)
    assert done.code == 0, done.text
    return folder


def elsewhere(tmp_path: Path) -> dict[str, str]:
    """Return the environment of another user, who has the harness and nothing else."""
    home, bin_dir = tmp_path / "home", tmp_path / "bin"
    home.mkdir(exist_ok=True)
    bin_dir.mkdir(exist_ok=True)
    (bin_dir / "harness").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m harness "$@"\n')
    (bin_dir / "harness").chmod(0o755)
    kept = {name: os.environ[name] for name in (MEASURED, "LD_LIBRARY_PATH") if name in os.environ}
    return {"HOME": str(home), "PATH": f"{bin_dir}:/usr/bin:/bin", "BACKEND": "cuda", **kept}


def repeated(tmp_path: Path, folder: Path, *words: str, under: Sequence[str] = ()) -> Result:
    """Move a folder to another place, and run its script there."""
    there = tmp_path / "elsewhere" / folder.name
    there.parent.mkdir(exist_ok=True)
    folder.rename(there)
    argv = [*under, "sh", str(there / "run.sh"), *words]
    options: dict[str, Any] = {"cwd": "/", "env": elsewhere(tmp_path), "capture_output": True, "text": True}
    done = subprocess.run(argv, check=False, timeout=600, **options)
    return Result(code=done.returncode, text=done.stdout + done.stderr, out_dir=there / "out")


def test_cases_end_as_before_elsewhere_without_a_network(lab: Laboratory, server: str, tmp_path: Path) -> None:
    programs = {"good": ADD, "wrong": ADD, "crash": UNREGISTERED, "endless": ENDLESS}
    for name, program in programs.items():
        (tmp_path / "www" / f"{name}.mlir").write_text(program)
        lab.spec(f"{name}_cpu", mlir=f"{server}/{name}.mlir")
    lab.spec("wrong_cpu", mlir=f"{server}/wrong.mlir", outputs=[lab.tensor("wrong.npy", B)])
    run = lab.run("toy/good", "toy/wrong", "toy/crash")
    kinds = {case["submodel"]: case["kind"] for case in run.report["cases"]}
    assert kinds == {"good": None, "wrong": "numeric", "crash": "crash"}, run.text
    for words in (["--compile-only"], ["--timeout", str(TIMEOUT_S)]):
        lab.run("toy/endless", "--out", str(lab.root / "late"), *words)
    endings = {
        "good": "passed",
        "wrong": "failed (compare: numeric)",
        "crash": "failed (compile: crash)",
        "endless": "failed (run: timeout)",
    }
    whole = {"good", "crash"}  # a release each
    for name, ending in endings.items():
        words = ["--with-blobs"] if name in whole else []
        folder = packed(lab, f"toy/{name}", *words, results="late" if name == "endless" else "out")
        _has_nothing_private(folder, tmp_path)
        words = [] if name in whole else ["--store", str(lab.store_dir), "--offline"]
        done = repeated(tmp_path, folder, *words, under=cut_off())
        assert done.code == 0, done.text
        assert f"toy/{name}[cpu]: {ending}, as before" in done.text
        if name in whole:
            subprocess.run(["chmod", "-R", "u+w", str(done.out_dir.parent / "store")], check=True)
            shutil.rmtree(done.out_dir.parent / "store")
    crash = tmp_path / "elsewhere" / "repro-crash"
    assert "mlir_reproducer" in (crash / "reproducer.mlir").read_text()
    assert "Pipeline failed while executing `FormDispatchRegionsPass`" in (crash / "reproducer.log").read_text()
    assert list((tmp_path / "home").iterdir()) == []
    _changed(tmp_path, lab.store_dir)


def _has_nothing_private(folder: Path, tmp_path: Path) -> None:
    private = [each for each in folder.rglob("*") if each.suffix in {".json", ".md", ".sh", ".log"}]
    texts = {each: each.read_text() for each in private if "store" not in each.relative_to(folder).parts}
    assert not [each for each, text in texts.items() if str(tmp_path) in text or str(Path.home()) in text]


def _changed(tmp_path: Path, store_dir: Path) -> None:
    """Change what a folder expects, and run its script."""
    path = tmp_path / "elsewhere" / "repro-wrong" / "results.json"
    report = json.loads(path.read_text())
    report["cases"][0] |= {"status": "passed", "kind": None, "outputs": []}
    path.write_text(json.dumps(report))
    folder = path.parent.rename(tmp_path / "changed")
    done = repeated(tmp_path, folder, "--store", str(store_dir), "--offline")
    assert done.code == 1
    assert "toy/wrong[cpu]: ended as failed (compare: numeric), expected passed: output 0" in done.text
    assert "toy/wrong[cpu]: 1 outputs were compared, expected 0" in done.text


def test_what_cannot_be_repeated_is_refused(lab: Laboratory) -> None:
    lab.spec()
    lab.run()
    ours = ("--store", str(lab.store_dir))

    def refusal(*words: str, results: str = "out") -> str:
        done = harness(lab, "repro", results, *words, *ours)
        assert done.code == 2, done.text
        return done.text

    assert "toy/sub: no such case in out/results.json; name a case by its id, such as toy/add[cpu]." in refusal(
        "toy/sub", "-o", "new"
    )
    assert "nothing.json: cannot be read" in refusal("toy/add", "-o", "new", results="nothing.json")
    assert "out: exists and is no empty folder; name a new one with -o." in refusal("toy/add", "-o", "out")
    assert "has 4 cases" not in harness(lab, "repro", "check", "out").text
    report = json.loads((lab.out / "results.json").read_text())

    def hostile(**changes: Any) -> str:
        case = report["cases"][0] | changes
        (lab.root / "hostile.json").write_text(json.dumps(report | {"cases": [case]}))
        return refusal(case["id"], "-o", "new", results="hostile.json")

    assert "no model named '../../etc/x'" in hostile(model="../../etc", submodel="x")
    assert "the spec is not for this target any more" in hostile(id="toy/add[cuda]")
    assert "add_cpu.json: has changed since" in hostile(commands={"compile": ["iree-compile", "other.mlir"]})
    (lab.model_dir / "b.npy").write_bytes((lab.model_dir / "b.npy").read_bytes() + b"x")
    assert "b.npy: has changed since the results were written; run the case again" in refusal("toy/add", "-o", "new")
    assert not (lab.root / "new").exists() or not list((lab.root / "new").iterdir())
    done = ran([*HARNESS, "repro", "out", "toy/add", "-o", "new", *ours], cwd=lab.out, env=lab.environment)
    assert "out: cannot be read" in done.stderr
    done = ran([*HARNESS, "repro", ".", "toy/add", "-o", "new", *ours], cwd=lab.out, env=lab.environment)
    assert "The case ran with --specs" in done.stderr


def test_a_copy_of_a_file_has_to_be_allowed(lab: Laboratory, tmp_path: Path) -> None:
    secret = tmp_path / "secret.npy"
    lab.tensor("b.npy", B)
    shutil.copy(lab.model_dir / "b.npy", secret)
    lab.spec(inputs=[{"source": "a.bin", "value": "4xf32"}, {"source": f"file://{secret}"}])
    lab.run("--allow-path", str(secret))
    (lab.root / "sub").mkdir()
    words = ["repro", str(lab.out), "toy/add", "-o", "new", "--specs", str(lab.specs), "--store", str(lab.store_dir)]
    done = ran([*HARNESS, *words], cwd=lab.root / "sub", env=lab.environment)
    assert done.returncode == 2
    assert "add this option, if you trust them" in done.stderr
    done = ran([*HARNESS, *words, "--allow-path", str(secret)], cwd=lab.root / "sub", env=lab.environment)
    assert done.returncode == 0, done.stderr
    assert (lab.root / "sub" / "new" / "specs" / "toy" / "files" / "secret.npy").read_bytes() == secret.read_bytes()


def test_a_bundle_has_all_that_a_run_needs(lab: Laboratory, server: str, tmp_path: Path) -> None:
    lab.spec(mlir=f"{server}/add.mlir")
    shutil.copy(lab.model_dir / "add.mlir", tmp_path / "www")
    path = tmp_path / "toy.tar.zst"
    words = ["--specs", str(lab.specs), "--store", str(lab.store_dir), "-o", str(path)]
    done = harness(lab, "bundle", *words)
    assert done.code == 0, done.text
    assert "IREE 3.13.0, 1 blob, specs." in done.text
    options: dict[str, Any] = {"cwd": tmp_path, "capture_output": True, "text": True}
    environment = elsewhere(tmp_path) | {"BACKEND": "cpu"}
    load = [*cut_off(), "harness", "bundle", "load", path.name, "-o", "there"]
    loaded = subprocess.run(load, check=False, env=environment, **options)
    assert loaded.returncode == 0, loaded.stdout + loaded.stderr
    command = next(line for line in loaded.stdout.splitlines() if line.startswith("    harness quality"))
    ran_there = subprocess.run([*cut_off(), "sh", "-c", command], check=False, env=environment, **options)
    assert ran_there.returncode == 0, ran_there.stdout + ran_there.stderr
    assert "1 passed" in ran_there.stdout
