"""Steps on a cluster of real processes, some of which die, freeze, or have full disks."""

import contextlib
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from harness.iree.toolchain import Toolchain
from harness.store import scratch
from tests.integration.clusters import Cluster
from tests.integration.laboratory import (
    ADD,
    BACKENDS,
    ENDLESS,
    NEWEST,
    A,
    B,
    Laboratory,
    Result,
    assert_nothing_is_left,
    clean_environment,
)
from tests.integration.range_server import RangeServer
from tests.patience import PATIENCE_S, comes_true
from tests.unit.store.test_upstream import pem

JOBS, PROGRAMS, WORKERS = 60, 6, 3


@pytest.fixture(scope="module")
def tools(toolchain: Callable[[str], Toolchain]) -> Path:
    """Return the folder of an IREE that is installed."""
    return toolchain(NEWEST).iree_compile.parents[3]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, tools: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster"), tools) as running:
        running.add()
        running.add()
        yield running


def on(cluster: Cluster, wait_s: float = 60.0) -> tuple[str, ...]:
    return ("--scheduler", cluster.address, "--worker-wait", str(wait_s))


def jobs(lab: Laboratory, count: int = JOBS) -> dict[str, str]:
    """Write specs of few programs and many inputs, and return the status that each case must have."""
    for number in range(count):
        program = ADD.replace("{", f"{{ // {number % PROGRAMS}", 1)
        lab.spec(
            f"job{number}_cpu",
            mlir=lab.file(f"job{number % PROGRAMS}.mlir", program),
            inputs=[lab.tensor(f"a{number}.npy", A + np.float32(number)), {"source": "b.npy"}],
            outputs=[lab.tensor(f"sum{number}.npy", A + B + np.float32(number + (number % 10 == 7)))],
        )
    (lab.model_dir / "add_cpu.json").unlink(missing_ok=True)
    return {f"toy/job{number}[cpu]": "failed" if number % 10 == 7 else "passed" for number in range(count)}


def test_a_case_has_the_same_result_as_on_one_machine(cluster: Cluster, lab: Laboratory, tmp_path: Path) -> None:
    lab.spec()
    lab.spec("wrong_cpu", outputs=[lab.tensor("wrong.npy", A)])
    lab.spec("refused_cpu", mlir=lab.file("refused.mlir", "func.func @add() {"))
    here = lab.run("--engine", "local").report
    there = lab.run(*on(cluster), "--store", str(tmp_path / "store"))
    same = ("id", "status", "kind", "phase", "reason", "outputs", "notes", "tags")
    assert [{name: case.get(name) for name in same} for case in there.report["cases"]] == [
        {name: case.get(name) for name in same} for case in here["cases"]
    ]
    for case in there.report["cases"]:
        assert all((lab.out / path).is_file() for path in case["logs"].values())
    ran = next(case for case in there.report["cases"] if case["id"] == "toy/add[cpu]")
    assert {step["resource"].split()[0] for step in ran["steps"] if step["step"] in {"compile", "run"}} <= {"w1", "w2"}
    assert there.report["environment"]["cluster"]["workers"] == ["w1", "w2"]
    wrong = next(case for case in there.report["cases"] if case["id"] == "toy/wrong[cpu]")
    assert list((lab.out / wrong["kept"]).iterdir())
    assert [each.returncode for each in lab.pasted(there)]


def test_what_is_locked_is_downloaded_by_workers_alone(cluster: Cluster, lab: Laboratory, tmp_path: Path) -> None:
    with RangeServer({"/add.mlir": ADD.encode(), "/a.bin": A.tobytes()}) as server:
        inputs = [{"source": server.url("/a.bin"), "value": "4xf32"}, {"source": "b.npy"}]
        lab.spec(mlir=server.url("/add.mlir"), inputs=inputs)
        assert lab.run(command="lock").code == 0
        store = tmp_path / "store"
        done = lab.run(*on(cluster), "--store", str(store))
        assert done.verdict == (0, "passed", None), done.text
        assert not (store / "blobs").exists()
        workers = [cluster.root / name / "blobs" for name in ("w1", "w2")]
        assert sum(len(list(each.glob("*/*"))) for each in workers if each.exists()) in {2, 3}


