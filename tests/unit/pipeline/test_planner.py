from dataclasses import replace
from typing import Any, TypeVar

import msgspec
import pytest

from harness.core.budgets import Limit, Quantity
from harness.core.cases import Backend, Case, ModelSpec, Program, RandomWeights, Target, Weights
from harness.core.statuses import Kind, Status
from harness.core.tensors import Literal, Thresholds
from harness.pipeline import shell_script
from harness.pipeline.options import Options
from harness.pipeline.planner import module_key
from harness.pipeline.steps import (
    Compare,
    Compile,
    Draw,
    ExpectedFile,
    ExpectedValue,
    Fetch,
    Link,
    Plan,
    Run,
    needs,
    written_sha256,
)
from harness.pipeline.targets import cases
from tests.unit.samples import CPU, MI300, blob, planned, release, rocm_spec, spec, tensor

STATISTICS = ("--iree-scheduling-dump-statistics-format=json", "--iree-scheduling-dump-statistics-file=statistics.json")
TUNER = "--iree-codegen-transform-dialect-library"


_T = TypeVar("_T", Compile, Draw, Run, Compare)


def only(plan: Plan, kind: type[_T]) -> _T:
    (step,) = [step for step in plan.steps if isinstance(step, kind)]
    return step


def run(options: Options | None = None, **changes: Any) -> Run:
    return only(planned(spec(**changes), options=options), Run)


def test_a_case_on_the_cpu() -> None:
    fetches = [Fetch(blob=blob(name)) for name in ("clip.mlir", "in.bin", "clip.irpa", "out.bin")]
    compile_ = Compile(
        release="3.13.0",
        argv=("iree-compile", "model.mlir", "-o", "model.vmfb", "--iree-hal-target-device=local", *STATISTICS),
        links=(Link(name="model.mlir", blob=blob("clip.mlir")),),
        module="model.vmfb",
        products=("model.vmfb", "statistics.json"),
        added=STATISTICS,
    )
    inputs = (("input.0.bin", tensor("in.bin", "2x16xi64").type),)
    run_ = Run(
        case_id="tiny/clip[cpu]",
        argv=(
            "iree-run-module",
            "--device=local-task",
            "--module=model.vmfb",
            "--parameters=model=weights.irpa",
            "--function=encode",
            "--input=2x16xi64=@input.0.bin",
            "--output=@0.npy",
        ),
        links=(Link(name="input.0.bin", blob=blob("in.bin")), Link(name="weights.irpa", blob=blob("clip.irpa"))),
        inputs=inputs,
        compiles=(compile_,),
        devices=("local-task",),
        outputs=("0.npy",),
    )
    link = Link(name="expected.0.bin", blob=blob("out.bin"))
    expected = ExpectedFile(link=link, type=tensor("out.bin", "2x48xf32").type)
    compare = Compare(run=run_, expected=(expected,), thresholds=spec().thresholds)
    assert planned().steps == (fetches[0], compile_, *fetches[1:], run_, compare)


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("3.9.0", ("--iree-hip-target=gfx942", "--iree-hal-target-device=hip", "--iree-hip-waves-per-eu=2")),
        ("3.13.0", ("--iree-rocm-target=gfx942", "--iree-hal-target-device=hip", "--iree-rocm-waves-per-eu=2")),
    ],
)
def test_a_case_on_a_chip(name: str, own: tuple[str, ...]) -> None:
    model = rocm_spec(compiler_flags=("--iree-hal-target-device=hip", "--iree-hip-waves-per-eu=2"))
    plan = planned(model, MI300, name)
    assert only(plan, Compile).argv == ("iree-compile", "model.mlir", "-o", "model.vmfb", *own, *STATISTICS)
    ran = only(plan, Run)
    assert (ran.case_id, ran.devices, ran.chip) == ("tiny/clip[rocm-gfx942]", ("hip",), "gfx942")
    renamed = "--iree-hip-waves-per-eu=2 becomes --iree-rocm-waves-per-eu=2 on 3.13.0"
    assert plan.notes == ((renamed,) if name == "3.13.0" else ())


