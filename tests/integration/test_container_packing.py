"""What runs in a container, packed for elsewhere: a case in its folder, and a bundle with the image."""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.integration.dock import NAME, Dock, Yard
from tests.integration.laboratory import Result
from tests.integration.test_repro import cut_off, elsewhere
from tests.integration.warm import HARNESS, ran


def called(yard: Yard, *words: str) -> Result:
    done = ran([*HARNESS, *words], cwd=yard.root, env=yard.environment | yard.variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return Result(code=0, text=done.stdout + done.stderr, out_dir=yard.out)


def there(yard: Yard, argv: Sequence[str], home: Path) -> str:
    """Run a command as somebody who has the harness and the engine, and no network, and return what it prints."""
    environment = elsewhere(home) | yard.dock.engine.environment | {"BACKEND": "cpu"}
    options = {"cwd": home, "env": environment, "capture_output": True, "text": True}
    done = subprocess.run([*cut_off(), *argv], check=False, timeout=600, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


def test_a_container_is_packed(dock: Dock, yards: Callable[..., Yard], tmp_path: Path) -> None:
    yard = yards(dock, can_build=True)
    yard.spec()
    assert yard.run().verdict == (0, "passed", None)
    store, definitions = ["--store", str(dock.store_dir)], ["--containers", str(yard.containers)]
    called(yard, "repro", str(yard.out), "toy/add", "-o", "case", "--with-blobs", *store)
    (yard.root / "case").rename(tmp_path / "case")
    said = there(yard, ["sh", str(tmp_path / "case" / "run.sh"), *definitions], tmp_path)
    assert "toy/add[cpu]: passed, as before" in said
    # The image comes from the bundle alone, and so does all else.
    engine = ["--engine", dock.engine.option, *definitions]
    written = called(yard, "bundle", "--specs", str(yard.specs), "--image", NAME, *engine, *store, "-o", "toy.tar.zst")
    assert f"specs, image {NAME}." in written.text
    bundle, before = str(yard.root / "toy.tar.zst"), dock.engine.api.inspect_image(dock.tag)["Id"]
    dock.engine.api.remove_image(dock.tag)
    loaded = there(yard, ["harness", "bundle", "load", bundle, "-o", "there", "--trust", *engine], tmp_path)
    assert f"Loaded: {dock.tag} into {dock.engine.option}." in loaded
    assert dock.engine.api.inspect_image(dock.tag)["Id"] == before
    there(yard, ["sh", "-c", f"{loaded.splitlines()[-1]} --out out"], tmp_path)
    report = json.loads((tmp_path / "out" / "results.json").read_text())
    assert ([case["status"] for case in report["cases"]], report["environment"]["engine"]) == (["passed"], "container")
