import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from harness.core.cases import Expectation, ModelSpec
from harness.core.errors import SpecError
from harness.specs import overlays, reader
from harness.specs.catalogue import Folders, select

BASE: dict[str, Any] = {
    "$schema": "base.schema.json",
    "mlir": "clip.mlir",
    "real_weights": "https://host/w.irpa",
    "inputs": [{"source": "data/x.npy"}, {"value": "4xf32"}],
    "run_function": "main",
    "compiler_flags": ["--iree-opt-level=O2", "--iree-codegen-tuning-spec-path=tuner.mlir"],
    "flags_for": {">=3.5": ["--iree-opt-level=O3"], "<3.5": ["--iree-opt-level=O1"]},
    "atol": {"f32": 1, "f16": 2},
    "tuner_file": {"mi300": "tuner.mlir"},
    "expect": [{"fails": "nan"}],
}


def write(root: Path, name: str, value: object) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value, indent=1))
    return path


def load(root: Path, value: object, **bases: object) -> ModelSpec:
    write(root, "shared/tuner.mlir", "")
    for name, base in bases.items():
        write(root, f"shared/{name}.json", base)
    path = write(root, "toy/clip_cpu.json", value)
    (loaded,) = reader.load_all([path], Folders(root))
    return loaded


def violations(root: Path, value: object, **bases: object) -> list[str]:
    with pytest.raises(SpecError) as caught:
        load(root, value, **bases)
    return [line.replace(f"{root}", "ROOT") for line in str(caught.value).splitlines()]


def over(**fields: Any) -> dict[str, Any]:
    return {"extends": "../shared/base.json"} | fields


def test_objects_are_merged_null_removes_and_all_else_is_replaced(tmp_path: Path) -> None:
    fields = over(
        inputs=[{"source": "x.npy"}],
        flags_for={">=3.5": None, ">=3.9": []},
        atol={"f16": 3},
        run_function=None,
        comment="mine",
    )
    loaded = load(tmp_path, fields, base=BASE)
    assert overlays.document(loaded.path, Folders(tmp_path)) == {
        "mlir": "../shared/clip.mlir",
        "real_weights": "https://host/w.irpa",
        "inputs": [{"source": "x.npy"}],
        "compiler_flags": ["--iree-opt-level=O2", "--iree-codegen-tuning-spec-path=../shared/tuner.mlir"],
        "flags_for": {"<3.5": ["--iree-opt-level=O1"], ">=3.9": []},
        "atol": {"f32": 1, "f16": 3},
        "tuner_file": {"mi300": "../shared/tuner.mlir"},
        "expect": [{"fails": "nan"}],
        "comment": "mine",
    }
    shared = (tmp_path / "shared").as_uri()
    assert (loaded.mlir.url, loaded.run_function) == (f"{shared}/clip.mlir", None)
    assert loaded.flag_files["../shared/tuner.mlir"].url == f"{shared}/tuner.mlir"
    assert loaded.lines == {"$.expect": 33, "$.expect[0]": 34}
    assert loaded.bases == dict.fromkeys(["$.expect", "$.expect[0]"], tmp_path / "shared/base.json")


def test_the_merged_document_means_the_same_in_the_place_of_the_spec(tmp_path: Path) -> None:
    middle = {"extends": "deep/base.json", "mlir": "middle.mlir", "atol": {"f32": 5}}
    write(tmp_path, "shared/deep/tuner.mlir", "")
    write(tmp_path, "shared/deep/base.json", BASE)
    before = load(tmp_path, over(expect=None, outputs=[{"source": "o.npy"}]), base=middle)
    merged = overlays.document(before.path, Folders(tmp_path))
    after = load(tmp_path, merged)
    for name in set(ModelSpec.__dataclass_fields__) - {"lines", "bases"}:
        assert getattr(before, name) == getattr(after, name), name
    assert before.mlir.url == (tmp_path / "shared/middle.mlir").as_uri()
    assert not after.bases
    assert overlays.document(before.path, Folders(tmp_path)) == merged


