"""Models in containers of a real Apptainer, on behalf of a user without any rights."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest

from tests.integration.dock import NAME, ROOT, Supplies, hand_over, open_folder, opening
from tests.integration.engines import USER
from tests.integration.laboratory import ENDLESS, Laboratory, wait_for

SCHEMA = ROOT / "harness" / "report" / "results.schema.json"
# Debian 12 has no Apptainer, and that of sid needs a newer C library. So both are laid over the system, for the command
# and its children only.
_EXTRACT = ("mmdebstrap", "--mode=root", "--variant=extract", "--architectures=amd64", "--components=main")
_OPTIONS = ('Acquire::Check-Valid-Until "false"', 'Acquire::Languages "none"', 'APT::Install-Recommends "false"')
_LAID_OVER = "mount -t overlay -o lowerdir={over}/{name}:/{name} overlay /{name} && "
LOOK = r"""#!/bin/sh
id -u
grep -E '^(CapEff|CapBnd|NoNewPrivs):' /proc/self/status | tr -s '\t' ' '
for place in / /opt/iree-quality/toolchain /etc; do touch $place/mark 2>/dev/null && echo "wrote $place"; done
echo "first $(cat /proc/1/comm)"
echo "network $(tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ')"
ls -d FOLDER /home/* /root/* 2>/dev/null
env | grep SECRET
exec "$@"
"""


@pytest.fixture(scope="module")
def overlay(able_to_start_containers: None) -> Iterator[Path]:  # noqa: ARG001
    """Return a folder with Apptainer and all that it needs, in the folders where the system would have it."""
    with open_folder() as folder:
        over = folder / "over"
        options = [*(f"--aptopt={each}" for each in _OPTIONS), "--dpkgopt=path-exclude=/usr/share/*"]
        subprocess.run([*_EXTRACT, "--include=apptainer", *options, "sid", over], check=True, capture_output=True)
        for name, more in (("passwd", f"{USER}::/nonexistent:/bin/sh"), ("group", "")):
            (over / "etc" / name).write_text(f"{Path('/etc', name).read_text()}tester:x:{USER}:{more}\n")
        yield over


class Cluster(Laboratory):
    """A laboratory whose command is that of a user who has Apptainer."""

    def __init__(self, root: Path, overlay: Path, supplies: Supplies) -> None:
        skipped = shutil.ignore_patterns("tmp")
        super().__init__(root, Path(shutil.copytree(supplies.store_dir, root / "store", ignore=skipped)))
        self.containers = shutil.copytree(supplies.containers, root / "containers")
        self.overlay = overlay

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "APPTAINER_BIND": "/etc", "APPTAINERENV_SECRET": "2", "SECRET": "1"}

    def argv(self, *arguments: str, command: str = "quality") -> list[str]:
        hand_over(self.root, USER)
        layers = "".join(_LAID_OVER.format(over=self.overlay, name=name) for name in ("etc", "usr", "var"))
        script = f'{opening()}{layers} exec setpriv --reuid {USER} --regid {USER} --clear-groups --no-new-privs "$@"'
        engine = ("--engine", "apptainer", "--image", NAME, "--containers", str(self.containers))
        return ["unshare", "--mount", "sh", "-c", script, "sh", *super().argv(*engine, *arguments, command=command)]

    def alive(self, name: str) -> list[str]:
        """Return the processes of a name that name our folders, or see one of them in a container."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                line = (path / "cmdline").read_text(errors="replace")
                if name in line and str(self.root) in line + (path / "mountinfo").read_text():
                    found.append(f"{path.name} {line}")
            except OSError:
                continue
        return found


@pytest.fixture
def cluster(overlay: Path, image_supplies: Supplies) -> Iterator[Cluster]:
    with open_folder() as folder:
        yield Cluster(folder, overlay, image_supplies)


def test_a_model_passes_and_its_tool_sees_nothing_else(cluster: Cluster) -> None:
    cluster.spec()
    look = cluster.root / "look, and go"
    look.write_text(LOOK.replace("FOLDER", str(cluster.root)))
    look.chmod(0o755)
    result = cluster.run("--run-wrapper", f"'{look}'")
    assert result.verdict == (0, "passed", None), result.text
    jsonschema.validate(result.report, json.loads(SCHEMA.read_text()))
    environment = result.report["environment"]
    assert environment["engine"] == "container"
    engine = environment["container_engine"]
    assert re.fullmatch(r"1\.\d+\.\d+.*", engine.pop("version"))
    assert engine == {"name": "apptainer", "rootless": True}
    assert environment["image"]["base"] == f"debian-trixie@{environment['image']['id']}"
    log = Path(cluster.out, result.case["logs"]["run"]).read_text().splitlines()
    assert log[1:8] == [
        str(USER),
        *(f"{name}: 0000000000000000" for name in ("CapEff", "CapBnd")),
        *("NoNewPrivs: 1", "first appinit", "network lo"),
        "EXEC @add",
    ]
    assert not list(cluster.store_dir.glob("tmp/*"))


def test_a_killed_harness_leaves_nothing(cluster: Cluster) -> None:
    cluster.spec(mlir=cluster.file("endless.mlir", ENDLESS))
    argv = cluster.argv()
    with subprocess.Popen(argv, env=cluster.environment, cwd=cluster.root, stderr=subprocess.DEVNULL) as child:
        wait_for(lambda: any("apptainer" not in each for each in cluster.alive("iree-run-module")))
        child.kill()
    wait_for(lambda: not cluster.alive(""))
