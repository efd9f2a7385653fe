from pathlib import Path

import pytest

from harness.core.cases import Backend, ModelSpec
from harness.core.errors import SpecError, UsageError
from harness.core.tensors import Literal, Tensor, TensorType
from harness.pipeline import selection
from harness.report.again import program_words
from tests.unit.command_lines import settings

LOCAL = ("--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "report" / "repro.mlir"
    path.parent.mkdir()
    path.write_text("module {}")
    return path


def spec(program: Path, *options: str) -> ModelSpec:
    (case,) = selection.cases(settings(str(program), *options))
    return case.spec


def test_a_program_alone_is_compiled_only(program: Path) -> None:
    found = spec(program)
    assert (found.name, found.backend, found.compile_only) == ("report/repro", Backend.CPU, True)
    assert found.mlir.url == program.as_uri()
    assert found.compiler_flags == LOCAL
    assert found.devices == ("local-task",)


def test_a_program_that_is_run_and_judged(program: Path) -> None:
    options = ("--function=f", "--input=4xf32=@a.bin", "--input=@b.npy", "--input=2xi32=1 2", "--input=8xf16")
    more = ("--expected-output=4xf32=@o.bin", "--expected-output=(ignored)", "--threshold=f32=1e-3", "--weights=w.irpa")
    found = spec(program, *options, *more, "--threshold=rtol=0.5")
    assert not found.compile_only
    assert found.run_function == "f"
    here = Path.cwd()
    files = [each for each in found.inputs if isinstance(each, Tensor)]
    assert [each.blob.url for each in files] == [(here / "a.bin").as_uri(), (here / "b.npy").as_uri()]
    assert [each.type for each in files] == [TensorType(shape=(4,), element="f32"), None]
    assert found.inputs[2:] == (Literal(text="2xi32=1 2"), Literal(text="8xf16=0"))
    assert isinstance(found.outputs[0], Tensor)
    assert found.outputs[0].blob.url == (here / "o.bin").as_uri()
    assert found.outputs[1] is None
    assert found.thresholds.of("f32") == (1e-3, 0.5)
    assert found.real_weights is not None
    assert found.real_weights.url == (here / "w.irpa").as_uri()


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        (["--compiler-flag=--iree-opt-level=O3"], ("--iree-opt-level=O3", *LOCAL)),
        (["--compiler-flag=--iree-hal-target-backends=llvm-cpu"], ("--iree-hal-target-backends=llvm-cpu",)),
        (["--compiler-flag=--iree-hal-target-device=local"], ("--iree-hal-target-device=local",)),
        (["--compile-chip=gfx942"], ("--iree-hal-target-device=hip",)),
        (["--backend=cuda", "--compile-chip=sm_80"], ("--iree-hal-target-device=cuda",)),
    ],
)
def test_the_target_is_that_of_the_backend_unless_a_flag_says_it(
    program: Path, options: list[str], flags: tuple[str, ...]
) -> None:
    assert spec(program, *options).compiler_flags == flags


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (["--expected-output=@o.npy"], UsageError, "--expected-output needs --function NAME"),
        (["--function=f", "--expected-output=1 2 3"], UsageError, r"expected @FILE.npy, TYPE=@FILE, TYPE=VALUES or"),
        (["--compiler-flag=--o=x"], SpecError, "'--o=x' is set by the harness"),
        (["--compiler-flag=-O3"], SpecError, "expected a flag that starts with two dashes"),
        (["--input=4xf33=@x.bin"], SpecError, "'4xf33' is not a static tensor type"),
        (["--input=x.bin=@x.bin"], SpecError, "is not a static tensor type"),
        (["--input=one two"], SpecError, "'one two' is not a static tensor type"),
    ],
)
def test_what_makes_no_sense_is_refused(
    program: Path, options: list[str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        spec(program, *options)


def test_a_program_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=": no such program; "):
        spec(tmp_path / "lost.mlir")


def test_options_of_a_program_are_for_programs() -> None:
    with pytest.raises(UsageError, match=r"^--input=4xf32 is only for a program, PATH.mlir"):
        selection.cases(settings("tiny/clip", "--input=4xf32"))


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--compiler-flag=--a=b", "--compiler-flag=--c", "--function=f", "--input=2xi32=1 2", "--threshold=f32=1e-3"],
        ["--expected-output=@o.npy", "--weights=w.irpa"],
    ],
)
def test_the_options_are_said_as_they_were_given(options: list[str]) -> None:
    def words(argv: list[str]) -> list[str]:
        return program_words(settings("a.mlir", *argv).cases.program)

    said = words(options)
    assert sorted(said) == sorted(options)
    assert words(said) == said
