"""AMD GPUs that fail in every way in a container: the cases end as on this machine."""

from collections.abc import Callable
from pathlib import Path

from tests.integration import hip
from tests.integration.dock import Dock, Yard


def test_every_failure_of_a_device_is_what_it_is(dock: Dock, yards: Callable[..., Yard], hip_library: Path) -> None:
    yard = yards(dock)
    hip.sums(yard, *hip.FAILURES)
    hip.initializer(yard)
    told = {**{name: each[0] for name, each in hip.FAILURES.items()}, "initializer": hip.TOLD["launch"]}
    wrapper = hip.portable_wrapper(yard.root / "wrapper", hip_library, told)
    ends = {**{name: each[1:] for name, each in hip.FAILURES.items()}, "initializer": ("failed", "crash", "")}
    options = ("--backend", "rocm", "--chip", hip.CHIP, "--run-wrapper", str(wrapper))
    result = yard.run("toy/[!h]*", *options)
    hanging = ends.pop("hang")
    assert hip.ends(result.report, ends) == ends, result.text
    assert {each["name"] for case in result.report["cases"] for each in case["devices"]} == {"Stand-in"}
    assert all(case["devices"] for case in result.report["cases"])
    result = yard.run("toy/hang", *options, "--timeout", "2")
    assert hip.ends(result.report, {"hang": hanging}) == {"hang": hanging}, result.text
    assert yard.left() == []
