from collections.abc import Mapping

import pytest

from harness.core.cases import Backend, Target
from harness.core.errors import UsageError
from harness.host.devices import Gpu, Vendor
from harness.pipeline.targets import selected_gpus, selected_vulkan, targets
from tests.unit import kfd
from tests.unit.command_lines import settings

# SKUs: two of one chip, none known of the other.
FOUND = (kfd.gpu(0, sku="mi300"), kfd.gpu(1, sku="mi308"), kfd.gpu(2, chip="gfx90a", sku=None))
A100 = kfd.gpu(3, chip=None, sku=None, vendor=Vendor.NVIDIA)


def asked(*argv: str, found: tuple[Gpu, ...] = FOUND, environment: Mapping[str, str] | None = None) -> list[Target]:
    return list(targets(settings(*argv, environment=environment).target, found))


def cpu(*, compile_only: bool = False) -> Target:
    return Target(backend=Backend.CPU, compile_only=compile_only)


def cuda(chip: str | None, *, compile_only: bool = False) -> Target:
    return Target(backend=Backend.CUDA, chip=chip, compile_only=compile_only)


def rocm(chip: str | None, *, compile_only: bool = False, sku: str | None = None) -> Target:
    return Target(backend=Backend.ROCM, chip=chip, compile_only=compile_only, sku=sku)


def vulkan(chip: str) -> Target:
    return Target(backend=Backend.VULKAN, chip=chip)


@pytest.mark.parametrize(
    ("argv", "wanted"),
    [
        ("", [cpu()]),
        ("--backend cpu", [cpu()]),
        ("--compile-only", [cpu(compile_only=True)]),
        ("--backend rocm", [rocm("gfx942"), rocm("gfx90a")]),
        ("--backend rocm --compile-only", [rocm("gfx942", compile_only=True), rocm("gfx90a", compile_only=True)]),
        ("--chip gfx1100", [rocm("gfx1100")]),
        ("--chip gfx1100 --chip mi300x --chip gfx1100", [rocm("gfx1100"), rocm("mi300x")]),
        ("--chip gfx1100 --compile-only", [rocm("gfx1100", compile_only=True)]),
        ("--compile-chip gfx1201", [rocm("gfx1201", compile_only=True)]),
        ("--backend rocm --compile-chip gfx1201", [rocm("gfx1201", compile_only=True)]),
        ("--chip gfx942 --compile-chip gfx90a", [rocm("gfx942"), rocm("gfx90a", compile_only=True)]),
        ("--chip gfx942 --compile-chip gfx942", [rocm("gfx942")]),
        ("--chip gfx942 --sku mi300", [rocm("gfx942", sku="mi300")]),
        ("--backend cuda", [cuda(None)]),
        ("--backend cuda --chip sm_80 --chip sm_90a", [cuda("sm_80"), cuda("sm_90a")]),
        ("--chip sm_80 --compile-only", [cuda("sm_80", compile_only=True)]),
        ("--compile-chip sm_80", [cuda("sm_80", compile_only=True)]),
        ("--backend vulkan", [vulkan("llvmpipe")]),
        ("--chip llvmpipe --chip rdna3", [vulkan("llvmpipe"), vulkan("rdna3")]),
        ("--backend vulkan --chip gfx1100 --gpu 9", [vulkan("gfx1100")]),
    ],
)
def test_targets(argv: str, wanted: list[Target]) -> None:
    assert asked(*argv.split()) == wanted


@pytest.mark.parametrize(
    ("argv", "found", "wanted"),
    [
        ("--backend rocm", ("mi300", "mi300"), [rocm("gfx942", sku="mi300")]),
        ("--chip gfx942", ("mi300", "mi300"), [rocm("gfx942", sku="mi300")]),
        ("--compile-chip gfx942", ("mi300",), [rocm("gfx942", sku="mi300", compile_only=True)]),
        ("--backend rocm --sku mi325", ("mi300",), [rocm("gfx942", sku="mi325")]),
        ("--backend rocm", ("mi300", "mi308"), [rocm("gfx942")]),
        ("--backend rocm", ("mi300", None), [rocm("gfx942")]),
        ("--backend rocm", (None,), [rocm("gfx942")]),
        ("--chip gfx1100", ("mi300",), [rocm("gfx1100")]),
        ("--backend cpu", ("mi300",), [cpu()]),
    ],
)
def test_the_sku_is_that_of_the_gpus_here_if_they_have_one(
    argv: str, found: tuple[str | None, ...], wanted: list[Target]
) -> None:
    gpus = tuple(kfd.gpu(index, sku=sku) for index, sku in enumerate(found))
    assert asked(*argv.split(), found=gpus) == wanted