def test_a_violation_names_the_file_and_the_line_in_which_the_value_is_written(tmp_path: Path) -> None:
    base = BASE | {"atol": {"f32": 1, "f61": 2}, "flags_for": {">=3.x": []}, "mlir": "/etc/passwd"}
    found = violations(tmp_path, over(atol={"f32": "1"}, seed=3, unknown=1, inputs=[{"source": 5}]), base=base)
    assert [line[:60] for line in found] == [
        "ROOT/shared/base.json:3: $.mlir: '/etc/passwd' is outside RO",
        "ROOT/shared/base.json:19: $.flags_for['>=3.x']: '3.x' is not",
        "ROOT/toy/clip_cpu.json:4: $.atol.f32: expected a number, got",
        "ROOT/toy/clip_cpu.json:7: $.unknown: unknown field 'unknown'",
        "ROOT/toy/clip_cpu.json:10: $.inputs[0].source: expected a st",
    ]
    assert violations(tmp_path, over(atol={"f32": 2}), base=BASE | {"atol": {"f61": 2}})[0].startswith(
        "ROOT/shared/base.json:27: $.atol.f61: not an element type"
    )


def test_the_last_file_to_write_a_value_is_named(tmp_path: Path) -> None:
    deep = {"mlir": "m.mlir", "atol": {"f32": 1}}
    write(tmp_path, "shared/deep.json", deep)
    number = {"extends": "deep.json", "atol": 1}
    write(tmp_path, "shared/number.json", number)
    assert violations(tmp_path, over(), base={"extends": "number.json", "atol": {"f61": 1}})[0].startswith(
        "ROOT/shared/base.json:4: $.atol.f61:"
    )
    assert violations(tmp_path, over(), base={"extends": "number.json", "atol": -1})[0].startswith(
        "ROOT/shared/base.json:3: $.atol:"
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"extends": 5}, "toy/clip_cpu.json:2: $.extends: expected the path of a JSON file, relative to this one"),
        ({"extends": "https://host/a.json"}, "$.extends: expected the path of a JSON file"),
        ({"extends": "/etc/a.json"}, "$.extends: expected the path of a JSON file"),
        ({"extends": "../shared/base.txt"}, "$.extends: expected the path of a JSON file"),
        ({"extends": "../../a.json"}, "$.extends: '../../a.json' is outside ROOT; expected a file in it"),
        (
            {"extends": "none.json"},
            "$.extends: cannot read toy/none.json: No such file or directory; expected a file in ROOT",
        ),
        ({"extends": "link.json"}, "$.extends: cannot read toy/link.json: it is a symbolic link, or behind one"),
        ({"extends": "away/base.json"}, "$.extends: cannot read toy/away/base.json: it is a symbolic link"),
        ({"extends": "large.json"}, "$.extends: cannot read toy/large.json: it has more than 1.0 MB"),
        ({"extends": "clip_cpu.json"}, "$.extends: a circle: toy/clip_cpu.json extends toy/clip_cpu.json; remove one"),
        (
            {"extends": "../shared/circle.json"},
            "shared/circle.json:2: $.extends: a circle: toy/clip_cpu.json extends shared/circle.json extends ",
        ),
        ({"extends": "9.json"}, "toy/2.json:1: $.extends: more than 8 files extend each other: toy/clip_cpu.json ext"),
        ({"extends": "broken.json"}, "toy/broken.json:1: $: not valid JSON"),
        ({"extends": "list.json"}, "toy/list.json:1: $: expected an object, because a spec extends this file"),
        ({"extends": "twice.json"}, "toy/twice.json:1: $.mlir: duplicate field"),
        (over(outpts=None), "toy/clip_cpu.json:3: $.outpts: null removes nothing: what this file extends has no such"),
        (
            over(atol={"f64": None}),
            "toy/clip_cpu.json:4: $.atol.f64: null removes nothing: what this file extends has",
        ),
        (over(mlir=None), "toy/clip_cpu.json:1: $: missing field 'mlir'"),
        ({"mlir": "m.mlir", "seed": None}, "toy/clip_cpu.json:3: $.seed: expected an integer, got null"),
        ({"mlir": "m.mlir", "extend": "base.json"}, "$.extend: unknown field 'extend'; did you mean 'extends'?"),
        (over(markers=["a", None]), "$.markers[1]: expected a string, got null"),
    ],
)
def test_what_a_spec_may_not_extend(tmp_path: Path, fields: dict[str, Any], message: str) -> None:
    write(tmp_path, "shared/circle.json", {"extends": "circle.json"})
    for number in range(10):
        write(tmp_path, f"toy/{number}.json", f'{{"extends": "{number - 1}.json"}}')
    write(tmp_path, "toy/large.json", '{"comment": "' + "x" * (1 << 20) + '"}')
    for name, text in {"broken": "{", "list": "[]", "twice": '{"mlir": "a", "mlir": "b"}'}.items():
        write(tmp_path, f"toy/{name}.json", text)
    (tmp_path / "toy/link.json").symlink_to("../shared/base.json")
    (tmp_path / "toy/away").symlink_to("../shared")
    (found,) = violations(tmp_path, fields, base=BASE)
    assert message in found