def test_modules_for_one_machine_alone_stay_out_of_a_shared_store(
    cluster: Cluster, lab: Laboratory, tmp_path: Path
) -> None:
    key = tmp_path / "store.key"
    key.write_bytes(pem(Ed25519PrivateKey.generate())[0])
    _, flags = BACKENDS["cpu"]
    shared = tmp_path / "shared"
    shared.mkdir()
    places = ["--store", str(tmp_path / "store"), "--store-url", shared.as_uri(), "--store-key-file", str(key)]
    asked = [*on(cluster), *places, "--trust-flags"]
    lab.spec(compiler_flags=[*flags, f"--dump-compilation-phases-to={tmp_path / 'phases'}"])
    private = lab.run(*asked)
    assert private.verdict == (0, "passed", None), private.text
    assert not (shared / "modules").exists()
    lab.spec()
    common = lab.run(*asked)
    assert common.verdict == (0, "passed", None), common.text
    assert list((shared / "modules").iterdir())


def test_a_chip_that_no_worker_has_is_an_error_after_a_time(cluster: Cluster, lab: Laboratory) -> None:
    lab.spec("add_rocm")
    done = lab.run("toy/add", "--backend", "rocm", "--chip", "gfx950", *on(cluster, wait_s=1))
    assert done.verdict == (3, "error", "device")
    assert done.case["reason"].startswith(
        f"No worker of {cluster.address} has gfx950: there are 2 workers with compile, "
    )
    assert done.case["modules"]  # which was compiled where no GPU is


def test_without_a_gpu_in_the_cluster_a_chip_has_to_be_named(cluster: Cluster, lab: Laboratory) -> None:
    lab.spec("add_rocm")
    done = lab.run("--backend", "rocm", *on(cluster))
    assert done.code == 2
    assert "has a GPU for --backend rocm yet; name the chip with --chip." in done.text


def test_what_is_stopped_here_is_stopped_there(cluster: Cluster, lab: Laboratory) -> None:
    lab.run_program(ENDLESS.replace("@add", "@f"), "--compile-only")  # which the cache has then
    lab.spec(mlir=lab.file("endless.mlir", ENDLESS))
    done = lab.interrupted("toy/add", *on(cluster), until=lambda: bool(_running("iree-run-module", cluster)))
    assert done.code == 130, done.text
    assert comes_true(lambda: not _running("iree-run-module", cluster), PATIENCE_S)