def test_a_gpu_of_another_vendor_is_no_default() -> None:
    assert asked("--backend", "rocm", found=(A100,)) == [rocm(None)]
    assert asked("--backend", "cuda", found=(A100,), environment={"ROCM_CHIP": "gfx942"}) == [cuda(None)]


@pytest.mark.parametrize(
    ("backend", "chips", "wanted"),
    [
        ("cuda", ("sm_90", "sm_90", "sm_75", None), ["sm_90", "sm_75"]),
        ("vulkan", ("sm_90",), ["sm_90"]),
        ("vulkan", (None,), ["llvmpipe"]),
        ("vulkan", ("sm_50",), ["llvmpipe"]),
    ],
)
def test_the_chips_of_nvidia_are_those_that_its_driver_tells(
    backend: str, chips: tuple[str | None, ...], wanted: list[str]
) -> None:
    gpus = tuple(kfd.gpu(index, chip=chip, sku=None, vendor=Vendor.NVIDIA) for index, chip in enumerate(chips))
    assert [each.chip for each in asked("--backend", backend, found=gpus)] == wanted


@pytest.mark.parametrize(("chip", "wanted"), [("gfx1100", "gfx1100"), ("gfx942", "llvmpipe")])
def test_vulkan_has_drivers_for_some_gpus_of_amd(chip: str, wanted: str) -> None:
    assert [each.chip for each in asked("--backend", "vulkan", found=(kfd.gpu(chip=chip),))] == [wanted]


def test_devices_of_vulkan_have_numbers_of_their_own() -> None:
    listed = [Gpu(index=index, vendor=Vendor.VULKAN, chip=None, name=f"device {index}") for index in range(2)]
    assert selected_vulkan(settings("--backend", "vulkan").target, listed) == tuple(listed)
    assert selected_vulkan(settings("--gpu", "1").target, listed) == (listed[1],)
    expected = r"--gpu 2: no such GPU; expected one of GPU 0 \(device 0\), GPU 1 \(device 1\)\."
    with pytest.raises(UsageError, match=expected):
        selected_vulkan(settings("--gpu", "2").target, listed)


@pytest.mark.parametrize(
    ("argv", "indices"),
    [
        ("", [0, 1, 2, 3]),
        ("--gpu 2", [2]),
        ("--gpu 3,0", [3, 0]),
        ("--gpu 0 --gpu 2,0", [0, 2]),
        ("run --gpu 1", [1]),
        ("list --gpu 1", [1]),
        ("plan --gpu 1", [1]),
    ],
)
def test_gpus_are_named_by_number(argv: str, indices: list[int]) -> None:
    found = selected_gpus(settings(*argv.split()).target, (*FOUND, A100))
    assert [gpu.index for gpu in found] == indices


def test_a_gpu_that_is_not_there() -> None:
    with pytest.raises(UsageError) as caught:
        selected_gpus(settings("--gpu", "7,2,4").target, (FOUND[0], FOUND[2], A100))
    known = "GPU 0 (gfx942, mi300), GPU 2 (gfx90a, unknown SKU), GPU 3 (nvidia, unknown SKU)"
    assert str(caught.value) == f"--gpu 7,4: no such GPU; expected one of {known}."
    with pytest.raises(UsageError, match="--gpu 0: no such GPU; no GPU is visible on this machine"):
        selected_gpus(settings("--gpu", "0").target, ())


@pytest.mark.parametrize(
    ("environment", "left"),
    [
        ({}, [0, 1, 2, 3]),
        ({"ROCR_VISIBLE_DEVICES": "2,0"}, [2, 0, 3]),
        ({"ROCR_VISIBLE_DEVICES": " 1 , 7, 0"}, [1, 3]),
        ({"ROCR_VISIBLE_DEVICES": f"{FOUND[1].uuid}"}, [1, 3]),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, [0, 1, 2]),
        ({"CUDA_VISIBLE_DEVICES": "0", "ROCR_VISIBLE_DEVICES": "0"}, [0, 3]),
    ],
)
def test_the_gpus_that_the_environment_lends(environment: dict[str, str], left: list[int]) -> None:
    lent = selected_gpus(settings(environment=environment).target, (*FOUND, A100))
    assert [gpu.index for gpu in lent] == left
    assert selected_gpus(settings("--gpu", "1", environment=environment).target, (*FOUND, A100)) == (FOUND[1],)


