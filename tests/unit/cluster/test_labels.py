import pytest

from harness.cluster import labels
from harness.core.blobs import Blob
from harness.host.devices import Gpu, Vendor
from harness.pipeline.steps import Compile, Draw, Fetch, Run, Step

COMPILE = Compile(release="3.13.0", argv=("iree-compile",), links=(), module="model.vmfb", products=())


def run(*devices: str, chip: str | None = None) -> Run:
    return Run(
        case_id="toy/add[cpu]", argv=(), links=(), inputs=(), compiles=(), devices=devices, chip=chip, outputs=()
    )


@pytest.mark.parametrize(
    ("step", "needed"),
    [
        (COMPILE, {"compile": 1}),
        (Draw(seed=1, compiles=(COMPILE,)), {"compile": 1}),
        (run("local-task"), {"cpu": 1}),
        (run("local-sync"), {"cpu": 1}),
        (run("hip", chip="gfx942"), {"gfx942": 1}),
        (run("hip://0", "hip://1", chip="gfx942"), {"gfx942": 2}),
        (run("hip", "local-task", chip="gfx942"), {"gfx942": 1, "cpu": 1}),
        (run("hip"), {"amd": 1}),
        (run("cuda", chip="sm_80"), {"sm_80": 1}),
        (run("vulkan", chip="llvmpipe"), {"vulkan": 1}),
        (Fetch(blob=Blob(url="https://host/blob")), {}),
    ],
)
def test_a_step_needs_what_it_uses(step: Step, needed: dict[str, int]) -> None:
    assert labels.needed(step) == needed


def test_a_machine_offers_each_gpu_by_vendor_chip_and_sku() -> None:
    gpus = [Gpu(index=index, vendor=Vendor.AMD, chip="gfx942", sku="mi300") for index in range(8)]
    gpus.append(Gpu(index=8, vendor=Vendor.NVIDIA, chip=None))
    offered = labels.offered(gpus, "a CPU", compiles=4, runs=2)
    assert offered == {
        "compile": 4,
        "cpu": 2,
        "cpu a CPU": 2,
        "vulkan": 1,
        "amd": 8,
        "gfx942": 8,
        "mi300": 8,
        "mi300x": 8,
        "nvidia": 1,
    }
    assert labels.fits({"gfx942": 8, "cpu": 1}, offered)
    assert not labels.fits({"gfx942": 9}, offered)
    assert not labels.fits({"gfx950": 1}, offered)
