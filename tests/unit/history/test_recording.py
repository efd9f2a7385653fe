import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.core.devices import Device
from harness.core.errors import UsageError
from harness.core.measurements import FailedCompilation
from harness.core.statuses import Kind, Status
from harness.core.timings import Latency, Reused
from harness.core.variants import Variant
from harness.history import recording
from harness.report import results
from tests.unit import reports

FOLDER = Path("/results/1")


def test_the_id_of_a_run_does_not_depend_on_the_layout() -> None:
    text = results.render(reports.report(reports.outcome()))
    again = json.dumps(json.loads(text), sort_keys=True)
    assert recording.run_id(text) == recording.run_id(again.encode())
    assert recording.run_id(text) != recording.run_id(results.render(reports.report(reports.failed())))
    assert len(recording.run_id(text)) == 16


def test_a_run() -> None:
    environment = {**reports.ENVIRONMENT, "source": {"branch": "main", "commit": "c" * 40}}
    report = reports.report(reports.outcome(), environment=environment)
    found = recording.run_record(report, id="ab", project="/models", folder=FOLDER)
    assert (found.id, found.started, found.seconds, found.exit_code) == ("ab", "2026-11-22T18:30:00Z", 12.34, 0)
    assert (found.engine, found.image, found.release) == ("container", "quality:3f2a", "3.13.0")
    assert (found.machine, found.kernel, found.gpus) == ("EPYC 9454", "6.8.0", "mi300 (gfx942)")
    assert (found.branch, found.commit, found.harness) == ("main", "c" * 40, "0.1.0")
    assert (found.project, found.folder, found.command) == ("/models", "/results/1", "quality")


def test_a_run_that_did_not_get_far() -> None:
    report = reports.report(environment={**reports.NOWHERE, "command": "run"}, seconds=math.nan)
    found = recording.run_record(report, id="ab", project="", folder=FOLDER)
    assert (found.release, found.machine, found.gpus, found.seconds, found.command) == (None, None, None, None, "run")
    assert recording.run_record(report, id="ab", project="", folder=FOLDER, command="pytest").command == "pytest"


@pytest.mark.parametrize(
    ("started", "expected"),
    [("2026-11-22T18:30:00.5Z", "2026-11-22T18:30:00Z"), ("2026-11-22T18:30:00+02:00", "2026-11-22T16:30:00Z")],
)
def test_times_are_kept_in_one_form(started: str, expected: str) -> None:
    report = reports.report(started=started)
    assert recording.run_record(report, id="", project="", folder=FOLDER).started == expected


@pytest.mark.parametrize("started", ["", "soon\x1b[2J", "9999-12-31T23:59:59-23:00"])
def test_a_time_that_is_none_is_refused(started: str) -> None:
    with pytest.raises(
        UsageError, match=r"^The results\.json says that its run started at '[^\x1b]*'; expected a time"
    ):
        recording.run_record(reports.report(started=started), id="", project="", folder=FOLDER)


def test_a_case() -> None:
    latency = Latency.of([1.0, 3.0, 2.0])
    worse = reports.measurement(index=1, max_abs_error=2e-6, error_ratio=0.2)
    outcome = reports.outcome(release="3.13.0", outputs=(reports.measurement(), worse), latency=latency)
    (found,) = recording.case_records(reports.report(outcome))
    assert (found.id, found.name, found.backend, found.chip) == ("tiny/clip[cpu]", "tiny/clip", "cpu", None)
    assert (found.status, found.kind, found.is_green, found.release) == (Status.PASSED, None, True, "3.13.0")
    assert (found.device, found.module, found.is_cached) == ("EPYC 9454", "b" * 64, False)
    assert (found.max_abs_error, found.error_ratio, found.compile_seconds) == (2e-6, 0.2, 2.7)
    assert (found.module_bytes, found.dispatches, found.latency_ms) == (84_213, 31, 2.0)
    assert found.peak_memory_bytes == 215_000_000


def test_a_case_that_did_not_run_again_has_no_new_times() -> None:
    reused = Reused(began="2026-11-22T18:30:00.000Z", seconds=0.2)
    (found,) = recording.case_records(reports.report(reports.outcome(reused=reused)))
    assert (found.is_reused, found.run_seconds) == (True, None)


def test_a_case_that_a_limit_left_out_is_not_recorded() -> None:
    left_out = reports.outcome(Status.SKIPPED, kind=Kind.NOT_RUN)
    assert recording.case_records(reports.report(left_out, reports.outcome(Status.SKIPPED)))[0].kind is None
    assert recording.case_records(reports.report(left_out)) == ()