@pytest.mark.parametrize("name", ["3.0.0", "3.13.0"])
def test_a_case_on_a_chip_of_nvidia(name: str) -> None:
    flags = ("--iree-hal-target-device=cuda", "--iree-cuda-target-features=+ptx76")
    model = spec(backend=Backend.CUDA, devices=("cuda",), compiler_flags=flags)
    plan = planned(model, Target(backend=Backend.CUDA, chip="sm_80"), name)
    own = ("--iree-cuda-target=sm_80", *flags)
    assert only(plan, Compile).argv == ("iree-compile", "model.mlir", "-o", "model.vmfb", *own, *STATISTICS)
    ran = only(plan, Run)
    assert (ran.case_id, ran.devices, ran.chip) == ("tiny/clip[cuda-sm_80]", ("cuda",), "sm_80")
    assert plan.notes == ()


def test_a_pipeline_comes_after_the_model_whose_functions_it_calls() -> None:
    flags = {"compiler_flags": ("--x=True",), "pipeline_compiler_flags": ("--x=True", "--y")}
    model = spec(pipeline_mlir=blob("pipe.mlir"), add_pipeline_module=True, **flags)
    plan = planned(model)
    first, second = (step for step in plan.steps if isinstance(step, Compile))
    assert second.argv == ("iree-compile", "pipeline.mlir", "-o", "pipeline.vmfb", "--x=true", "--y", *STATISTICS)
    assert second.links == (Link(name="pipeline.mlir", blob=blob("pipe.mlir")),)
    assert second.products == ("pipeline.vmfb", "statistics.json")
    ran = only(plan, Run)
    assert ran.compiles == (first, second)
    assert ran.argv[1:4] == ("--device=local-task", "--module=model.vmfb", "--module=pipeline.vmfb")
    assert plan.notes == ("--x=True becomes --x=true on 3.13.0",), "once, though both have the flag"


def test_a_pipeline_that_is_not_added_is_compiled_and_not_run() -> None:
    plan = planned(spec(pipeline_mlir=blob("pipe.mlir")))
    first, second = (step for step in plan.steps if isinstance(step, Compile))
    assert (first.module, second.module) == ("model.vmfb", "pipeline.vmfb")
    assert only(plan, Run).compiles == (first,)
    assert "--module=pipeline.vmfb" not in only(plan, Run).argv


@pytest.mark.parametrize(
    ("name", "flag"), [("3.10.0", "--iree-opt-splat-parameters"), ("3.11.0", "--iree-parameter-splat")]
)
def test_without_weights_the_compiler_makes_stand_ins(name: str, flag: str) -> None:
    plan = planned(spec(real_weights=None), name=name)
    compile_, ran = only(plan, Compile), only(plan, Run)
    assert compile_.argv[-3:] == (f"{flag}=weights.irpa", *STATISTICS)
    assert compile_.products == ("model.vmfb", "statistics.json", "weights.irpa")
    assert "--parameters=model=weights.irpa" in ran.argv
    assert [link.name for link in ran.links] == ["input.0.bin"]


@pytest.mark.parametrize(
    ("name", "linked"),
    [
        ("a.irpa", "weights.irpa"),
        ("a.gguf", "weights.gguf"),
        ("a.safetensors", "weights.safetensors"),
        ("a", "weights.irpa"),
    ],
)
def test_the_suffix_of_weights_tells_their_format(name: str, linked: str) -> None:
    ran = run(real_weights=blob(name))
    assert ran.links[-1] == Link(name=linked, blob=blob(name))
    assert f"--parameters=model={linked}" in ran.argv


def test_tuning_specs_go_by_sku() -> None:
    model = rocm_spec(tuner_file={"mi300": blob("tune300.mlir"), "mi308": blob("tune308.mlir")})
    mi300 = only(planned(model, MI300), Compile)
    assert mi300.argv[-3:] == (f"{TUNER}=tuner.mlir", *STATISTICS)
    assert mi300.links[-1] == Link(name="tuner.mlir", blob=blob("tune300.mlir"))
    for sku, notes in ((None, ()), ("mi355", ("no tuner file for mi355; the spec has some for mi300, mi308",))):
        plan = planned(model, Target(backend=Backend.ROCM, chip="gfx942", sku=sku))
        assert not any(flag.startswith(TUNER) for flag in only(plan, Compile).argv)
        assert plan.notes == notes


