from pathlib import Path
from typing import Any

import pytest

from harness.core.outcomes import Outcome
from harness.report.by_hand import tool_lines
from tests.unit import reports

TOOLS = {"iree-compile": "/t/iree-compile", "iree-run-module": "/t b/iree-run-module"}
FOLDER = Path("results/1")


def lines(outcome: Outcome, **where: Any) -> list[str]:
    return tool_lines(outcome, {"by_hand": TOOLS | where}, FOLDER)


def failed(**changes: Any) -> Outcome:
    tools = (("iree-compile", "model.mlir"), ("iree-run-module", "--input=4xf32=2 2"))
    return reports.failed(**({"work": ".work/m", "tools": tools} | changes))


def test_the_programs_are_named_by_their_paths_and_run_in_the_folder_of_the_case() -> None:
    assert lines(failed()) == [
        "(cd results/1/.work/m && /t/iree-compile model.mlir)",
        "(cd results/1/.work/m && '/t b/iree-run-module' '--input=4xf32=2 2')",
    ]


def test_a_command_is_one_line_whatever_is_in_it() -> None:
    (line,) = lines(failed(tools=(("iree-compile", "a\n::stop-commands::x"),)))
    assert line.endswith(r"/iree-compile $'a\x0a::stop-commands::x')")


def test_without_its_files_a_case_cannot_be_repeated_by_hand() -> None:
    assert lines(failed(work="", tools=())) == []
    assert tool_lines(failed(), {}, FOLDER) == []


@pytest.mark.parametrize(
    ("wrapper", "shown"),
    [
        (("rocprof", "iree-run-module"), "rocprof iree-run-module"),
        (("./wrap.sh",), "HERE/wrap.sh"),
        (("/usr/bin/time", "-v"), "/usr/bin/time -v"),
    ],
)
def test_a_wrapper_is_found_from_there_too(
    wrapper: tuple[str, ...], shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (line,) = lines(failed(tools=((*wrapper, "iree-run-module", "--x"),)))
    assert line == f"(cd results/1/.work/m && {shown.replace('HERE', str(tmp_path))} '/t b/iree-run-module' --x)"


def test_programs_of_an_image_are_run_in_a_container_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, _ = lines(failed(), container=["docker", "run", "--rm"], image="h/i@sha256:1")
    work = tmp_path / "results/1/.work/m"
    assert first == f"docker run --rm --workdir {work} --entrypoint /t/iree-compile h/i@sha256:1 model.mlir"
