"""Which run gets which GPU. Other holders are threads and processes; device files are plain files or real devices."""

import contextlib
import fcntl
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.errors import DeviceError
from harness.host.cancel import Cancelled, CancelToken
from harness.host.devices import Gpu, Vendor
from harness.host.gpu_locks import Pool, visible
from harness.pipeline.steps import Run
from tests.patience import IN_PROCESS_S
from tests.unit import kfd

MI300 = [kfd.gpu(0), kfd.gpu(1)]
MI210 = kfd.gpu(2, chip="gfx90a", sku="mi210")
A100 = kfd.gpu(3, chip=None, sku=None, vendor=Vendor.NVIDIA)
SOFTWARE = Gpu(index=0, vendor=Vendor.VULKAN, chip="llvmpipe", name="llvmpipe")
RADV = Gpu(index=1, vendor=Vendor.VULKAN, chip=None, name="RADV", node=MI300[0].node)
EVERY = [*MI300, MI210, A100]

HOLDER = """\
import fcntl, os, sys
file = os.open(sys.argv[1], os.O_RDONLY)
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""

CORES = len(os.sched_getaffinity(0))


def run(*devices: str, chip: str | None = "gfx942") -> Run:
    used = devices or ("hip",)
    return Run(case_id="a/b", argv=(), links=(), inputs=(), compiles=(), devices=used, chip=chip, outputs=())


def files(root: Path, gpus: Sequence[Gpu] = EVERY) -> None:
    for gpu in gpus:
        kfd.write(root, gpu.node.lstrip("/"), "")


def pool(root: Path, gpus: Sequence[Gpu] = EVERY) -> Pool:
    return Pool(gpus, root=root)


@contextlib.contextmanager
def held_elsewhere(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Let another process lock a device file, until the end of the context."""
    argv = [sys.executable, "-ISc", HOLDER, str(path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.kill()


def is_free(path: Path) -> bool:
    with path.open("rb") as file, contextlib.suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


@pytest.mark.parametrize(
    ("gpus", "devices", "slots"),
    [
        (EVERY, ["hip"], 2),
        ([MI210, MI210], ["hip"], 2),
        (EVERY, ["hip", "hip"], 2),
        (EVERY * 2, ["hip://0", "hip://1"], 2),
        (EVERY * 2, ["hip://1"], 2),
        (EVERY * 2, ["hip", "cuda"], 2),
        (EVERY, ["cuda"], 1),
        ([A100, replace(A100, index=4)], ["cuda://GPU-1"], 2),
        ([A100], ["hip"], 1),
        ([A100], ["cuda://0", "cuda://1"], 1),
        ([], ["hip"], 1),
        (EVERY, ["local-task", "local-task"], CORES),
        (EVERY, ["local-sync"], CORES),
        (EVERY, ["vulkan"], 1),
        (EVERY, [""], 1),
    ],
)
def test_the_number_of_runs_at_once(gpus: list[Gpu], devices: list[str], slots: int) -> None:
    assert Pool(gpus).slots(run(*devices)) == slots


@pytest.mark.parametrize(
    ("gpus", "device"), [(EVERY, "local-task"), (EVERY, "vulkan"), ([A100], "hip"), (MI300, "cuda"), ([], "hip://0")]
)
def test_a_run_that_needs_no_gpu_or_finds_none_of_its_kind(tmp_path: Path, gpus: list[Gpu], device: str) -> None:
    files(tmp_path)
    cancel = CancelToken()
    cancel.set()
    with pool(tmp_path, gpus).claim(run(device, chip=None), cancel) as claimed:
        assert claimed == ()


@pytest.mark.parametrize(
    ("device", "chip", "wanted"),
    [
        ("hip", "gfx942", 0),
        ("hip://0", "gfx942", 0),
        ("hip", "gfx90a", 2),
        ("hip", "mi210", 2),
        ("hip", "mi300x", 0),
        ("hip", "gfx1100", 0),
        ("hip", None, 0),
        ("cuda", "sm_80", 3),
    ],
)
def test_a_run_gets_a_gpu_of_its_chip_or_else_of_its_vendor(
    tmp_path: Path, device: str, chip: str | None, wanted: int
) -> None:
    files(tmp_path)
    with pool(tmp_path).claim(run(device, chip=chip), CancelToken()) as gpus:
        assert gpus == (EVERY[wanted],)


@pytest.mark.parametrize(("chip", "wanted"), [("llvmpipe", SOFTWARE), ("rdna3", RADV), (None, RADV)])
def test_a_run_gets_a_device_of_vulkan_of_its_chip_or_else_one_of_unknown_chip(
    tmp_path: Path, chip: str | None, wanted: Gpu
) -> None:
    with pool(tmp_path, [SOFTWARE, RADV, *MI300]).claim(run("vulkan", chip=chip), CancelToken()) as gpus:
        assert gpus == (wanted,)


@pytest.mark.parametrize(
    ("device", "folder"), [(SOFTWARE, "sys/devices/virtual"), (RADV, f"sys/class/drm/{Path(RADV.node).name}")]
)
def test_a_device_of_vulkan_is_locked_as_the_gpu_that_it_is(tmp_path: Path, device: Gpu, folder: str) -> None:
    (tmp_path / folder).mkdir(parents=True)
    with pool(tmp_path, [device]).claim(run("vulkan", chip=None), CancelToken()):
        descriptor = os.open(tmp_path / folder, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)


def test_the_gpus_named_first_are_taken_first(tmp_path: Path) -> None:
    files(tmp_path)
    with pool(tmp_path, MI300[::-1]).claim(run(), CancelToken()) as gpus:
        assert gpus == (MI300[1],)


def test_several_runs_have_several_gpus_and_one_of_another_chip_waits_for_none(tmp_path: Path) -> None:
    files(tmp_path)
    gpus, cancel = pool(tmp_path), CancelToken()
    runs = (run(), run(), run(chip="gfx90a"), run("cuda", chip="sm_80"))
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(gpus.claim(each, cancel)) for each in runs]
        assert found == [(gpu,) for gpu in EVERY]
        assert not any(is_free(tmp_path / gpu.node[1:]) for gpu in EVERY)
    assert all(is_free(tmp_path / gpu.node[1:]) for gpu in EVERY)


def test_threads_of_several_pools_never_share_a_gpu(tmp_path: Path) -> None:
    files(tmp_path)
    busy: dict[int, int] = dict.fromkeys(range(2), 0)
    most: list[int] = []

    def work() -> None:
        with pool(tmp_path, MI300).claim(run(), CancelToken()) as (gpu,):
            busy[gpu.index] += 1
            most.append(max(busy.values()))
            time.sleep(0.01)
            busy[gpu.index] -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert most == [1] * 8


def test_a_gpu_that_another_process_uses_is_waited_for_until_that_is_killed(tmp_path: Path) -> None:
    files(tmp_path)
    waits: list[tuple[str, float]] = []
    with held_elsewhere(tmp_path / MI210.node[1:]) as holder:

        def on_wait(holder_: str, waited_s: float) -> None:
            waits.append((holder_, waited_s))
            holder.kill()  # by SIGKILL

        with Pool(EVERY, on_wait=on_wait, root=tmp_path).claim(run(chip="gfx90a"), CancelToken()) as gpus:
            assert gpus == (MI210,)
    assert waits[0][0] == "GPU 2 (gfx90a, mi210), in use by another run"
    assert waits[0][1] >= 0
    assert [waited_s for _, waited_s in waits] == sorted(waited_s for _, waited_s in waits)


def test_a_run_takes_the_gpu_that_no_other_process_uses(tmp_path: Path) -> None:
    files(tmp_path)
    with held_elsewhere(tmp_path / MI300[0].node[1:]), pool(tmp_path).claim(run(), CancelToken()) as gpus:
        assert gpus == (MI300[1],)


def test_cancelling_ends_the_wait_at_once(tmp_path: Path) -> None:
    files(tmp_path)
    cancel, waiting = CancelToken(), threading.Event()

    def on_wait(holder: str, waited_s: float) -> None:
        assert holder == "GPU 0 (gfx942, mi300) or GPU 1 (gfx942, mi300), in use by another run"
        if waited_s > 0.5:
            waiting.set()

    def stop() -> None:
        waiting.wait(IN_PROCESS_S)
        cancel.set()

    thread = threading.Thread(target=stop)
    thread.start()
    with contextlib.ExitStack() as stack:
        for gpu in MI300:
            stack.enter_context(held_elsewhere(tmp_path / gpu.node[1:]))
        with pytest.raises(Cancelled), Pool(EVERY, on_wait=on_wait, root=tmp_path).claim(run(), cancel):
            pytest.fail("it claimed a GPU that others use")
    thread.join()
    assert waiting.is_set()


def test_nothing_is_claimed_after_cancelling(tmp_path: Path) -> None:
    files(tmp_path)
    cancel = CancelToken()
    cancel.set()
    with pytest.raises(Cancelled), pool(tmp_path).claim(run(), cancel):
        pytest.fail("it was cancelled")
    assert is_free(tmp_path / MI300[0].node[1:])


def test_an_exception_frees_the_gpu(tmp_path: Path) -> None:
    files(tmp_path)
    with pytest.raises(ZeroDivisionError), pool(tmp_path).claim(run(), CancelToken()):
        _ = 1 / 0
    assert is_free(tmp_path / MI300[0].node[1:])


def test_an_exception_of_the_callback_ends_the_wait(tmp_path: Path) -> None:
    files(tmp_path)

    def on_wait(holder: str, waited_s: float) -> None:
        raise TimeoutError(f"{waited_s} s for {holder}")

    busy = held_elsewhere(tmp_path / MI210.node[1:])
    gpus = Pool(EVERY, on_wait=on_wait, root=tmp_path)
    with busy, pytest.raises(TimeoutError), gpus.claim(run(chip="gfx90a"), CancelToken()):
        pytest.fail("another has it")


def test_a_device_file_that_cannot_be_opened_counts_as_free(tmp_path: Path) -> None:
    with pool(tmp_path).claim(run(), CancelToken()) as first, pool(tmp_path).claim(run(), CancelToken()) as second:
        assert first == second == (MI300[0],)


def test_a_lock_is_not_inherited_by_programs(tmp_path: Path) -> None:
    files(tmp_path)
    with pool(tmp_path).claim(run(), CancelToken()):
        child = subprocess.Popen(["sleep", "60"], close_fds=False)
    assert is_free(tmp_path / MI300[0].node[1:])
    child.kill()
    child.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make device files")
def test_real_devices_are_locked_by_their_file_and_not_by_their_numbers(tmp_path: Path) -> None:
    for gpu in MI300:  # as a container has them: files of its own with the numbers of /dev/null
        path = tmp_path / gpu.node[1:]
        path.parent.mkdir(parents=True, exist_ok=True)
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))
    with held_elsewhere(tmp_path / MI300[0].node[1:]), pool(tmp_path).claim(run(), CancelToken()) as claimed:
        assert claimed == (MI300[1],)
        assert not is_free(tmp_path / MI300[1].node[1:])
    assert is_free(tmp_path / MI300[1].node[1:])