def test_a_case_with_several_modules() -> None:
    modules = (reports.module(cached=True), reports.module(cached=True, dispatches=None))
    (found,) = recording.case_records(reports.report(reports.outcome(modules=modules)))
    assert (found.module_bytes, found.dispatches, found.compile_seconds) == (2 * 84_213, None, 5.4)
    assert found.is_cached
    assert found.module not in {"", "b" * 64}


def test_a_case_whose_compilation_failed() -> None:
    failed = FailedCompilation(key="k" * 64, cached=True, compile_seconds=3.5)
    outcome = reports.failed(Kind.COMPILE, modules=(), outputs=(), failed_compilation=failed)
    (found,) = recording.case_records(reports.report(outcome))
    assert (found.module, found.compile_seconds, found.module_bytes, found.is_cached) == ("k" * 64, 3.5, None, True)
    assert (found.max_abs_error, found.error_ratio, found.dispatches, found.is_green) == (None, None, None, False)
    assert found.reason == "output 0 (4x17x65xf32): 12 of 4420 elements differ"


def test_what_a_result_depends_on() -> None:
    def inputs(**changes: Any) -> tuple[str, str]:
        (found,) = recording.case_records(reports.report(reports.outcome(**changes)))
        return found.inputs, found.limits

    def run(*words: str) -> dict[str, Any]:
        return {"run": ("iree-run-module", "--module=clip.vmfb", *words)}

    one, limits = inputs(commands=run("--output=@0.bin"))
    assert inputs(commands=run("--output=@1.npy"), reason="x", seconds={}) == (one, limits)
    assert inputs(commands=run("--output=@0.bin"), outputs=(), status=Status.FAILED, kind=Kind.CRASH) == (one, "")
    assert inputs(commands=run("--output=@0.bin", "--input=4xf32=2"))[0] != one
    assert inputs(commands=run("--output=@0.bin"), modules=(reports.module(sha256="c" * 64),))[0] != one
    assert inputs(commands=run("--output=@0.bin"), blobs=())[0] != one
    assert inputs(commands=run("--output=@0.bin"), written="d" * 64)[0] != one
    stricter = inputs(commands=run("--output=@0.bin"), outputs=(reports.measurement(atol=1e-6),))
    assert stricter[0] == one
    assert stricter[1] != limits


def test_the_device_of_a_case_on_a_gpu() -> None:
    on_gpu = reports.error(chip="gfx942")
    elsewhere = reports.error(chip="gfx90a")
    found = recording.case_records(reports.report(on_gpu, elsewhere))
    assert [each.device for each in found] == ["mi300 (gfx942)", "gfx90a"]


def test_what_a_database_cannot_keep_is_replaced() -> None:
    hostile = reports.outcome(
        id="a/\ud800\0[cpu]",
        reason="\x1b[31mred",
        outputs=(reports.measurement(error_ratio=math.nan, max_abs_error=math.inf),),
    )
    (found,) = recording.case_records(reports.report(hostile))
    assert (found.id, found.reason) == ("a/\ufffd\ufffd[cpu]", "red")
    assert (found.max_abs_error, found.error_ratio) == (math.inf, None)


def test_the_devices_that_a_driver_told() -> None:
    device = Device(driver="hip", name="AMD Instinct MI300X", uuid="GPU-9ba5000000000001", chip="gfx942")
    gpus = [{"chip": "gfx942", "sku": "mi300", "uuid": f"GPU-9ba500000000000{number}"} for number in (1, 2)]
    here = reports.ENVIRONMENT | {"host": {"cpu": "EPYC", "gpus": gpus}}
    names: dict[str, Any] = {"backend": "rocm", "chip": "gfx942"}
    known = reports.outcome(**names, devices=(device,))
    emulated = reports.outcome(**names, devices=(replace(device, uuid="GPU-7", emulator="rocjitsu 0.3.0"),))
    both = reports.outcome(**names, devices=(device, replace(device, uuid="GPU-9ba5000000000002")))
    found = [each.hardware for each in recording.case_records(reports.report(known, emulated, both, environment=here))]
    assert found == [
        ("mi300 (gfx942)", "GPU-9ba5000000000001"),
        ("emulated AMD Instinct MI300X (gfx942) by rocjitsu 0.3.0", "GPU-7"),
        ("mi300 (gfx942) and mi300 (gfx942)", "GPU-9ba5000000000001 and GPU-9ba5000000000002"),
    ]


def test_images_that_a_search_tested_with_one_release_are_told_apart() -> None:
    variants = (Variant(axis="image", name="rocm-7.2"), Variant(axis="HIP runtime", name="/x.so", sha256="1" * 64))
    found = recording.case_records(
        reports.report(*(reports.outcome(release="3.13.0", variant=each) for each in variants))
    )
    assert [each.release for each in found] == ["3.13.0 rocm-7.2", "3.13.0 /x.so@sha256:111111111111"]