def test_files_that_flags_name_have_plain_names() -> None:
    files = {"specs/a b.mlir": blob("a%20b.mlir"), "other/b.mlir": blob("b.mlir")}
    flags = (f"{TUNER}=specs/a b.mlir", "--x", "--iree-codegen-tuning-spec-path=other/b.mlir")
    compile_ = only(planned(spec(compiler_flags=flags, flag_files=files)), Compile)
    own = (f"{TUNER}=0.a_20b.mlir", "--x", "--iree-codegen-tuning-spec-path=1.b.mlir")
    assert compile_.argv[4:-2] == own
    assert compile_.links[1:] == (
        Link(name="0.a_20b.mlir", blob=blob("a%20b.mlir")),
        Link(name="1.b.mlir", blob=blob("b.mlir")),
    )


def test_files_in_lists_have_plain_names_and_are_in_the_key() -> None:
    files = {"/x.mlir": blob("x,y.mlir"), "z.mlir": blob("z.mlir")}
    flags = ("--iree-hal-substitute-executable-source=a=/x.mlir,b=z.mlir",)
    compile_ = only(planned(spec(compiler_flags=flags, flag_files=files)), Compile)
    assert compile_.argv[4:-2] == ("--iree-hal-substitute-executable-source=a=0.x_y.mlir,b=1.z.mlir",)
    assert [link.name for link in compile_.links] == ["model.mlir", "0.x_y.mlir", "1.z.mlir"]
    digests = {link.blob: "1" for link in compile_.links}
    changed = digests | {files["z.mlir"]: "2"}
    assert len({module_key(compile_, each, build="", host_cpu="") for each in (digests, changed)}) == 2


def test_whose_compile_time_is_compared_compiles_itself() -> None:
    """A module that another machine compiled says how long it took there."""

    def is_private(options: Options | None = None, **fields: Any) -> bool:
        return only(planned(spec(**fields), options=options), Compile).is_private

    limits = {quantity: {"cpu": Limit(golden=1)} for quantity in Quantity}
    assert is_private(budget={Quantity.COMPILE_SECONDS: limits[Quantity.COMPILE_SECONDS]})
    assert not is_private(budget={key: each for key, each in limits.items() if key is not Quantity.COMPILE_SECONDS})
    assert is_private(Options(measures_compiler=True))
    assert is_private(compiler_flags=("--iree-rocm-bc-dir=/opt",), trust_flags=True)
    assert not is_private()


def test_a_module_is_not_used_again_if_a_flag_reads_what_nobody_sees() -> None:
    def nonce(*flags: str, trust: bool = True) -> str:
        plan_ = planned(spec(compiler_flags=flags, trust_flags=trust), options=Options(nonce="n"))
        return only(plan_, Compile).nonce

    assert (
        nonce("--iree-rocm-bc-dir=/opt") == nonce("--new-flag") == nonce("--dump-compilation-phases-to=/tmp/x") == "n"
    )
    assert nonce("--verify") == nonce("--dump-compilation-phases-to=x") == nonce("--verify", trust=False) == ""
    assert Options().nonce != Options().nonce
    step = only(planned(spec()), Compile)
    digests = {link.blob: "1" for link in step.links}
    keys = [
        module_key(msgspec.structs.replace(step, nonce=each), digests, build="", host_cpu="") for each in ("", "a", "b")
    ]
    assert len(set(keys)) == 3


FLAGS_FOR = {
    ">=3.11": ("--iree-rocm-waves-per-eu=2",),
    "<3.11": ("--y", "--iree-rocm-waves-per-eu=4"),
    ">3.5,<3.9": (),
    ">=3.12": (f"{TUNER}=b.mlir",),
}


