"""What no spec may contain, so that nothing later has to look for it."""

import json
import os
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import SpecError
from harness.specs import reader
from harness.specs.catalogue import Folders, select

MINIMAL: dict[str, Any] = {"mlir": "model.mlir"}
RUN = MINIMAL | {"run_function": "main"}


def violations(root: Path, content: object, name: str = "toy/clip_cpu.json") -> str:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
    with pytest.raises(SpecError) as caught:
        reader.load_all([path], Folders(root))
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"run_function": "a\0b"}, ":3: $.run_function: has the character U+0000"),
        ({"run_function": "a\ud800"}, ":3: $.run_function: has the character U+D800"),
        ({"compiler_flags": ["--a=\0"]}, ":4: $.compiler_flags[0]: has the character U+0000"),
        ({"inputs": [{"value": "\udfff"}]}, "$.inputs[0].value: has the character U+DFFF"),
        ({"tuner_file": {"\0": "x"}}, "$.tuner_file: has the character U+0000"),
        ({"mlir": "\0"}, "$.mlir: has the character U+0000"),
    ],
)
def test_a_character_that_no_command_line_can_have(tmp_path: Path, changes: Any, where: str) -> None:
    assert where in violations(tmp_path, MINIMAL | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threshold_args": ["--expected_rtol=1_0_0"]}, "expected a finite number of at least 0"),
        ({"threshold_args": ["--expected_rtol=\N{FULLWIDTH DIGIT ONE}"]}, "expected a finite number of at least 0"),
        ({"inputs": [{"value": "9" * 5000 + "xf32=0"}]}, "is larger than a tensor can be"),
        ({"inputs": [{"source": "a.bin", "value": "9x" * 10_000 + "f32"}]}, "is larger than a tensor can be"),
        ({"inputs": [{"value": "1"}] * 1001}, "$.inputs: has 1,001 items; expected at most 1,000"),
        ({"compiler_flags": ["--a"] * 1001}, "$.compiler_flags: has 1,001 items; expected at most 1,000"),
        ({"compiler_flags": ["--a=" + "b" * 65_536]}, "has 65,540 characters; expected at most 65,536"),
        ({"mlir": "a/" * 4_000}, "$.mlir: has 8,000 characters; expected at most 4,096"),
        ({"mlir": "a" * 4_000}, "$.mlir: File name too long"),
        ({"device": "hip\n"}, "$.device: expected a device"),
        ({"device": "a" * 200_000}, "$.device: has 200,000 characters; expected at most 4,096"),
        ({"devices": ["local-task"] * 65}, "$.devices: has 65 items; expected at most 64"),
        ({"expect": [{"fails": "crash", "issue": "https://a\n::error::"}]}, "issue: expected a URL that begins with"),
        ({"expect": [{"fails": "crash", "until": "2026-01-01\n"}]}, "until: expected a date such as 2027-01-31"),
        ({"comment": 10**30}, "has too many digits for a number"),
    ],
)
def test_what_is_too_large_or_no_number(tmp_path: Path, changes: Any, message: str) -> None:
    found = violations(tmp_path, RUN | changes)
    assert message in found
    assert found.startswith(f"{tmp_path}/toy/clip_cpu.json:")
    assert len(found) < 2_000


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("toy/x[y_cpu.json", "the name of the file has the character U+005B; rename the file"),
        ("t]y/x_cpu.json", "the name of the folder has the character U+005D; rename the folder"),
        ("toy/x\n_cpu.json", "the name of the file has the character U+000A"),
        ("toy/x\N{RIGHT-TO-LEFT OVERRIDE}_cpu.json", "the name of the file has the character U+202E"),
        (f"toy/{os.fsdecode(bytes([255]))}_cpu.json", "the name of the file has the character U+DCFF"),
        (f"toy/{'x' * 201}_cpu.json", "the name of the file is too long; expected at most 200 bytes"),
    ],
)
def test_a_name_that_cannot_be_part_of_a_case_id(tmp_path: Path, name: str, message: str) -> None:
    assert message in violations(tmp_path, MINIMAL, name)


