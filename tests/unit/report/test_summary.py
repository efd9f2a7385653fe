import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report import summary
from tests.unit import reports

FULL = reports.report(*reports.every_status())
GITHUB_LIMIT_BYTES = 1024 * 1024


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("| ")][1:]


def test_starts_with_the_verdict_and_what_it_ran_on() -> None:
    lines = summary.render(FULL).splitlines()
    assert lines[0] == "## Failed: 2 of 9 cases; 1 more ended in an error."
    assert lines[2] == "IREE 3.13.0 (89ece87b5a), engine container, image quality:3f2a, EPYC 9454, gfx942"
    assert lines[4].startswith("1 passed, 1 ran, ")


def test_table_has_every_case_and_starts_with_those_to_look_at() -> None:
    found = rows(summary.render(FULL))
    assert found[:4] == [
        "| `sd3/clip[rocm-gfx942]` | **error** | device | 2.91 | 1.1e-06 | 11% |  |",
        "| `tiny/vae[cpu]` | **failed** | numeric | 2.91 | 1.1e-06 | 11% |  |",
        "| `tiny/mmdit[cpu]` | **xpassed** |  | 2.91 | 1.1e-06 | 11% |  |",
        "| `tiny/clip[cpu]` | passed |  | 2.91 | 1.1e-06 | 11% |  |",
    ]
    assert found[4] == "| `tiny/scheduler[cpu]` | ran |  | 2.91 |  |  |  |"
    assert len(found) == 9


def test_what_passes_close_to_its_threshold_is_named_below_the_table() -> None:
    case = reports.outcome(outputs=(reports.measurement(error_ratio=0.85),))
    text = summary.render(reports.report(case))
    assert "1 case is close to its threshold: tiny/clip\\[cpu\\] (85%)" in text[text.index("| 85% |") :]


def test_table_tells_what_was_cached() -> None:
    case = reports.outcome(modules=(reports.module(cached=True),))
    assert rows(summary.render(reports.report(case)))[0].endswith("| cached |")


def test_details_of_a_failure() -> None:
    text = summary.render(reports.report(reports.failed(), reports.outcome()))
    assert text.count("<details>") == text.count("</details>") == 1
    assert text[text.index("<details>") :] == (
        "<details><summary>failed tiny/vae[cpu]: numeric: output 0 (4x17x65xf32): 12 of 4420 elements differ</summary>"
        "\n\n```text\noutput 0 (4x17x65xf32): 12 of 4420 elements differ\nfirst at [0, 3, 1]\n```"
        "\n\nEnd of the log (logs/run.log):\n\n```text\nEXEC @main\n[SUCCESS]\n```"
        "\n\nWhat was run:\n\n```text\n+ iree-compile clip.mlir -o clip.vmfb\n"
        "+ iree-run-module --module=clip.vmfb '--input=1x4xf32=1 2 3 4'\n```"
        "\n\nTo repeat only this case:\n\n```text\nnox -s quality -- tiny/vae --backend cpu\n```"
        "\n\n</details>\n"
    )


def test_a_report_without_cases() -> None:
    text = summary.render(reports.report(environment={}))
    assert text == "## No case was selected, so nothing was run.\n\nIREE unknown\n"


def test_cells_and_titles_are_escaped() -> None:
    case = reports.failed(id="a|b`<img>\n@x", reason="</summary><script>")
    text = summary.render(reports.report(case, environment={"host": {"cpu": "<b>|[x](y) *z*"}}))
    assert rows(text)[0].startswith("| `` a\\|b`<img> @x `` | **failed** |")
    assert "<summary>failed a|b`&lt;img&gt; @x: numeric: &lt;/summary&gt;&lt;script&gt;</summary>" in text
    assert "&lt;b&gt;\\|\\[x\\](y) \\*z\\*" in text


def fenced_blocks(text: str) -> list[str]:
    """Return the contents of fenced blocks by CommonMark's rule: the closing fence is at least as long."""
    blocks: list[str] = []
    fence, lines = "", list[str]()
    for line in text.split("\n"):
        if fence and re.fullmatch(f" {{0,3}}{fence}`*[ \t]*", line):
            blocks.append("\n".join(lines))
            fence, lines = "", []
        elif fence:
            lines.append(line)
        elif opened := re.fullmatch(" {0,3}(`{3,})[^`]*", line):
            fence = opened[1]
    assert not fence
    return blocks


@pytest.mark.parametrize("log", ["a\n```\n</details>", "``````", " ````\n```text\n", "~~~"])
def test_a_log_cannot_leave_its_fence(log: str) -> None:
    text = summary.render(reports.report(reports.failed(log_tail=log)))
    assert fenced_blocks(text)[1] == log.rstrip()


@given(st.text(alphabet=st.one_of(st.sampled_from("`~|<>\n \x1b["), st.characters())))
def test_any_text_keeps_the_structure(text: str) -> None:
    case = reports.failed(id=text, reason=f"x{text}", log_tail=f"x{text}", commands={"run": (f"x{text}",)})
    rendered = summary.render(reports.report(case, environment={"host": {"cpu": text}}))
    assert len(fenced_blocks(rendered)) == 4
    assert len(re.findall(r"(?<!\\)\|", rows(rendered)[0])) == 8
    assert rendered.endswith("```\n\n</details>\n")


def test_stays_below_the_limit_of_github() -> None:
    long = "<`é\x00" * 2_000
    cases = [reports.failed(id=f"m/{n}{long}", reason=long, log_tail=long, commands={"a": (long,)}) for n in range(40)]
    many = [reports.failed(id=f"tiny/vae{number}[cpu]") for number in range(1_000)]
    text = summary.render(reports.report(*cases, *many))
    assert len(text.encode()) < GITHUB_LIMIT_BYTES
    assert "40 more rows are in results.json." in text
    assert "1000 more explanations are in results.json." in text
    assert "bytes cut; full text in logs/run.log]" in text


def test_errors_with_one_cause_are_explained_once() -> None:
    reason = "no AMD GPU found"
    cases = [reports.error(id=f"sd3/{name}[rocm]", submodel=name, chip=None, reason=reason) for name in "abc"]
    text = summary.render(reports.report(*cases))
    assert text.count("<details>") == 1
    assert "<summary>error 3 cases: device: no AMD GPU found</summary>" in text
    assert "The cases:\n\n```text\nsd3/a[rocm]\nsd3/b[rocm]\nsd3/c[rocm]\n```" in text
    again = "nox -s quality -- sd3/a sd3/b sd3/c --backend rocm"
    assert f"To repeat only these cases:\n\n```text\n{again}\n```" in text
