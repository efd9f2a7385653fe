"""Models in containers, by the command that a user types, with each kind of engine."""

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import jsonschema
import numpy as np
import pytest

from harness.containers.build_context import this_harness
from tests.integration.dock import NAME, ROOT, Dock, Yard
from tests.integration.engines import USER
from tests.integration.laboratory import ENDLESS, OWN_PROCESS, A, B, Result, wait_for
from tests.integration.test_container_ends import phase, settle, started

SCHEMA = ROOT / "harness" / "report" / "results.schema.json"
# What a program sees that a model brings with it, in the log of its run.
LOOK = r"""
id -u
grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status | tr -s '\t' ' '
echo "init $(cat /proc/1/comm)"
for place in / /opt/iree-quality /etc SPECS; do touch $place/mark 2>/dev/null && echo "wrote $place"; done
python3.13 -c "import socket; socket.create_connection(('127.0.0.1', PORT), 3)" 2>/dev/null && echo connected
ls /sys/class/net
ls -d /var/run/docker.sock /run/podman 2>/dev/null
echo "pids $(cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null)"
echo "memory $(cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null)"
echo "files $(ulimit -n)"
for group in $(id -G); do echo "group $group"; done
python3.13 -c "import ctypes; print('get_mempolicy', ctypes.CDLL(None).syscall(239, 0, 0, 0, 0, 0))"
exec "$@"
"""


@pytest.fixture
def yard(each_dock: Dock, yards: Callable[..., Yard]) -> Yard:
    return yards(each_dock)


def of_tiny(yard: Yard, *arguments: str) -> Result:
    yard.specs = ROOT / "quality_tests"
    return yard.run("tiny/clip", *arguments)


def test_a_model_passes_and_the_results_say_where(yard: Yard) -> None:
    result = of_tiny(yard)
    assert result.verdict == (0, "passed", None), result.text
    jsonschema.validate(result.report, json.loads(SCHEMA.read_text()))
    environment = result.report["environment"]
    assert environment["engine"] == "container"
    with yard.dock.engine.client() as engine:
        about = engine.info
    assert environment["container_engine"] == {
        "name": about.name,
        "version": about.version,
        "rootless": yard.dock.engine.name == "rootless",
    }
    said = environment["image"]
    assert yard.dock.tag == f"localhost/iree-quality:{said['tag']}"
    assert said["id"] == yard.dock.engine.api.inspect_image(yard.dock.tag)["Id"]
    assert said["base"].startswith("debian-trixie@sha256:")
    assert said["harness"] == this_harness()
    assert environment["iree"]["release"] == "3.13.0"
    assert f"image {yard.dock.tag}" in result.text
    assert yard.left() == []


def test_what_has_been_compiled_is_not_compiled_again_and_needs_no_network(yard: Yard) -> None:
    yard.spec()
    assert yard.run().verdict == (0, "passed", None)
    again = yard.run("--offline", environment={"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"})
    assert again.verdict == (0, "passed", None), again.text
    assert [each["cached"] for each in again.case["modules"]] == [True]


def test_a_model_sees_and_may_do_the_least_that_it_needs(yard: Yard, server: str) -> None:
    seen = looked(yard, server)
    assert int(seen["identity"][0]) >= 10_000, "a user that owns nothing"
    assert {"CapEff: 0000000000000000", "CapBnd: 0000000000000000", "NoNewPrivs: 1", "Seccomp: 2"} <= seen["lines"]
    assert seen["lines"] & {"init docker-init", "init tini", "init podman-init", "init catatonit"}
    assert "lo" in seen["lines"]
    assert not {"eth0", "connected", "/var/run/docker.sock", "/run/podman"} & seen["lines"]
    assert [line for line in seen["lines"] if line.startswith("wrote ")] == []


def test_a_capability_is_there_where_it_is_asked_for(yard: Yard, server: str) -> None:
    assert "CapBnd: 0000000000800000" in looked(yard, server, "--cap", "SYS_NICE")["lines"]