def amd(name: str) -> dict[str, str]:
    return {"ROCR_VISIBLE_DEVICES": name, "HIP_VISIBLE_DEVICES": "0"}


def nvidia(name: str) -> dict[str, str]:
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": name}


def test_a_program_sees_the_gpu_of_a_uuid() -> None:
    assert visible([kfd.gpu(1)]) == amd("GPU-9ba5000000000002")
    assert visible([A100]) == nvidia("GPU-9ba5000000000004")


def test_without_a_uuid_it_is_a_position_among_the_visible_gpus(tmp_path: Path) -> None:
    kfd.partitioned(tmp_path, parts=2)
    kfd.nvidia(tmp_path, "0000:48:00.0", 0, "GPU-?")
    first, second, third = (replace(gpu, uuid=None) for gpu in (*MI300, replace(A100, node="/dev/nvidia0")))
    assert [visible([gpu], tmp_path) for gpu in (first, second, third)] == [amd("0"), amd("1"), nvidia("0")]
    kfd.gpu_node(tmp_path / "container", 2, kfd.MI300X, place=1)
    assert visible([second], tmp_path / "container") == amd("0"), "the only one in there"
    assert visible([second], tmp_path / "nowhere") == amd("0")


def test_a_program_sees_several_gpus_in_order() -> None:
    shown = visible([MI300[1], A100, MI300[0]])
    assert shown == {
        "ROCR_VISIBLE_DEVICES": "GPU-9ba5000000000002,GPU-9ba5000000000001",
        "HIP_VISIBLE_DEVICES": "0,1",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": "GPU-9ba5000000000004",
    }
    assert visible(()) == {}


