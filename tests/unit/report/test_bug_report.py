from harness.core.devices import Device
from harness.core.statuses import Kind, Phase, Status
from harness.report import bug_report
from harness.report.bug_report import Material, Since
from tests.unit.reports import failed, measurement, outcome, report

TOOLS = (
    ("iree-compile", "model.mlir", "-o", "model.vmfb"),
    ("/opt/iree/bin/iree-run-module", "--module=model.vmfb", "--input=@0.npy"),
)


def test_a_failure_is_told_with_what_repeats_it() -> None:
    wrong = measurement(error_ratio=12.0, mismatches=12, max_abs_error=0.25)
    case = failed(release="3.12.0", tools=TOOLS, outputs=(wrong, measurement(index=1, ignored=True)))
    material = Material(program="func.func @f() {\n}\n", files=("0.npy",), folder="results/latest/.work/x")
    since = Since(
        text="First bad release: 3.12.0 (last good: 3.11.0).", url="https://github.com/iree-org/iree/compare/a"
    )
    text = bug_report.render(case, report(case), since=since, material=material)
    lines = text.splitlines()
    assert lines[0].startswith(r"# \[cpu\] numeric: output 0 (4x17x65xf32): 12 of 4420 elements differ")
    assert lines[0].endswith("(tiny/vae, IREE 3.12.0)")
    assert "fails for `cpu` in the phase `compare`; kind of failure: `numeric`." in text
    assert "first at [0, 3, 1]" in text
    assert "| 0 `4x17x65xf32` | 0.25 | 12x | 12 of 4420 | 0 |" in text
    assert text.count("4x17x65xf32` |") == 1
    assert (
        "First bad release: 3.12.0 (last good: 3.11.0).\n\nCommits: https://github.com/iree-org/iree/compare/a" in text
    )
    assert (
        "pip install iree-base-compiler==3.12.0 iree-base-runtime==3.12.0\niree-compile model.mlir -o model.vmfb"
        in text
    )
    assert "\niree-run-module --module=model.vmfb --input=@0.npy\n" in text
    assert "/opt/iree" not in text
    assert "Files to attach, in `results/latest/.work/x`: `0.npy`." in text
    assert "```mlir\nfunc.func @f() {\n}\n```" in text
    assert "- commit of the compiler: 89ece87b5a02\n- image: quality:3f2a" in text
    assert "commit of the runtime" not in text
    assert "- GPU: gfx942" in text


def test_an_emulated_device_is_told() -> None:
    device = Device(driver="hip", name="MI300X", uuid="GPU-9ba5", chip="gfx942", emulator="rocjitsu 10.1.0")
    text = bug_report.render(failed(devices=(device,)), report(failed()))
    assert "The device is emulated by rocjitsu 10.1.0." in text
    assert "- device: MI300X (hip, gfx942, emulated by rocjitsu 10.1.0)" in text
    assert "emulated" not in bug_report.render(failed(), report(failed()))


def test_what_is_not_known_is_left_out() -> None:
    crashed = failed(Kind.CRASH, phase=Phase.COMPILE, outputs=(), log_tail="", reason="")
    text = bug_report.render(crashed, report(crashed))
    assert "Not known; this command finds the release:\n\n```text\nharness bisect tiny/vae --backend cpu\n```" in text
    assert "pip install iree-base-compiler iree-base-runtime" in text
    assert "## Log" not in text
    assert "| output" not in text
    assert "attach" not in text
    assert "IREE of an unknown release" in text


def test_text_of_others_stays_in_its_place() -> None:
    hostile = failed(log_tail="````\n# not a heading\n\x1b[31mred", reason="<b>@team</b>\nsecond", submodel="a|b")
    material = Material(program="```\n# neither\n")
    text = bug_report.render(hostile, report(hostile), material=material)
    assert "\x1b" not in text
    assert r"&lt;b&gt;\@team&lt;/b&gt;" in text.splitlines()[0]
    assert "`````text\n````\n# not a heading" in text
    assert "````mlir\n```\n# neither\n````" in text


def test_an_unexpected_pass_is_no_failure() -> None:
    passed = outcome(Status.XPASSED, kind=None, release="3.13.0")
    assert "the program for `cpu` is `xpassed`." in bug_report.render(passed, report(passed))