def test_a_machine_without_a_gpu_has_a_target_without_a_chip() -> None:
    assert asked("--backend", "rocm", found=()) == [rocm(None)]
    assert asked("--compile-chip", "gfx942", found=()) == [rocm("gfx942", compile_only=True)]


@pytest.mark.parametrize(
    ("argv", "environment", "wanted"),
    [
        ("", {"BACKEND": "rocm"}, [rocm("gfx942"), rocm("gfx90a")]),
        ("--backend cpu", {"BACKEND": "rocm"}, [cpu()]),
        ("", {"BACKEND": "rocm", "ROCM_CHIP": "gfx1100"}, [rocm("gfx1100")]),
        ("--chip gfx950", {"BACKEND": "rocm", "ROCM_CHIP": "gfx1100"}, [rocm("gfx950")]),
        ("--compile-chip gfx950", {"ROCM_CHIP": "gfx1100"}, [rocm("gfx950", compile_only=True)]),
        ("", {"ROCM_CHIP": "gfx1100"}, [cpu()]),
        ("", {"BACKEND": "rocm", "ROCM_CHIP": "gfx942", "SKU": "mi308"}, [rocm("gfx942", sku="mi308")]),
        ("--sku mi300", {"BACKEND": "rocm", "ROCM_CHIP": "gfx942", "SKU": "mi308"}, [rocm("gfx942", sku="mi300")]),
        ("", {"BACKEND": "", "ROCM_CHIP": ""}, [cpu()]),
    ],
)
def test_the_environment_behind_targets(argv: str, environment: dict[str, str], wanted: list[Target]) -> None:
    assert asked(*argv.split(), environment=environment) == wanted


@pytest.mark.parametrize(
    ("argv", "environment", "message"),
    [
        (
            "--backend cpu --chip gfx942",
            {},
            "--chip and --compile-chip are for --backend rocm, cuda or vulkan, not",
        ),
        (
            "--compile-chip gfx942",
            {"BACKEND": "cpu"},
            "--chip and --compile-chip are for --backend rocm, cuda or vulkan, not",
        ),
        ("--sku mi9", {}, "--sku mi9: no such SKU; expected one of mi100, "),
        ("", {"SKU": "MI300"}, "--sku MI300: no such SKU"),
        ("", {"BACKEND": "gpu"}, "BACKEND=gpu: no such backend; expected one of cpu, rocm, cuda, vulkan."),
        ("", {"BACKEND": "ROCM"}, "BACKEND=ROCM: no such backend"),
        ("--chip gfx942 --chip sm_80", {}, "'gfx942': not the name of a chip; expected e.g. sm_80."),
        ("--chip sm_8", {}, "'sm_8': not the name of a chip; expected e.g. sm_80."),
        ("--backend cuda --compile-chip sm_80x", {}, "'sm_80x': not the name of a chip; expected e.g. sm_80."),
        ("--backend rocm --chip sm_80", {}, "'sm_80': not the name of a chip; expected e.g. gfx942"),
        ("", {"BACKEND": "rocm", "ROCM_CHIP": "MI300"}, "'MI300': not the name of a chip; expected e.g. gfx942"),
    ],
)
def test_targets_that_make_no_sense(argv: str, environment: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        asked(*argv.split(), environment=environment)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("chip", ["gfx90a", "gfx942", "gfx1100", "gfx1201", "mi300x", "rx9070xt", "w7900", "rdna3"])
def test_names_of_chips(chip: str) -> None:
    assert asked("--chip", chip) == [rocm(chip)]


@pytest.mark.parametrize(
    "chip", ["", "942", "gfx", "gfx94", "gfx942x", "gfxx942", "GFX942", "gfx123456", "mi-300", "gfx942\n", "../x", "mi"]
)
@pytest.mark.parametrize("option", ["--chip", "--compile-chip"])
def test_what_is_no_name_of_a_chip(option: str, chip: str) -> None:
    with pytest.raises(UsageError) as caught:
        asked("--chip", "gfx942", option, chip)
    assert str(caught.value) == f"{chip!r}: not the name of a chip; expected e.g. gfx942 or mi300x."