@pytest.mark.parametrize(
    ("name", "added", "notes"),
    [
        (
            "3.9.0",
            ("--y", "--iree-hip-waves-per-eu=4"),
            (
                "flags_for '<3.11' adds --y --iree-rocm-waves-per-eu=4 on 3.9.0",
                "--iree-rocm-waves-per-eu=4 becomes --iree-hip-waves-per-eu=4 on 3.9.0",
            ),
        ),
        (
            "3.11.0",
            ("--iree-rocm-waves-per-eu=2",),
            ("flags_for '>=3.11' adds --iree-rocm-waves-per-eu=2 on 3.11.0",),
        ),
        (
            "3.13.0",
            ("--iree-rocm-waves-per-eu=2", f"{TUNER}=0.b.mlir"),
            (
                "flags_for '>=3.11' adds --iree-rocm-waves-per-eu=2 on 3.13.0",
                f"flags_for '>=3.12' adds {TUNER}=b.mlir on 3.13.0",
            ),
        ),
    ],
)
def test_flags_for_a_range_of_releases_are_added_to_the_models_and_translated(
    name: str, added: tuple[str, ...], notes: tuple[str, ...]
) -> None:
    changes = {"flags_for": FLAGS_FOR, "flag_files": {"b.mlir": blob("b.mlir")}, "pipeline_mlir": blob("pipe.mlir")}
    plan = planned(rocm_spec(compiler_flags=("--x",), **changes), MI300, name)
    first, second = (step for step in plan.steps if isinstance(step, Compile))
    assert first.argv[5:-2] == ("--x", *added)
    assert second.argv[5:-2] == ()
    assert (Link(name="0.b.mlir", blob=blob("b.mlir")) in first.links) is (name == "3.13.0")
    assert plan.notes == notes


def test_arguments_of_the_run_come_last_and_must_be_known_to_the_release() -> None:
    model = spec(run_args=("--device_allocator=caching", "--print_device_statistics"))
    (run,) = (step for step in planned(model).steps if isinstance(step, Run))
    assert [word for word in run.argv if not word.startswith("--output")][-2:] == list(model.run_args)
    blocked = planned(model, name="3.11.0").blocked
    assert blocked is not None
    assert (blocked.status, blocked.reason) == (
        Status.UNSUPPORTED,
        "IREE 3.11.0 has no flag --print_device_statistics; available in 3.12.0 and later",
    )
    assert planned(model, replace(CPU, compile_only=True), "3.11.0").blocked is None
    tolerant = spec(threshold_args=("--expected_rtol=1e-3",))
    assert planned(tolerant, name="3.11.0").blocked is None
    compared = planned(tolerant, name="3.11.0", options=Options(tool_verdict=True)).blocked
    assert compared is not None
    assert "no flag --expected_rtol" in compared.reason


def test_what_the_tool_cannot_be_told_of_thresholds_is_said() -> None:
    model = spec(thresholds=Thresholds(other_atol=1))
    assert planned(model).notes == ()
    (note,) = planned(model, options=Options(tool_verdict=True)).notes
    assert note == "iree-run-module has thresholds of floats only, and to it a NaN equals a NaN; see --verdict"


def test_equal_modules_of_specs_are_one_step() -> None:
    shared = Program(mlir=blob("inner.mlir"), compiler_flags=("--iree-opt-level=O2",))
    one = planned(spec(modules=(shared,), flags_for={"==3.13": ("--mlir-timing",)}))
    other = planned(spec(submodel="other", mlir=blob("other.mlir"), modules=(shared,)))
    first, own = (step for step in one.steps if isinstance(step, Compile))
    assert first in other.steps
    assert own not in other.steps
    assert (first.module, first.label, own.module, own.label) == (
        "module_0.vmfb",
        "compile_module_0",
        "model.vmfb",
        "compile",
    )
    assert ("--iree-opt-level=O2" in first.argv, "--mlir-timing" in first.argv, "--mlir-timing" in own.argv) == (
        True,
        False,
        True,
    )
    run_ = only(one, Run)
    assert run_.compiles == (first, own)
    assert [word for word in run_.argv if word.startswith("--module")] == [
        "--module=module_0.vmfb",
        "--module=model.vmfb",
    ]
    assert blob("inner.mlir") in spec(modules=(shared,)).blobs


