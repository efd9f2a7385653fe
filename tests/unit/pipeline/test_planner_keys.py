import dataclasses
import shlex
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.blobs import Blob
from harness.core.cases import Backend, ModelSpec, Target
from harness.pipeline.options import Options
from harness.pipeline.planner import module_key
from harness.pipeline.shell_script import render
from harness.pipeline.steps import Compile, Fetch, Link, Plan, needs
from tests.unit.samples import CPU, MI300, blob, planned, rocm_spec, spec, tensor

HOSTILE = 'Model from "x"; rm -rf'
STEP = Compile(
    release="3.13.0",
    argv=("iree-compile", "model.mlir", "-o", "model.vmfb", "--iree-llvmcpu-target-cpu=generic"),
    links=(Link(name="model.mlir", blob=blob("clip.mlir")), Link(name="tuner.mlir", blob=blob("tune.mlir"))),
    module="model.vmfb",
    products=("model.vmfb",),
)
HOST = msgspec.structs.replace(STEP, argv=(*STEP.argv[:-1], "--iree-llvmcpu-target-cpu=host"))
DIGESTS = {blob("clip.mlir"): "aa", blob("tune.mlir"): "bb"}


def key(step: Compile = STEP, digests: Mapping[Blob, str] = DIGESTS, build: str = "b1", host_cpu: str = "zen4") -> str:
    return module_key(step, digests, build=build, host_cpu=host_cpu)


def test_a_key_changes_with_each_part() -> None:
    more = msgspec.structs.replace(STEP, argv=(*STEP.argv, "--x"))
    renamed = msgspec.structs.replace(STEP, links=(STEP.links[0], dataclasses.replace(STEP.links[1], name="t.mlir")))
    keys = [
        key(),
        key(more),
        key(renamed),
        key(HOST),
        key(digests=DIGESTS | {blob("clip.mlir"): "cc"}),
        key(digests=DIGESTS | {blob("tune.mlir"): "cc"}),
        key(digests={blob("clip.mlir"): "bb", blob("tune.mlir"): "aa"}),
        key(build="b2"),
    ]
    assert len(set(keys)) == len(keys)
    assert all(len(each) == 64 for each in keys)


def test_a_key_changes_with_nothing_else() -> None:
    elsewhere = Blob(url="file:///else/where.mlir", sha256="aa", size_bytes=1)
    moved = msgspec.structs.replace(STEP, links=(Link(name="model.mlir", blob=elsewhere), *STEP.links[1:]))
    assert key(moved, DIGESTS | {elsewhere: "aa"}) == key()
    assert key(msgspec.structs.replace(STEP, links=STEP.links[::-1])) == key()
    assert key(digests=DIGESTS | {blob("other"): "cc"}) == key()
    assert key(host_cpu="zen5") == key()


@pytest.mark.parametrize("flag", ["--iree-llvmcpu-target-cpu=host", "--iree-llvmcpu-target-cpu-features=host"])
def test_the_cpu_counts_where_a_flag_says_host(flag: str) -> None:
    step = msgspec.structs.replace(STEP, argv=(*STEP.argv, flag))
    assert key(step, host_cpu="zen4") != key(step, host_cpu="zen5")


def test_cases_that_compile_the_same_share_the_step() -> None:
    one = planned(spec(submodel="a", inputs=(), real_weights=blob("a.irpa")))
    other = planned(spec(submodel="b", outputs=(), real_weights=blob("b.irpa"), devices=("local-sync",)))
    shared = set(one.steps) & set(other.steps)
    assert {type(step).__name__ for step in shared} == {"Fetch", "Compile"}
    chips = [planned(rocm_spec(), Target(backend=Backend.ROCM, chip=chip)) for chip in ("gfx942", "gfx90a")]
    assert not {step for step in set(chips[0].steps) & set(chips[1].steps) if isinstance(step, Compile)}


def test_what_steps_need() -> None:
    plan = planned(spec(pipeline_mlir=blob("pipe.mlir"), add_pipeline_module=True))
    mlir, pipe, inputs, weights, expected = (
        Fetch(blob=blob(name)) for name in ("clip.mlir", "pipe.mlir", "in.bin", "clip.irpa", "out.bin")
    )
    assert plan.steps[:2] == (mlir, pipe)
    model, pipeline, run, compare = (step for step in plan.steps if not isinstance(step, Fetch))
    assert (needs(mlir), needs(model), needs(pipeline)) == ((), (mlir,), (pipe,))
    assert needs(run) == (inputs, weights, model, pipeline)
    assert needs(compare) == (expected, run)


