"""AMD GPUs that fail in every way: what becomes of the cases, through IREE's own HIP driver."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration import hip
from tests.integration.hip import TOLD, HipLaboratory
from tests.integration.laboratory import OLDEST
from tests.integration.warm import HARNESS

# By function: the status, the kind, and what the message says.
ENDS: dict[str, tuple[str, str | None, str]] = {
    **{name: each[1:] for name, each in hip.FAILURES.items()},
    "initializer": ("failed", "crash", ""),  # in one of five runs, IREE's driver crashes after that, while it ends
    "nan": ("failed", "crash", "(the spec expects another failure: nan)"),
    "any": ("failed", "crash", "(the spec expects another failure: "),
}


@pytest.fixture
def lab(tmp_path: Path, store_dir: Path, hip_library: Path) -> HipLaboratory:
    return HipLaboratory(tmp_path, store_dir, hip_library)


def ends(report: Any) -> dict[str, tuple[str, str | None, str]]:
    return hip.ends(report, ENDS)


def test_every_failure_of_a_device_is_what_it_is(lab: HipLaboratory) -> None:
    lab.tell({**TOLD, "hang": "hangs=1"})
    lab.tell({"nan": TOLD["launch"]}, expect=[{"fails": "nan"}])
    lab.tell_initializer(TOLD["launch"])
    under = hip.machine(lab.root / "machine", 1)
    result = lab.run("toy/[!h]*", *lab.options, under=under)
    assert ends(result.report) == {name: ENDS[name] for name in ENDS if name not in {"hang", "any"}}, result.text
    assert "is still locked" not in result.text
    result = lab.run("toy/hang", *lab.options, "--timeout", "2", under=under)
    assert ends(result.report) == {"hang": ENDS["hang"]}, result.text
    assert "is still locked" not in result.text


def test_results_say_which_device_it_was(lab: HipLaboratory) -> None:
    lab.tell({"right": "", "launch": TOLD["launch"]})
    lab.tell_all("name=AMD_Instinct devices=8")
    under = hip.machine(lab.root / "machine", 8)
    result = lab.run(*lab.options, "--gpu", "6", under=under)
    uuid = f"GPU-{hip.UNIQUE_ID + 6:016x}"
    device = {"driver": "hip", "name": "AMD_Instinct", "uuid": uuid, "chip": hip.CHIP, "emulator": None}
    assert [each["devices"] for each in result.report["cases"]] == [[device], [device]], result.text
    shown = f"AMD_Instinct (hip, gfx942, {uuid})"
    assert f"  device {shown}\n" in result.text
    assert f"2 cases on {shown}\n" in result.text
    assert f'name="toy/right[rocm-gfx942].device" value="{shown}"' in (lab.out / "junit.xml").read_text()
    assert f"2 cases on {shown}" in (lab.out / "results.md").read_text().replace("\\", "")
    other = lab.root / "other"
    lab.run("toy/right", *lab.options, "--gpu", "1", "--out", str(other), under=under)
    compared = lab._of(*HARNESS, "compare", str(lab.out), str(other))
    there = f"mi300 (gfx942) GPU-{hip.UNIQUE_ID + 1:016x}"
    assert f"1 case was on different devices (mi300 (gfx942) {uuid} and {there})" in compared.text


def test_the_oldest_release_reports_them_alike(lab: HipLaboratory) -> None:
    lab.tell({"right": ""})
    lab.tell({"any": TOLD["launch"]}, run_test_expecting_to_fail=True)
    lab.tell_initializer(TOLD["launch"])
    result = lab.run(*lab.options, "--chip", hip.CHIP, "--iree", OLDEST)
    assert ends(result.report) == {name: ENDS[name] for name in ("any", "initializer", "right")}, result.text


def test_runs_on_several_devices_wait_for_each_other(lab: HipLaboratory) -> None:
    counts = {"eight": 8, "five": 5, "two": 2}
    for name, count in counts.items():
        lab.tell({name: "slow=200"}, device=None, devices=[f"hip://{index}" for index in range(count)])
    lab.tell_all("devices=8")
    other = lab.root / "other"
    both = f'"$@" --out {other} & first=$!; "$@"; code=$?; wait $first && exit $code'
    under = (*hip.machine(lab.root / "machine", 8), "sh", "-c", both, "sh")
    result = lab.run(*lab.options, "--chip", hip.CHIP, under=under)
    assert result.code == 0, result.text
    assert "is still locked" not in result.text
    for folder in (lab.out, other):
        cases = json.loads((folder / "results.json").read_text())["cases"]
        assert {case["submodel"]: len({each["uuid"] for each in case["devices"]}) for case in cases} == counts


def test_a_matrix_of_hip_runtimes_says_which_of_them_broke_it(lab: HipLaboratory, hip_library: Path) -> None:
    hip.sums(lab, "add")
    broken = hip.build(lab.root, "wrong=elementwise")
    options = ("--chip", hip.CHIP, "--hip", str(hip_library), "--hip", str(broken), "--out", str(lab.out))
    result = lab.run(*options, command="matrix")
    assert [case["status"] for case in result.report["cases"]] == ["passed", "failed"], result.text
    assert f"{hip_library} passed -> {broken} failed (numeric: " in result.text
    assert "differs from the HIP runtime before" in result.text
    assert [case["variant"]["name"] for case in result.report["cases"]] == [str(hip_library), str(broken)]


def test_a_bisect_over_hip_runtimes_names_the_one_that_broke_it(lab: HipLaboratory, hip_library: Path) -> None:
    hip.sums(lab, "add")
    second, third = lab.root / "second", lab.root / "third"
    libraries = [hip_library]
    for folder, told in ((second, "wrong=elementwise"), (third, "wrong=elementwise name=Third")):
        folder.mkdir()
        libraries.append(hip.build(folder, told))
    options = [word for each in libraries for word in ("--hip", str(each))]
    asked = ("--chip", hip.CHIP, "--over", "hip", "--repeat", "1", "--out", str(lab.out))
    result = lab.run("toy/add", *asked, *options, command="bisect")
    assert result.code == 0, result.text
    found = json.loads((lab.out / "bisect.json").read_text())
    device = f"Stand-in (hip, {hip.CHIP}, GPU-{hip.UNIQUE_ID:016x})"
    assert f"  device    {device}\n" in result.text
    assert found["probes"][-1]["devices"] == [device]
    good, bad = (hashlib.sha256(each.read_bytes()).hexdigest()[:12] for each in libraries[:2])
    assert found["result"]["text"] == (
        f"First bad HIP runtime: {libraries[1]}@sha256:{bad} (last good: {libraries[0]}@sha256:{good})"
    )
    assert f"IREE_HIP_DYLIB_PATH=file:{libraries[1]}" in found["commands"][str(libraries[1])]