def test_a_spec_that_is_named_alone_extends_files_of_its_own_folder_only(tmp_path: Path) -> None:
    write(tmp_path, "toy/base.json", {"mlir": "m.mlir"})
    path = write(tmp_path, "toy/clip_cpu.json", {"extends": "base.json"})
    alone = Folders(tmp_path, is_guessed=True)
    assert reader.load_all([path], alone)[0].mlir.url == (tmp_path / "toy/m.mlir").as_uri()
    write(tmp_path, "base.json", {"mlir": "m.mlir"})
    write(tmp_path, "toy/clip_cpu.json", {"extends": "../base.json"})
    with pytest.raises(SpecError, match=r"'\.\./base\.json' is outside .*/toy; expected a file in it"):
        reader.load_all([path], alone)


def test_a_base_is_no_spec_and_another_file_that_nothing_extends_has_a_wrong_name(tmp_path: Path) -> None:
    for name, value in {
        "toy/a_base.json": {"mlir": "m.mlir"},
        "toy/b_base.json": {"extends": "a_base.json"},
        "toy/b_cpu.json": {"extends": "b_base.json"},
        "toy/flags.json": {"compiler_flags": []},
        "toy/lonely.json": {"extends": "a_base.json", "compiler_flags": []},
        "toy/lonely_base.json": {"mlir": "m.mlir"},
        "base.json": {"mlir": "m.mlir"},
        "toy/common.json": {"mlir": "m.mlir"},
        "toy/c_cpu.json": {"extends": "common.json"},
        "tsconfig.json": {"extends": "./tsconfig.base.json"},
        "tsconfig.base.json": {"files": []},
        "circle.json": {"extends": "circle.json"},
    }.items():
        write(tmp_path, name, value)
    folders = Folders(tmp_path)
    assert [path.name for path in folders.paths()] == ["b_cpu.json", "c_cpu.json", "lonely.json"]
    with pytest.raises(SpecError, match=r"lonely_vulkan\.json, or lonely_base\.json if specs extend it"):
        reader.load_all(select(folders, ("*",)), folders)


def test_several_specs_tell_a_violation_of_one_base_once(tmp_path: Path) -> None:
    write(tmp_path, "shared/base.json", {"mlir": "m.mlir", "unknown": 1})
    paths = [write(tmp_path, f"toy/{name}_cpu.json", over()) for name in "ab"]
    with pytest.raises(SpecError) as caught:
        reader.load_all(paths, Folders(tmp_path))
    assert len(caught.value.violations) == 1


def test_an_expected_failure_of_a_base_is_read(tmp_path: Path) -> None:
    assert load(tmp_path, over(), base=BASE).expect == (Expectation(fails=("nan",)),)


def test_the_schema_for_editors_knows_overlays() -> None:
    text = resources.files("harness.specs").joinpath("spec.schema.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    check = Draft202012Validator(schema)
    fields = schema["properties"].keys() - {"$schema", "extends"}
    assert check.is_valid(over(**dict.fromkeys(fields)))
    assert check.is_valid(over(outputs=[{"value": "4xf32=1"}], atol={"f16": None}, tuner_file={"mi300": None}))
    assert check.is_valid({"mlir": "m.mlir"})
    assert not check.is_valid({"run_function": "f"})
    assert not check.is_valid({"mlir": "m.mlir", "outputs": [{"value": "4xf32=1"}]})
    assert not check.is_valid(over(unknown=None))
    assert not check.is_valid(over(compiler_flags="--x"))
    assert not check.is_valid({"extends": "https://host/base"})