def _running(program: str, cluster: Cluster) -> list[str]:
    """Return the command lines of programs that workers of a cluster run."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            where = str((path / "cwd").readlink())
            line = (path / "cmdline").read_bytes().decode(errors="replace")
            found += [line] if where.startswith(str(cluster.root)) and program in line else []
    return found


def test_a_worker_that_fails_where_others_do_not_gets_no_more_work(
    lab: Laboratory, tools: Path, tmp_path: Path
) -> None:
    expected = jobs(lab, 30)
    broken = tmp_path / "broken"
    shutil.copytree(tools, broken)
    next(broken.rglob("_runtime_libs/iree-run-module")).write_bytes(b"\x7fELF, cut off")
    with Cluster(tmp_path, tools) as cluster:
        bad = cluster.add("--toolchain", str(broken))
        cluster.add()
        done = lab.run(*on(cluster), "--store", str(tmp_path / "store"))
        assert [(case["id"], case["status"]) for case in done.report["cases"]] == sorted(expected.items()), done.text
        assert "w1 gets no more work, for it failed where others did not: tool: " in done.text
        assert bad.child.wait(PATIENCE_S) == 3
        assert "A command sent this worker away" in bad.text


def test_a_scheduler_that_dies_ends_the_command_and_the_same_command_goes_on(
    lab: Laboratory, tools: Path, tmp_path: Path
) -> None:
    expected = jobs(lab, 20)
    words = ("--reuse-passed", "--store", str(tmp_path / "store"))
    with Cluster(tmp_path, tools) as cluster:
        worker = cluster.add()
        log = lab.root / "run.log"
        with log.open("w") as file:
            argv = lab.argv(*on(cluster), *words)
            with subprocess.Popen(argv, stdout=file, stderr=file, cwd=lab.root, env=lab.environment) as child:
                assert comes_true(lambda: log.read_text().count("PASSED") > 3, PATIENCE_S)
                cluster.scheduler.send(signal.SIGKILL)
                assert child.wait(PATIENCE_S) in {1, 3}  # with 1, one of those that have to fail had failed
        assert f"{cluster.address}: the scheduler is gone; start it again and repeat this command" in log.read_text()
        port = int(cluster.address.rpartition(":")[2])
        with Cluster(lab.root, tools, port=port) as again:
            worker.says(re.compile("the scheduler is gone; trying again"))
            done = lab.run(*on(again), *words)
            assert [(case["id"], case["status"]) for case in done.report["cases"]] == sorted(expected.items())
            assert sum(bool(case["reused"]) for case in done.report["cases"]) > 3


def test_elsewhere_than_on_loopback_it_takes_certificates(lab: Laboratory, tools: Path, tmp_path: Path) -> None:
    lab.spec()
    refused = lab.run("--scheduler", "tcp://192.0.2.1:8786")
    assert refused.code == 2
    assert "use tls://192.0.2.1:8786 with --certificates DIR" in refused.text
    authority, folder = trustme.CA(), tmp_path / "certificates"
    _certificates(folder, authority)
    with Cluster(tmp_path, tools, scheme="tls", certificates=folder) as cluster:
        cluster.add()
        done = lab.run(*on(cluster), "--certificates", str(folder))
        assert done.verdict == (0, "passed", None), done.text
        _certificates(tmp_path / "others", trustme.CA())
        other = lab.run(*on(cluster), "--certificates", str(tmp_path / "others"))
        assert other.code == 3
        assert "no scheduler answers" in other.text


def _certificates(folder: Path, authority: trustme.CA) -> None:
    folder.mkdir()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    for blob in issued.cert_chain_pems:
        blob.write_to_path(str(folder / "cert.pem"), append=True)


def test_a_worker_that_another_tool_of_dask_starts_does_steps(lab: Laboratory, tools: Path, tmp_path: Path) -> None:
    lab.spec()
    with Cluster(tmp_path, tools) as cluster:
        store = tmp_path / "cache/iree-quality-harness"
        store.parent.mkdir()
        store.symlink_to(lab.store_dir)  # which has the release
        argv = ["dask", "worker", cluster.address, "--preload", "harness.cluster.preload", "--name", "theirs"]
        environment = clean_environment() | {"XDG_CACHE_HOME": str(store.parent)}
        with subprocess.Popen(
            [sys.executable, "-m", *argv, "--nthreads", "4", "--no-dashboard"],
            cwd=tmp_path,
            env=environment,
            stderr=subprocess.DEVNULL,
        ) as child:
            try:
                done = lab.run(*on(cluster))
            finally:
                child.terminate()
        scratch.sweep(lab.store_dir)  # as the next worker does
        assert done.verdict == (0, "passed", None), done.text
        assert done.report["environment"]["cluster"]["workers"] == ["theirs"]


def test_workers_on_this_machine_live_as_long_as_the_command(lab: Laboratory) -> None:
    lab.spec()
    done = lab.run("--cluster", "local:2")
    assert done.verdict == (0, "passed", None), done.text
    assert done.report["environment"]["cluster"]["workers"] == ["local-1", "local-2"]
    assert_nothing_is_left(lab)
    assert not lab.processes("--name local-")


def test_an_address_without_a_scheduler_is_told(lab: Laboratory) -> None:
    lab.spec()
    done = lab.run("--scheduler", "tcp://127.0.0.1:9")
    assert done.code == 3
    assert "tcp://127.0.0.1:9: no scheduler answers" in done.text
    assert "harness cluster scheduler" in done.text


@pytest.mark.parametrize("rounds", [3, 20])
def test_workers_that_die_or_freeze_lose_no_case_and_repeat_none(
    lab: Laboratory, tools: Path, tmp_path: Path, rounds: int
) -> None:
    expected, chance = jobs(lab), random.Random(rounds)  # noqa: S311 - chooses victims
    with Cluster(tmp_path, tools) as cluster:
        for _ in range(WORKERS):
            cluster.add()
        for number in range(rounds):
            done = _run_among_failures(lab, cluster, tmp_path / f"store-{number}", chance)
            cases = done.report["cases"]
            assert [(case["id"], case["status"]) for case in cases] == sorted(expected.items()), done.text
            assert done.text.count("PASSED ") == list(expected.values()).count("passed")
            assert done.code == 1


def _run_among_failures(lab: Laboratory, cluster: Cluster, store: Path, chance: random.Random) -> Result:
    """Run all jobs with an empty cache, while now and then a worker dies or freezes and another one comes."""
    log = lab.root / "run.log"
    with log.open("w") as file:
        argv = lab.argv(*on(cluster), "--store", str(store))
        with subprocess.Popen(argv, stdout=file, stderr=file, cwd=lab.root, env=lab.environment) as child:
            try:
                for _ in range(chance.randint(1, 3)):
                    _wait(child, chance.uniform(0.5, 4))
                    victim = chance.choice(cluster.workers)
                    victim.send(chance.choice((signal.SIGKILL, signal.SIGSTOP)))
                    cluster.workers.remove(victim)
                    cluster.lost.append(victim)
                    cluster.start()
                code = child.wait(PATIENCE_S)
            finally:
                child.kill()
    return Result(code=code, text=log.read_text(), out_dir=lab.out)


def _wait(child: "subprocess.Popen[bytes]", seconds: float) -> None:
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        return