def test_random_weights_are_drawn_once_after_the_compilations() -> None:
    random = tuple(RandomWeights(seed=3, scope=scope) for scope in ("model", "lora"))
    archive = Weights(blob=blob("a.gguf"))
    plan = planned(spec(real_weights=None, weights=(*random, archive), modules=(Program(mlir=blob("m.mlir")),)))
    run_, draw = only(plan, Run), only(plan, Draw)
    assert draw == Draw(seed=3, compiles=run_.compiles)
    assert run_.drawn == (("weights.0.irpa", draw), ("weights.1.irpa", draw))
    assert [word for word in run_.argv if word.startswith("--parameters")] == [
        "--parameters=model=weights.0.irpa",
        "--parameters=lora=weights.1.irpa",
        "--parameters=weights.2.gguf",
    ]
    assert needs(draw) == run_.compiles
    assert draw in needs(run_)
    assert "# weights.0.irpa: random weights with the seed 3" in shell_script.render(plan)
    assert not any("splat" in word for each in run_.compiles for word in each.argv)


def test_flags_for_a_range_may_be_unsupported() -> None:
    model = spec(flags_for={"<3.7": ("--iree-dispatch-creation-data-tiling",)})
    blocked = planned(model, name="3.6.0").blocked
    assert blocked is not None
    assert blocked.status is Status.UNSUPPORTED
    assert planned(model, name="3.7.0").blocked is None


def pinned(name: str, **changes: Any) -> Plan:
    return planned(spec(**changes), name=name, options=Options(pin_defaults=release("3.7.0")))


def test_defaults_may_be_pinned_to_those_of_a_release() -> None:
    tiling, reassociate = "--iree-opt-data-tiling", "--iree-llvmcpu-reassociate-fp-reductions"
    changes = {"pipeline_mlir": blob("pipe.mlir"), "pipeline_compiler_flags": ("--b", f"{reassociate}=False")}
    own = {"compiler_flags": ("--a",), "flags_for": {">=3.9": (f"{tiling}=false",)}}
    plan = pinned("3.13.0", **changes, **own)
    first, second = (step for step in plan.steps if isinstance(step, Compile))
    assert first.argv[4:-2] == ("--a", f"{tiling}=false", f"{reassociate}=true")
    assert second.argv[4:-2] == ("--b", f"{reassociate}=false", f"{tiling}=true")
    assert plan.notes == (
        f"flags_for '>=3.9' adds {tiling}=false on 3.13.0",
        f"{reassociate}=true added: the default of 3.7.0",
        f"{tiling}=true added: the default of 3.7.0",
        f"{reassociate}=False becomes {reassociate}=false on 3.13.0",
    )
    assert only(pinned("3.8.0", **own), Compile).argv[4:-2] == ("--a", f"{tiling}=true", f"{reassociate}=true")


def test_pinned_defaults_are_told_once_and_change_nothing_on_a_gpu() -> None:
    plan = pinned("3.13.0", pipeline_mlir=blob("pipe.mlir"))
    assert len(plan.notes) == 2
    on_rocm = planned(rocm_spec(), MI300, options=Options(pin_defaults=release("3.7.0")))
    assert on_rocm == planned(rocm_spec(), MI300)


def test_inputs_that_say_their_own_type_and_types_that_the_tool_spells_otherwise() -> None:
    inputs = (tensor("a.npy"), tensor("b.npy", "4xf32"), tensor("c.raw", "2xcomplex<f32>"), tensor("d", "complex<f64>"))
    ran = run(inputs=inputs)
    wanted = ("@input.0.npy", "@input.1.npy", "2xcf64=@input.2.bin", "cf128=@input.3.bin")
    assert tuple(flag for flag in ran.argv if "--input=" in flag) == tuple(f"--input={each}" for each in wanted)
    assert ran.inputs == tuple((link.name, each.type) for link, each in zip(ran.links, inputs, strict=False))


def test_ignored_outputs_are_dropped() -> None:
    plan = planned(spec(outputs=(None, tensor("b.npy"), None)))
    ran, compare = only(plan, Run), only(plan, Compare)
    assert ran.argv[-3:] == ("--output=", "--output=@1.npy", "--output=")
    assert ran.outputs == ("", "1.npy", "")
    link = Link(name="expected.1.npy", blob=blob("b.npy"))
    assert compare.expected == (None, ExpectedFile(link=link, type=None), None)