names = st.sampled_from(["a.mlir", "b.bin", "c.irpa"])
tensors = st.builds(tensor, names, st.just("4xf32"))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Draw the plan of any spec; blobs may be the same in several places."""
    fields: dict[str, Any] = {
        "mlir": blob(draw(names)),
        "inputs": draw(st.lists(tensors, max_size=3).map(tuple)),
        "outputs": draw(st.lists(tensors | st.none(), max_size=3).map(tuple)),
        "real_weights": draw(st.none() | names.map(blob)),
        "pipeline_mlir": draw(st.none() | names.map(blob)),
        "add_pipeline_module": draw(st.booleans()),
        "compile_only": draw(st.booleans()),
    }
    target = draw(st.sampled_from([CPU, MI300]))
    model: ModelSpec = (spec if target is CPU else rocm_spec)(**fields)
    return planned(model, target, options=Options(tool_verdict=draw(st.booleans())))


@given(plans())
def test_everything_a_step_needs_comes_before_it_and_once(plan: Plan) -> None:
    assert len(set(plan.steps)) == len(plan.steps)
    for place, step in enumerate(plan.steps):
        assert set(needs(step)) <= set(plan.steps[:place])


GOLDEN = """\
# tiny/clip[cpu]
# --x=True becomes --x=true on 3.13.0
curl --fail --location --output model.mlir https://host/clip.mlir
iree-compile model.mlir -o model.vmfb --x=true --iree-parameter-splat=weights.irpa \
--iree-scheduling-dump-statistics-format=json --iree-scheduling-dump-statistics-file=statistics.json
ln -sf '/specs/a b.npy' input.0.npy
prof '$HOME' iree-run-module --device=local-task --module=model.vmfb --parameters=model=weights.irpa \
'--function=Model from "x"; rm -rf' --input=@input.0.npy --output=@0.npy --output=
# compare 0.npy with expected.0.bin (2x48xf32): https://host/out.bin"""


def test_a_plan_is_shown_as_a_script() -> None:
    local = dataclasses.replace(tensor("a.npy"), blob=Blob(url="file:///specs/a%20b.npy"))
    outputs = (tensor("out.bin", "2x48xf32"), None)
    fields = {"inputs": (local,), "outputs": outputs, "real_weights": None, "compiler_flags": ("--x=True",)}
    plan = planned(spec(**fields, run_function=HOSTILE), options=Options(run_wrapper=("prof", "$HOME")))
    assert render(plan) == GOLDEN


def test_nothing_in_a_plan_can_become_a_command_of_the_script() -> None:
    evil = "\nrm -rf $HOME; `reboot`"
    fields: dict[str, Any] = {
        "submodel": f"clip{evil}",
        "mlir": blob(f"a{evil}"),
        "inputs": (tensor(f"b{evil}", "4xf32"),),
        "outputs": (tensor(f"c{evil}", "4xf32"),),
        "run_function": evil,
        "compiler_flags": (f"--iree-hip-bc-dir={evil}", f"--x{evil}"),
        "flags_for": {">=3.0": (f"--y{evil}",)},
        "custom_real_weights_group": evil,
    }
    for name in ("3.13.0", "3.4.0"):
        for line in [shlex.split(line, comments=True) for line in joined(render(planned(spec(**fields), name=name)))]:
            assert not line or line[0] in {"curl", "iree-compile", "iree-run-module"}
    unsupported = render(planned(spec(compiler_flags=(f"--iree-rocm-use-spirv={evil}",)), name="3.4.0"))
    assert all(line.startswith("# ") for line in unsupported.splitlines())


def joined(script: str) -> list[str]:
    """Return the lines of a script; what is quoted may hold line ends."""
    lines: list[str] = []
    for line in script.split("\n"):
        if lines and lines[-1].count("'") % 2 and not lines[-1].startswith("#"):
            lines[-1] += f"\n{line}"
        else:
            lines.append(line)
    return lines


def test_a_file_of_two_steps_is_had_once_by_the_script() -> None:
    flags = ("--iree-codegen-tuning-spec-path=tune.mlir",)
    both = {"compiler_flags": flags, "pipeline_compiler_flags": flags, "flag_files": {"tune.mlir": blob("tune.mlir")}}
    plan = planned(spec(**both, pipeline_mlir=blob("pipe.mlir"), add_pipeline_module=True))
    assert [line.split()[4] for line in render(plan).splitlines() if line.startswith("curl")] == [
        "model.mlir",
        "0.tune.mlir",
        "pipeline.mlir",
        "input.0.bin",
        "weights.irpa",
    ]


def test_a_script_has_no_secret() -> None:
    secret = Blob(url="https://user:s1gnature@host/model.mlir?sig=s1gnature")
    text = render(planned(spec(mlir=secret)))
    assert "curl --fail --location --output model.mlir" in text
    assert "s1gnature" not in text
