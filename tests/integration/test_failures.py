"""Programs that do not compile, and the compiler that is not started again for them."""

from pathlib import Path
from typing import Any

import pytest

from harness.store import gc
from harness.store.store import Store
from tests.integration.laboratory import ADD, CPU_FLAGS, HIP_FLAGS, NEWEST, Laboratory

UNKNOWN = ADD.replace("arith.addf", "arith.added")
# It takes the compiler longer to read this than it is given.
LONG = "".join(f"func.func private @f{number}()\n" for number in range(100_000))
CASES: list[tuple[str, dict[str, Any], list[str], str]] = [
    ("add_cpu", {}, [], "failed"),
    ("add_rocm", {"compiler_flags": HIP_FLAGS}, ["--compile-chip", "gfx90a"], "failed"),
    ("add_cpu", {"compiler_flags": [*CPU_FLAGS, "--mlir-print-ir-after-all"]}, [], "failed"),
    ("add_cpu", {"expect": [{"fails": "compile", "reason": "as the test wants"}]}, [], "xfailed"),
]


def kept(store_dir: Path, key: str) -> tuple[int, bytes]:
    """Return when the log of a failure in the store was written, and what it says."""
    log = Store(store_dir).path("failures", key) / "compile.log"
    return log.stat().st_mtime_ns, log.read_bytes()


@pytest.mark.parametrize(("name", "fields", "options", "status"), CASES, ids=["cpu", "chip", "added", "expected"])
def test_a_second_run_starts_no_compiler(
    lab: Laboratory, name: str, fields: dict[str, Any], options: list[str], status: str
) -> None:
    # The name of the folder is in the program: no other test has it in the store that all share.
    lab.spec(name, **{"mlir": lab.file("unknown.mlir", f"// {lab.root}\n{UNKNOWN}"), **fields})
    first = lab.run(*options, "--iree", NEWEST)
    assert first.verdict[1:] == (status, "compile"), first.text
    failure = first.case["failed_compilation"]
    assert (failure["cached"], "(cached)" in first.text) == (False, False)
    log = (lab.out / first.case["logs"]["compile"]).read_bytes()
    stored = kept(lab.store_dir, failure["key"])
    again = lab.run(*options, "--iree", NEWEST)
    assert again.case["failed_compilation"] == failure | {"cached": True}
    assert "(cached)" in again.text
    assert kept(lab.store_dir, failure["key"]) == stored, "what is kept is as it was"
    assert (lab.out / again.case["logs"]["compile"]).read_bytes() == log
    assert [again.case[key] for key in ("reason", "notes", "commands")] == [
        first.case[key] for key in ("reason", "notes", "commands")
    ]
    anew = lab.run(*options, "--iree", NEWEST, "--recompile")
    assert (anew.case["failed_compilation"]["cached"], anew.case["reason"]) == (False, first.case["reason"])
    assert kept(lab.store_dir, failure["key"])[0] > stored[0]
    assert ("--recompile" in anew.text) == (status == "failed"), "the command to repeat it says so too"


def test_a_failure_is_an_entry_of_the_store_like_others(lab: Laboratory) -> None:
    lab.spec(mlir=lab.file("unknown.mlir", f"// {lab.root}\n{UNKNOWN}"))
    key = lab.run("--iree", NEWEST).case["failed_compilation"]["key"]
    with Store(lab.store_dir) as store:
        assert "failures" in {each.kind for each in gc.usage(store).kinds}
    log = Store(lab.store_dir).path("failures", key) / "compile.log"
    log.write_text("error: another\n")
    again = lab.run("--iree", NEWEST)
    assert (again.case["failed_compilation"]["cached"], "another" in again.text) == (False, False)


def test_a_compiler_that_was_killed_is_started_again(lab: Laboratory) -> None:
    lab.spec(mlir=lab.file("unknown.mlir", f"// {lab.root}\n{LONG}{UNKNOWN}"))
    late = lab.run("--iree", NEWEST, "--timeout", "0.05")
    assert late.verdict == (1, "failed", "timeout"), late.text
    assert not late.case["failed_compilation"]["cached"]
    found = lab.run("--iree", NEWEST)
    assert found.verdict == (1, "failed", "compile"), found.text
    assert not found.case["failed_compilation"]["cached"]