def test_with_a_capability_a_user_may_say_which_memory_it_wants(
    dock: Dock, yards: Callable[..., Yard], server: str
) -> None:
    """Docker allows the system calls for NUMA only with SYS_NICE; Podman always does."""
    yard = yards(dock, user=USER)
    assert "get_mempolicy -1" in looked(yard, server)["lines"]
    assert {"CapEff: 0000000000000000", "get_mempolicy 0"} <= looked(yard, server, "--cap", "SYS_NICE")["lines"]


def test_a_model_has_limits_where_the_engine_can_set_them(yard: Yard, server: str) -> None:
    with yard.dock.engine.client() as engine:
        can_limit = engine.info.limits
    seen = looked(yard, server, "--memory", "3GiB")
    assert any(line.startswith("files ") for line in seen["lines"])
    assert ({"pids 32768", f"memory {3 << 30}"} <= seen["lines"]) is can_limit
    assert ("cannot limit memory and processes" in seen["text"]) is not can_limit


def looked(yard: Yard, server: str, *arguments: str) -> Any:
    """Return what a program sees in the container, from the log of the run."""
    yard.spec()
    script = LOOK.replace("SPECS", str(yard.model_dir)).replace("PORT", server.rpartition(":")[2])
    wrapper = yard.root / "specs" / "look"
    wrapper.write_text(f"#!/bin/sh{script}")
    wrapper.chmod(0o755)
    result = yard.run("--run-wrapper", str(wrapper), *arguments)
    assert result.verdict == (0, "passed", None), result.text
    lines = yard.log.splitlines()
    return {"identity": lines[:1], "lines": set(lines), "text": result.text}


def test_the_lines_of_the_tools_work_where_they_are_pasted(rootful: Dock, yards: Callable[..., Yard]) -> None:
    yard = yards(rootful)
    yard.spec(outputs=[yard.tensor("wrong.bin", 2 * (A + B), "4xf32")])
    result = yard.run()
    compiles, runs = yard.pasted(result, yard.variables)
    assert (compiles.returncode, runs.returncode) == (0, 0), compiles.stderr + runs.stderr
    (work,) = yard.out.glob(".work/*/*")
    assert np.load(work / "0.npy").tolist() == (A + B).tolist()
    assert yard.left() == []


def test_what_a_run_leaves_is_its_users(dock: Dock, yards: Callable[..., Yard]) -> None:
    yard = yards(dock, user=USER)
    yard.spec(outputs=[yard.tensor("wrong.bin", 2 * (A + B), "4xf32")])
    result = yard.run()
    assert result.verdict == (1, "failed", "numeric"), result.text
    assert list((yard.out / "outputs").rglob("*.npy")), "the wrong output is kept"
    assert list(yard.store_dir.glob("modules/*/*/*"))
    assert yard.left() == []


@pytest.mark.parametrize("name", ["created", "model runs"])
def test_a_harness_that_is_killed_leaves_nothing_in_any_engine(yard: Yard, name: str) -> None:
    yard.spec(mlir=yard.file("endless.mlir", ENDLESS))
    with started(yard) as child:
        wait_for(lambda: phase(yard, name))
        for pid in yard.processes(OWN_PROCESS):
            os.kill(pid, signal.SIGKILL)
        child.wait()
        settle(yard)
    yard.spec()
    after = yard.run()
    assert after.verdict == (0, "passed", None), after.text


def test_an_oracle_and_recorded_outputs_are_made_in_a_container(dock: Dock, yards: Callable[..., Yard]) -> None:
    yard = yards(dock, user=USER)
    vmvx = ["--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=vmvx"]
    yard.spec(outputs=None, compiler_flags=vmvx)
    result = yard.run("--oracle", "cpu")
    assert result.verdict == (0, "passed", None), result.text
    assert (result.case["oracle"], [each["max_abs_error"] for each in result.case["outputs"]]) == ("cpu", [0.0])
    done = yard.run("toy/add", "--reference", "local-sync", "--yes", command="bless")
    assert done.code == 0, done.text
    spec = json.loads((yard.model_dir / "add_cpu.json").read_text())
    assert spec["provenance"]["image"].startswith(f"{NAME}-"), spec["provenance"]
    assert np.load(yard.model_dir / spec["outputs"][0]["source"]).tolist() == (A + B).tolist()
    assert yard.left() == []