def test_the_digest_of_what_a_spec_writes_out() -> None:
    def digest(**changes: Any) -> str:
        return written_sha256(planned(spec(**changes)).own)

    assert digest(outputs=(tensor("b.npy"), None)) == ""
    long, longer = ((Literal(text=f"{size}xf32=1 {'2 ' * (size - 1)}"),) for size in (3000, 3001))
    found = [
        digest(outputs=(Literal(text=f"2xf32={number}"),), inputs=given)
        for number in (1, 2)
        for given in (long, longer)
    ]
    assert len(set(found)) == 4
    drawn = [digest(real_weights=None, weights=(RandomWeights(seed=seed, scope="model"),)) for seed in (1, 2)]
    assert len({"", *drawn}) == 3


def test_values_that_are_written_out_are_given_as_the_tool_needs_them() -> None:
    written = ("2xi32=1 2", "5", "2xi1=1 0", "complex<f32>=1.5-2i", "i8=255")
    outputs = (Literal(text="2xi1=1 0"), Literal(text="2xbf16=1"))
    plan = planned(spec(inputs=tuple(Literal(text=text) for text in written), outputs=outputs))
    ran = only(plan, Run)
    given = ["2xi32=1 2", "5", "2xi1=01 00", "cf64=0000c03f000000c0", "i8=-1"]
    assert [flag for flag in ran.argv if "--input=" in flag] == [f"--input={each}" for each in given]
    assert ran.outputs == ("0.npy", "1.bin")
    assert only(plan, Compare).expected == tuple(ExpectedValue(text=each.text) for each in outputs)
    judged = only(planned(spec(outputs=outputs), options=Options(tool_verdict=True)), Run)
    assert judged.argv[-2:] == ("--expected_output=2xi1=01 00", "--expected_output=2xbf16=1")


def test_without_expected_outputs_nothing_is_compared() -> None:
    plan = planned(spec(outputs=(), run_function=None))
    assert isinstance(plan.steps[-1], Run)
    assert plan.steps[-1].argv[-1] == "--input=2x16xi64=@input.0.bin"


def test_the_tool_may_judge() -> None:
    outputs = (tensor("a.bin", "2xf16"), None, tensor("c.npy"))
    model = spec(outputs=outputs, threshold_args=("--expected_f16_threshold=1.0f",))
    plan = planned(model, options=Options(tool_verdict=True))
    ran = only(plan, Run)
    assert plan.steps[-1] == ran
    assert ran.argv[-4:] == (
        "--expected_output=2xf16=@expected.0.bin",
        "--expected_output=(ignored)",
        "--expected_output=@expected.2.npy",
        "--expected_f16_threshold=1.0f",
    )
    assert [link.name for link in ran.links[-2:]] == ["expected.0.bin", "expected.2.npy"]
    assert ran.outputs == ()
    assert Fetch(blob=blob("a.bin")) in plan.steps


def test_a_wrapper_goes_before_the_program() -> None:
    ran = run(options=Options(run_wrapper=("rocprofv3", "--stats", "--")))
    assert ran.argv[:4] == ("rocprofv3", "--stats", "--", "iree-run-module")


@pytest.mark.parametrize(
    ("model", "target"),
    [
        (rocm_spec(compile_only=True), MI300),
        (rocm_spec(), Target(backend=Backend.ROCM, chip="gfx942", compile_only=True)),
        (rocm_spec(compile_chip_expecting_to_fail=("gfx942",)), MI300),
    ],
)
def test_what_ends_with_its_modules(model: ModelSpec, target: Target) -> None:
    plan = planned(model, target)
    assert plan.case.is_compile_only
    assert [type(step) for step in plan.steps] == [Fetch, Compile]


def test_a_chip_that_is_expected_to_fail_is_so_alone() -> None:
    model = rocm_spec(compile_chip_expecting_to_fail=("gfx90a",))
    failing = planned(model, Target(backend=Backend.ROCM, chip="gfx90a"))
    assert failing.notes == ("compiling for gfx90a is expected to fail, so nothing is run",)
    assert not Case(spec=model, target=MI300).expects_compile_failure
    assert isinstance(planned(model, MI300).steps[-1], Compare)