def test_a_source_may_be_a_loop_of_links(tmp_path: Path) -> None:
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy/loop").symlink_to("loop")
    (tmp_path / "toy/clip_cpu.json").write_text(json.dumps({"mlir": "loop/x.mlir"}))
    (spec,) = reader.load_all([tmp_path / "toy/clip_cpu.json"], Folders(tmp_path))
    assert spec.mlir.local_path == tmp_path / "toy/loop/x.mlir"


def test_a_special_file_that_is_called_like_a_spec_is_told(tmp_path: Path) -> None:
    (tmp_path / "toy").mkdir()
    os.mkfifo(tmp_path / "toy/fifo_cpu.json")
    (tmp_path / "toy/zero_cpu.json").symlink_to("/dev/zero")
    (tmp_path / "toy/loop_cpu.json").symlink_to("loop_cpu.json")
    (tmp_path / "toy/gone_cpu.json").symlink_to("nowhere")
    os.mkfifo(tmp_path / "toy/other.json")
    folders = Folders(tmp_path)
    with pytest.raises(SpecError) as caught:
        reader.load_all(select(folders, ("toy",)), folders)
    assert [line.removeprefix(f"{tmp_path}/toy/") for line in str(caught.value).splitlines()] == [
        "fifo_cpu.json:1: $: cannot read the file: it is a FIFO; expected a regular file",
        "gone_cpu.json:1: $: cannot read the file: No such file or directory",
        "loop_cpu.json:1: $: cannot read the file: Too many levels of symbolic links",
        "zero_cpu.json:1: $: cannot read the file: it is a device; expected a regular file",
    ]


MANY = {
    "items": {"compile_chip_expecting_to_fail": ["a", 1] * 100_000},
    "fields": {f"field {index}": 1 for index in range(50_000)},
    "duplicates": '{"mlir": "a", ' + ", ".join(['"comment": "a"'] * 50_000) + "}",
    "flags": {"compiler_flags": ["x"] * 200_000},
    "digits": {"inputs": [{"value": "f32=" + "1" * 1_000_000}]},
    "literal": {"inputs": [{"value": "7xf32=" + "1 " * 500_000}]},
    "parentheses": {"inputs": [{"value": "2xcomplex<f32>=" + "(1,1" * 200_000}]},
    "dimensions": {"inputs": [{"value": "9x" * 400_000 + "f32=1"}]},
    "long type": {"inputs": [{"source": "a", "value": "x" * 1_000_000}]},
    "names": {"tuner_file": {f"A{index}": "x" for index in range(60_000)}},
}


@pytest.mark.parametrize("many", MANY)
def test_a_long_spec_is_refused_in_time_that_grows_with_its_length(tmp_path: Path, many: str) -> None:
    content = MANY[many]
    started = time.process_time()
    found = violations(tmp_path, MINIMAL | content if isinstance(content, dict) else content)
    assert time.process_time() - started < 10
    assert len(found) < 500_000


def unlimited(schema: Any, path: str = "$") -> Iterator[str]:
    """Yield the paths of strings, lists and objects that may be as long as they like."""
    limits = {"string": "maxLength", "array": "maxItems"}
    kinds = schema.get("type", []) if isinstance(schema, dict) else []
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        if kind in limits and limits[kind] not in schema:
            yield path
        if kind == "object" and schema["additionalProperties"] is not False and "maxProperties" not in schema:
            yield path
    for name, each in schema.items() if isinstance(schema, dict) else enumerate(schema):
        if isinstance(each, dict | list):
            yield from unlimited(each, f"{path}.{name}")


def test_every_text_and_list_of_a_spec_has_a_limit() -> None:
    text = resources.files("harness.specs").joinpath("spec.schema.json").read_text(encoding="utf-8")
    assert not list(unlimited(json.loads(text)))