TWO = ("hip://0", "hip://1")


def test_a_run_on_two_gpus_locks_both_in_the_order_of_preference(tmp_path: Path) -> None:
    files(tmp_path)
    with pool(tmp_path, [MI210, *MI300[::-1], A100]).claim(run(*TWO), CancelToken()) as gpus:
        assert gpus == (MI300[1], MI300[0])
        assert [is_free(tmp_path / gpu.node[1:]) for gpu in EVERY] == [False, False, True, True]
    with pool(tmp_path).claim(run("hip://1"), CancelToken()) as gpus:
        assert gpus == (MI300[0], MI300[1]), "the second of two"
    with pool(tmp_path).claim(run("hip", "hip", "local-task"), CancelToken()) as gpus:
        assert gpus == (MI300[0],), "two devices of one GPU"
    with pool(tmp_path).claim(run(*TWO, "cuda"), CancelToken()) as gpus:
        assert gpus == (*MI300, A100)
    assert all(is_free(tmp_path / gpu.node[1:]) for gpu in EVERY)


def test_a_run_that_waits_for_its_second_gpu_does_not_hold_its_first(tmp_path: Path) -> None:
    files(tmp_path)
    waits: list[str] = []
    with held_elsewhere(tmp_path / MI300[1].node[1:]) as holder:

        def on_wait(holder_: str, _: float) -> None:
            waits.append(holder_)
            assert is_free(tmp_path / MI300[0].node[1:])
            holder.kill()

        with Pool(EVERY, on_wait=on_wait, root=tmp_path).claim(run(*TWO), CancelToken()) as gpus:
            assert gpus == (*MI300,)
    assert waits[0] == "2 of GPU 0 (gfx942, mi300) or GPU 1 (gfx942, mi300), in use by another run"