def test_what_stands_in_the_way_of_a_case() -> None:
    nowhere = planned(rocm_spec(), Target(backend=Backend.ROCM))
    assert nowhere.steps == ()
    assert nowhere.blocked is not None
    assert (nowhere.blocked.status, nowhere.blocked.kind) == (Status.ERROR, Kind.DEVICE)
    assert "--compile-chip gfx942" in nowhere.blocked.reason
    nameless = planned(spec(backend=Backend.CUDA, devices=("cuda",)), Target(backend=Backend.CUDA)).blocked
    assert nameless is not None
    assert (nameless.status, nameless.kind) == (Status.ERROR, Kind.DEVICE)
    assert "--chip sm_80" in nameless.reason
    lacks = "IREE 3.4.0 has no flag --iree-dispatch-creation-data-tiling; available in 3.7.0 and later"
    for model, target, reason in (
        (
            rocm_spec(),
            Target(backend=Backend.ROCM, chip="gfx950"),
            "IREE 3.4.0 cannot compile for gfx950; supported in ",
        ),
        (spec(compiler_flags=("--iree-dispatch-creation-data-tiling",)), CPU, lacks),
        (spec(pipeline_mlir=blob("p"), pipeline_compiler_flags=("--iree-dispatch-creation-data-tiling",)), CPU, lacks),
    ):
        blocked = planned(model, target, "3.4.0").blocked
        assert blocked is not None
        assert (blocked.status, blocked.kind) == (Status.UNSUPPORTED, None)
        assert blocked.reason.startswith(reason)
        assert planned(model, target, "3.7.0").blocked is None


def test_a_field_without_effect_is_said_to_have_none() -> None:
    (note,) = planned(spec(custom_real_weights_group="clip")).notes
    assert note.startswith("custom_real_weights_group 'clip' has no effect")


def test_cases_are_specs_on_targets_of_their_backend() -> None:
    on_cpu, on_rocm = spec(), rocm_spec()
    mi355 = Target(backend=Backend.ROCM, chip="gfx950")
    found = cases([on_cpu, on_rocm], (CPU, MI300, mi355))
    assert [case.id for case in found] == ["tiny/clip[cpu]", "tiny/clip[rocm-gfx942]", "tiny/clip[rocm-gfx950]"]
    assert cases([on_rocm], (CPU,)) == []


def test_devices_are_named_in_order() -> None:
    ran = only(planned(spec(devices=("local-task", "local-task"))), Run)
    assert ran.argv[:4] == ("iree-run-module", "--device=local-task", "--device=local-task", "--module=model.vmfb")
    several = only(planned(rocm_spec(devices=("hip://1", "hip://0")), MI300), Run)
    assert several.argv[1:3] == ("--device=hip://1", "--device=hip://0")
    assert several.devices == ("hip://1", "hip://0")


def test_a_chip_for_which_nothing_is_done() -> None:
    model = rocm_spec(ignored_chips=("gfx942",), lines={"$.specific_chip_to_ignore": 7})
    blocked = planned(model, MI300).blocked
    assert blocked
    assert blocked.status is Status.SKIPPED
    assert blocked.reason == f"{model.path}:7 says so (specific_chip_to_ignore has gfx942)"
    assert not planned(rocm_spec(ignored_chips=("gfx90a",)), MI300).blocked


def test_a_spec_whose_flags_are_for_a_chip() -> None:
    other, unknown = (replace(MI300, chip=chip) for chip in ("gfx90a", None))
    found = cases([rocm_spec(chip="gfx942"), rocm_spec()], (MI300, other, unknown, CPU))
    assert [(each.spec.chip, each.target.chip) for each in found] == [
        ("gfx942", "gfx942"),
        ("gfx942", None),
        (None, "gfx942"),
        (None, "gfx90a"),
        (None, None),
    ]


def test_what_is_only_compiled_needs_no_stand_ins() -> None:
    step = only(planned(spec(real_weights=None, compile_only=True)), Compile)
    assert not [flag for flag in step.argv if "splat" in flag]


def test_each_program_has_its_own_tuning_specs() -> None:
    module = Program(mlir=blob("first.mlir"), tuner_file={"mi300": blob("first_tuner.mlir")})
    model = rocm_spec(modules=(module,), tuner_file={})
    first, second = (step for step in planned(model, MI300).steps if isinstance(step, Compile))
    assert Link(name="tuner.mlir", blob=blob("first_tuner.mlir")) in first.links
    assert f"{TUNER}=tuner.mlir" in first.argv
    assert not [flag for flag in second.argv if TUNER in flag]
    assert blob("first_tuner.mlir") in model.blobs
