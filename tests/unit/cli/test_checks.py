import shlex
from pathlib import Path

import pytest

from harness.cli import checks
from harness.cli.arguments import parser
from harness.cli.command_table import COMMANDS
from harness.core.errors import UsageError
from tests.unit.command_lines import invocation


def check(line: str, **environment: str) -> None:
    argv = shlex.split(line)
    checks.check(invocation(*argv, environment=environment), argv)


def refusal(line: str, **environment: str) -> str:
    with pytest.raises(UsageError) as caught:
        check(line, **environment)
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "option"),
    [
        ("quality --iree ''", "--iree"),
        ("quality --iree=", "--iree"),
        ("quality -k ' '", "-k"),
        ("quality -m ' '", "-m"),
        ("quality --out ''", "--out"),
        ("quality --run-wrapper ''", "--run-wrapper"),
        ("quality a.mlir --compiler-flag=", "--compiler-flag"),
        ("quality ''", "SELECTOR"),
        ("matrix tiny --iree ''", "--iree"),
        ("fetch --store= tiny", "--store"),
        ("doctor --specs ''", "--specs"),
    ],
)
def test_an_empty_value_is_that_of_a_variable_that_is_not_set(line: str, option: str) -> None:
    assert refusal(line) == f"{option}: the value is empty; is a variable not set?"


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("quality --compile-only --run-wrapper perf", "--run-wrapper has no effect, because nothing is run;"),
        ("quality --compile-chip gfx942 --verdict iree-run-module", "--verdict has no effect, because nothing is run;"),
        ("quality a.mlir --weights w.irpa", "--weights has no effect without --function or --input;"),
        ("quality --durations d.json", "--durations has no effect without --shard;"),
        ("quality --shard 1/2 --only-failed", "--only-failed cannot be combined with --shard:"),
        ("quality --scheduler tcp://127.0.0.1:1 --engine docker", "--engine is for one machine, and on a cluster each"),
        ("quality --scheduler tcp://127.0.0.1:1 --cluster local:2", "--cluster cannot be combined with --scheduler;"),
        ("bisect a --worker-wait 5", "--worker-wait has no effect without --scheduler or --cluster;"),
        ("quality --sku mi300", "--sku has no effect on the CPU;"),
        ("bisect 'tiny/clip[cpu]' --sku mi300", "--sku has no effect on the CPU;"),
        ("bisect a --at-least 1", "--at-least has no effect without --repeat;"),
        ("new a/b --mlir a.mlir -k text", "-k has no effect in `harness new`,"),
        ("new a/b --mlir a.mlir -m quick", "-m has no effect in `harness new`,"),
        ("list --verdict iree-run-module", "--verdict has no effect in `harness list`,"),
        ("image tag --registry h/p", "--registry has no effect, because no image is built or pulled;"),
        ("image prune --debian-mirror http://h", "--debian-mirror has no effect, because no image"),
        ("fetch --blobs-only --engine docker", "--engine has no effect with --blobs-only;"),
        ("fetch --blobs-only --memory 4GB", "--memory has no effect with --blobs-only;"),
        ("bisect a.mlir --run-wrapper perf", "--run-wrapper has no effect, because nothing is run;"),
        ("quality a.mlir --function f --threshold f32=1", "--threshold has no effect without --expected-output or"),
        ("quality --engine local --image cpu", "--image cannot be combined with --engine local;"),
        ("quality --engine local --memory 4GB", "--memory cannot be combined with --engine local;"),
        ("plan --engine local --cap SYS_NICE", "--cap cannot be combined with --engine local;"),
        ("matrix --engine local --registry h/p", "--registry cannot be combined with --engine local;"),
        ("quality --engine local --debian-mirror http://h", "--debian-mirror cannot be combined with --engine local;"),
        ("plan --engine local --wheel-index http://h", "--wheel-index cannot be combined with --engine local;"),
        ("image list --wheel-index http://h", "--wheel-index has no effect, because no image"),
        ("quality --emulator auto --memory 4GB", "--memory cannot be combined with --engine local;"),
        ("quality --emulator auto --image a --emulator-root /r", "--emulator-root is a folder of this machine, and an"),
        ("quality --emulator auto --engine podman --emulator-root /r", "--emulator-root is a folder of this machine,"),
        ("quality --wheels DIR", "--wheels has no effect without --iree;"),
        ("fetch --find-links https://h", "--find-links has no effect without --iree;"),
        ("image build --wheels DIR", "--wheels has no effect without --iree;"),
        ("bisect a --metric 'dispatches > 1' --any-failure", "--any-failure has no effect with --metric;"),
        ("lock --locked", "--locked cannot be combined with `harness lock`"),
        ("new a/b --mlir a.mlir --no-run --timeout 3", "--timeout has no effect with --no-run;"),
        ("new a/b --mlir a.mlir --no-run --recompile", "--recompile has no effect with --no-run;"),
        ("new a/b --mlir a.mlir --no-run --iree 3.9", "--iree has no effect with --no-run;"),
        ("quality --compile-only --oracle cpu", "--oracle has no effect, because nothing is run;"),
        ("list --oracle cpu", "--oracle has no effect in `harness list`,"),
        ("bless results --expectations --reference cpu", "--reference has no effect with --expectations;"),
        ("bless --expectations --iree 3.9", "--iree has no effect with --expectations;"),
        ("bless a --reference 3.9.0 --iree 3.9.0", "--iree cannot be combined with a release as --reference;"),
        ("bless a --reference cpu --wheels DIR", "--wheels has no effect without --iree;"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(line: str, refused: str) -> None:
    assert refusal(line).startswith(refused)


def test_an_engine_of_the_environment_counts() -> None:
    assert refusal("quality --memory 4GB", HARNESS_ENGINE="local").startswith("--memory cannot be combined")


@pytest.mark.parametrize(
    "line",
    [
        "quality",
        "quality --compile-only --timeout 9 --verdict harness",
        "quality --chip gfx942 --compile-chip gfx90a --run-wrapper perf",
        "quality a.mlir --input 4xf32=2 --run-wrapper perf",
        "quality 'tiny/clip[rocm-gfx942]' --sku mi300",
        "quality --compile-chip gfx942 --sku mi300",
        "list --sku mi300",
        "bisect a --repeat 3 --at-least 2",
        "fetch --blobs-only --iree 3.9",
        "quality a.mlir tiny --run-wrapper perf",
        "quality --engine local",
        "image build --engine local --containers DIR",
        "quality --iree 3.9 --find-links https://h",
        "matrix tiny --wheels DIR",
        "releases --wheels DIR",
        "bisect a --any-failure",
        "bless results --expectations --yes",
        "bless a --reference cpu --iree 3.9 --wheels DIR",
        "bless a --reference 3.14.0 --find-links https://h",
        "bless a --reference hip --backend rocm --chip gfx942 --engine docker",
        "lock",
        "new a/b --mlir https://h/a.mlir --no-run --weights https://h/w.irpa --function f",
    ],
)
def test_options_that_do_something(line: str) -> None:
    check(
        line,
        SKU="mi300",
        HARNESS_ENGINE="local" if "--engine" in line else "",
        HARNESS_REGISTRY="h/p",
        HARNESS_FIND_LINKS="https://h",
        CI="1",
    )


@pytest.mark.parametrize("option", ["--weights={}", "--input=@{}", "--input=4xf32=@{}", "--expected-output=@{}"])
def test_a_file_that_does_not_exist(tmp_path: Path, option: str) -> None:
    path = tmp_path / "in.npy"
    line = f"quality a.mlir --function f {option.format(path)}"
    assert refusal(line) == f"{option.partition('=')[0]} {path}: no such file; check the path."
    path.touch()
    check(line)


def test_the_rules_are_about_options_that_there_are() -> None:
    known: set[str] = set()
    for command in COMMANDS:
        words = [command.name, *(each.name for each in command.subcommands[:2][-1:])]
        required = (
            ["a/b", "--mlir=x"] if command.name == "new" else ["tiny"] if command.name in {"bisect", "localize"} else []
        )
        more = {
            "completion": ["bash"],
            "history": ["folder"],
            "compare": ["a", "b"],
            "repro": ["folder"],
            "bundle": ["f", "-o", "d"],
        }
        more |= {"issue": ["results"], "reduce": ["tiny", "-o", "d"]}
        required += more.get(command.name, [])
        known |= set(vars(parser({}).read([*words, *required])))
    assert {option for rule in checks.RULES for option in rule.options} <= known


@pytest.mark.parametrize("command", ["plan", "fetch"])
def test_plan_and_fetch_take_the_options_of_a_run(command: str) -> None:
    line = "tiny --engine docker --out o --junit-xml j --timeout 3 --jobs 2 --only-failed --cap SYS_NICE --offline"
    found, run = (invocation(name, *line.split()).settings for name in (command, "quality"))
    assert (found.cases, found.target, found.container) == (run.cases, run.target, run.container)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("new a/b --onnx x.onnx --function f", "--function cannot be combined with a model that is imported"),
        (
            "new a/b --onnx x.onnx --weights w.irpa --input @x.npy",
            "--weights cannot be combined with a model that is imported",
        ),
        ("new a/b --onnx x.onnx --input @x.npy --dim n=1", "--dim has no effect with --input"),
        ("new a/b --jax x.py:make --weights w.safetensors", "--weights cannot be combined with a model that is"),
        ("new a/b --torch x.pt2 --input @x.npy --seed 1", "--seed has no effect with --input"),
        ("new a/b --mlir x.mlir --seed 1", "--seed has no effect without a model to import"),
        ("new a/b --mlir x.mlir --importer 3.13.0", "--importer has no effect without a model to import"),
        ("new a/b --mlir x.mlir --no-run --timeout 5", "--timeout has no effect with --no-run"),
    ],
)
def test_options_of_an_import_count_with_one_only(line: str, message: str) -> None:
    assert message in refusal(line)


@pytest.mark.parametrize(
    "line",
    [
        "new a/b --onnx x.onnx --threshold f32=1 --no-run --timeout 5 --dim n=1 --seed 1",
        "new a/b --torch x.py:make --weights w.safetensors --input @x.npy --seed 1",
        "new a/b --torch x.pt2 --weights w.safetensors --dim x.0=4 --seed 1",
    ],
)
def test_an_import_takes_what_it_can_use(line: str) -> None:
    check(line)


@pytest.mark.parametrize("option", ["--dim=4", "--dim==4", "--dim=n=0", "--dim=n=x", "--seed=-1", "--seed=4294967296"])
def test_a_wrong_size_or_seed_is_refused(option: str) -> None:
    with pytest.raises(UsageError, match=option.partition("=")[0]):
        invocation("new", "a/b", "--onnx=x.onnx", option)