def test_runs_on_two_gpus_that_name_them_in_opposite_orders_all_end(tmp_path: Path) -> None:
    files(tmp_path)
    ended: list[int] = []

    def work(number: int) -> None:
        gpus = MI300[:: 1 if number % 2 else -1]
        with pool(tmp_path, gpus).claim(run(*TWO), CancelToken()) as claimed:
            assert claimed == (*gpus,)
        ended.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(IN_PROCESS_S)
    assert sorted(ended) == list(range(8))


def test_fewer_gpus_than_a_run_needs_are_an_error_at_once(tmp_path: Path) -> None:
    files(tmp_path)
    with pytest.raises(DeviceError) as caught, pool(tmp_path, EVERY[1:]).claim(run(*TWO), CancelToken()):
        pytest.fail("there is one only")
    assert str(caught.value) == (
        "The spec runs on 2 GPUs (hip://0, hip://1), but of those that fit, only GPU 1 (gfx942, mi300) may be used. "
        "Name more with --gpu, or use a machine with 2."
    )
    assert is_free(tmp_path / MI300[1].node[1:])


def test_the_lock_is_where_every_user_of_the_machine_sees_the_gpu(tmp_path: Path) -> None:
    shown = [tmp_path / "sys/class/drm" / Path(MI300[0].node).name, tmp_path / "proc/driver/nvidia/gpus" / A100.bus_id]
    for folder in shown:
        folder.mkdir(parents=True)
        folder.chmod(0o555)
    gpus = pool(tmp_path)
    with gpus.claim(run(), CancelToken()) as amd, gpus.claim(run("cuda", chip="sm_80"), CancelToken()) as nvidia:
        assert (*amd, *nvidia) == (MI300[0], A100)
        for folder in shown:
            assert subprocess.run(["flock", "--nonblock", folder, "true"], check=False).returncode == 1
    for folder in shown:
        assert subprocess.run(["flock", "--nonblock", folder, "true"], check=False).returncode == 0


def test_benchmarks_of_two_processes_wait_for_each_other_and_for_their_gpu(tmp_path: Path) -> None:
    files(tmp_path)
    cores = tmp_path / "sys/devices/system/cpu"
    cores.mkdir(parents=True)
    told: list[str] = []
    waiting = Pool(MI300, root=tmp_path, on_wait=lambda what, _: told.append(what))
    with held_elsewhere(cores) as holder, contextlib.ExitStack() as claimed:
        thread = threading.Timer(0.2, holder.kill)
        thread.start()
        gpus = claimed.enter_context(waiting.claim_for_benchmark(run(), CancelToken()))
        thread.join()
    assert gpus == (MI300[0],)
    assert set(told) == {"this machine, on which another benchmark runs"}


def test_a_run_does_not_wait_for_a_benchmark_on_another_device(tmp_path: Path) -> None:
    files(tmp_path)
    (tmp_path / "sys/devices/system/cpu").mkdir(parents=True)
    one, other = pool(tmp_path), pool(tmp_path)
    with one.claim_for_benchmark(run("local-task"), CancelToken()), other.claim(run(), CancelToken()) as gpus:
        assert gpus == (MI300[0],)
