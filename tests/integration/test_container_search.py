"""A bisect in containers: each release has an image of its own."""

import hashlib
import json
import os
import shlex
import shutil
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.containers import debian, definitions
from harness.store.store import Store
from tests.integration import hip
from tests.integration.dock import NAME, Dock, Yard
from tests.integration.test_matrix import NAMED_ADD


def test_two_sides_are_timed_in_containers_on_one_core(rootful: Dock, yards: Callable[..., Yard]) -> None:
    yard = yards(rootful)
    yard.spec(device="local-sync")
    program = "import os, sys; print('cores', os.sched_getaffinity(0), flush=True); os.execv(sys.argv[1], sys.argv[1:])"
    wrapper = shlex.join(["python3.13", "-c", program])  # it prints its cores into the log, and starts the tool
    options = ["--time", "1", "--repetitions", "2", "--out", str(yard.out), "--run-wrapper", wrapper]
    result = yard.run(*options, "--against=--iree-opt-level=O1", command="bench")
    assert result.code == 0, result.text
    document: Any = json.loads((yard.out / "bench.json").read_text())
    assert [each["environment"]["engine"] for each in document["sides"]] == ["container"] * 2
    (case,) = document["cases"]
    assert case["rounds"]
    assert case["comparison"]["ratio"] > 0
    log = (yard.out / "sides/2/logs/toy/add-cpu/benchmark.log").read_text()
    assert f"cores {{{max(os.sched_getaffinity(0))}}}" in log
    assert yard.left() == []


def test_the_release_that_broke_a_program_is_found_in_containers(rootful: Dock, yards: Callable[..., Yard]) -> None:
    yard = yards(rootful, can_build=True)
    program = yard.model_dir / yard.file("named.mlir", NAMED_ADD)
    ends = ["--good", "3.12.0", "--bad", "3.13.0", "--out", str(yard.out)]
    inputs = ["--function", "add", "--input", "4xf32=1", "--input", "4xf32=2", "--repeat", "3"]
    result = yard.run(str(program), *inputs, *ends, command="bisect")
    assert result.code == 0, result.text
    document: Any = json.loads((yard.out / "bisect.json").read_text())
    assert (document["result"]["kind"], document["result"]["first"]) == ("first-bad", "3.13.0")
    assert [probe["status"] for probe in document["probes"]] == ["failed", "ran"]
    results = json.loads((yard.out / "probes" / "3.12.0" / "results.json").read_text())
    assert results["environment"]["engine"] == "container"
    assert results["environment"]["image"]["tag"].startswith(f"{NAME}-3.12.0-")
    assert f"--image {NAME}" in document["commands"]["3.12.0"]
    assert yard.left() == []
    rootful.engine.api.remove_image(f"localhost/iree-quality:{results['environment']['image']['tag']}")


def with_library(yard: Yard, name: str, library: Path) -> None:
    """Define an image: that for the CPU, with a HIP runtime in its base."""
    pins = yard.containers / definitions.IMAGES_NAME
    base = definitions.load(yard.containers)[NAME].base
    assert isinstance(base, definitions.Bootstrapped)
    with Store(yard.store_dir) as store:
        entry = store.find("bases", base.sha256)
        assert entry is not None
        tar = yard.root / f"{name}.tar"
        shutil.copyfile(entry.path / debian.TAR_NAME, tar)
        with tarfile.open(tar, "a") as file:
            file.add(library.resolve(), f"./usr/lib/{hip.LIBRARY}")
        digest = hashlib.sha256(tar.read_bytes()).hexdigest()

        def move(to: Path) -> Mapping[str, str]:
            shutil.move(tar, to / debian.TAR_NAME)
            return {debian.TAR_NAME: digest}

        store.provide("bases", digest, move)
    table = pins.read_text().partition(f"[{NAME}]")[2].partition("\n\n")[0].replace(base.sha256, digest)
    pins.write_text(f'{pins.read_text()}\n[{name}]{table}\nhip = "/usr/lib/{hip.LIBRARY}"\n')


def test_the_image_that_broke_a_program_is_found(dock: Dock, yards: Callable[..., Yard], hip_library: Path) -> None:
    yard = yards(dock, can_build=True)
    hip.sums(yard, "add")
    with_library(yard, "rocm-new", hip.build(yard.root, "wrong=elementwise"))
    with_library(yard, "rocm-old", hip_library)
    images = ("--image", "rocm-old", "--image", "rocm-new")
    result = yard.run("--chip", hip.CHIP, *images, "--out", str(yard.out), "--jobs", "1", command="matrix")
    document: Any = json.loads((yard.out / "matrix.json").read_text())
    found = {cell["release"]: (cell["status"], cell["kind"]) for cell in document["cells"]}
    assert found == {NAME: ("error", "device"), "rocm-old": ("passed", None), "rocm-new": ("failed", "numeric")}, result
    assert "rocm-old passed -> rocm-new failed (numeric: " in result.text
    asked = ("toy/add", "--chip", hip.CHIP, "--over", "images", "--good", "rocm-old", "--repeat", "1")
    result = yard.run(*asked, *images, "--out", str(yard.root / "bisect"), command="bisect")
    assert "First bad image: rocm-new (last good: rocm-old)" in result.text
    assert "Tested 2 of 2 images" in result.text
    assert yard.left() == []
    for name in ("rocm-old", "rocm-new"):
        facts = json.loads((yard.out / "probes" / name / "results.json").read_text())["environment"]["image"]
        dock.engine.api.remove_image(f"localhost/iree-quality:{facts['tag']}")
