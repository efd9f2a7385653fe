import shlex
from pathlib import Path

import pytest

from harness.core.blobs import LOCK_NAME
from harness.core.errors import UsageError
from harness.host import files
from harness.specs.catalogue import Folders, select
from harness.suites import reader


@pytest.mark.parametrize("text", ["[]", "{", '{"https://h/x": {}}'])
def test_a_malformed_lock_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / LOCK_NAME).write_text(text)
    with pytest.raises(UsageError, match="not a valid lock file"):
        Folders(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        Folders(tmp_path / "no")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "results/20261128T182058Z/results.json",
            '{"schema": 1, "cases": [{"commands": ["model.mlir"]}]}',
        ),
        ("results.json", '{"schema": 1, "cases": []}'),
        ("bisect/bisect.json", '{"case": "m/add[cpu]"}'),
        ("log.json", '{"release": "3.13.0"}\n{"release": "3.12.0"}\n'),
        ("results/truncated.json", '{"mlir": "add.ml'),
        ("schema.json", '{"properties": {"mlir": {"type": "string"}}}'),
        ("list.json", '["mlir"]'),
        (".venv/lib/quality_tests/m/add_cpu.json", '{"mlir": "add.mlir"}'),
        (LOCK_NAME, "{}"),
        (f"other/{LOCK_NAME}", "{}"),
    ],
)
def test_a_file_that_is_no_spec_may_be_among_specs(tmp_path: Path, name: str, text: str) -> None:
    for path, content in ((tmp_path / "m/add_cpu.json", '{"mlir": "add.mlir"}'), (tmp_path / name, text)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    (tmp_path / "folder_cpu.json").mkdir()
    assert Folders(tmp_path).paths() == [tmp_path / "m/add_cpu.json"]


@pytest.mark.parametrize("name", ["add.json", "add_cuad.json", "cpu.json"])
def test_a_spec_with_a_wrong_name_is_noticed(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"mlir": "add.mlir"}')
    assert Folders(tmp_path).paths() == [tmp_path / name]


def test_a_file_is_read_once_to_find_out_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("m/a_cpu", "m/b_cpu", "m/other"):
        (tmp_path / "m").mkdir(exist_ok=True)
        (tmp_path / f"{name}.json").write_text('{"a": 1}')
    opened: list[Path] = []

    def read(path: Path, limit_bytes: int) -> bytes:
        opened.append(path)
        return path.read_bytes()[:limit_bytes]

    folders = Folders(tmp_path)
    monkeypatch.setattr(files, "read", read)
    assert reader.find(folders) is None
    assert [path.name for path in folders.paths()] == ["a_cpu.json", "b_cpu.json"]
    assert sorted(path.name for path in opened) == ["a_cpu.json", "b_cpu.json", "other.json"]


def test_selectors_are_names_and_globs(tmp_path: Path) -> None:
    for name in ("sd3/clip_cpu", "sd3/clip_rocm", "sd3/vae_cpu", "sdxl/clip_cpu"):
        path = tmp_path / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    folders = Folders(tmp_path)

    def selected(*selectors: str) -> list[str]:
        return [f"{path.parent.name}/{path.stem}" for path in select(folders, selectors)]

    assert selected("sd3") == ["sd3/clip_cpu", "sd3/clip_rocm", "sd3/vae_cpu"]
    assert selected("sd3/clip", "sdxl") == ["sd3/clip_cpu", "sd3/clip_rocm", "sdxl/clip_cpu"]
    assert selected("*/vae") == ["sd3/vae_cpu"]
    with pytest.raises(UsageError, match=r"^no model named 'sd4' in .*; did you mean sd3, sdxl\?$"):
        selected("sd4")
    with pytest.raises(UsageError, match=r"^no model named 'llama' in .*; available models: sd3, sdxl\.$"):
        selected("llama")


def test_a_folder_without_specs_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        select(Folders(tmp_path), ("*",))
    assert str(caught.value) == f"{tmp_path} has no specs, MODEL/SUBMODEL_BACKEND.json; `harness new` writes one."


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Return a file that is not in the folder of specs, `specs`, which has links to it and to its folder."""
    path = tmp_path / "home/id_rsa"
    path.parent.mkdir()
    path.write_text("secret")
    folder = tmp_path / "specs/m"
    (folder / "deep").mkdir(parents=True)
    (folder / "link").symlink_to(path)
    (folder / "home").symlink_to(path.parent)
    (folder / "chain").symlink_to("link")
    (folder / "within").symlink_to("own.mlir")
    (folder / "own.mlir").write_text("own")
    return path


SOURCES = [
    "file://{path}",
    "file:///proc/self/root{path}",
    "file://{specs}/m/../../home/id_rsa",
    "file://{specs}/m/%2e%2e/%2E%2E/home/id_rsa",
    "file://{specs}/m/link",
    "file://{specs}/m/home/id_rsa",
    "file://{specs}-more/x",
    "file:///etc/passwd?x#y",
    "{path}",
    "/etc/passwd",
    "link",
    "chain",
    "home/id_rsa",
    "deep/../home/id_rsa",
    "../../home/id_rsa",
    "../../home/./id_rsa",
    "ht\ntps:/../../../home/id_rsa",
]


@pytest.mark.parametrize("source", SOURCES)
def test_a_spec_names_no_file_outside_its_folders(outside: Path, source: str) -> None:
    specs = outside.parents[1] / "specs"
    text, spec = source.format(path=outside, specs=specs), specs / "m/a_cpu.json"
    with pytest.raises(ValueError, match="is outside") as caught:
        Folders(specs).blob(text, spec)
    _, _, option = str(caught.value).rpartition("; to allow it, add ")
    words = shlex.split(option)
    assert words[0] == "--allow-path"
    real = Path(words[1])
    real.parent.mkdir(exist_ok=True)
    real.touch()
    assert Folders(specs, allowed=[real]).blob(text, spec).local_path == real
    assert Folders(specs, allowed=[outside.parents[2], Path("/etc")]).blob(text, spec).local_path == real


@pytest.mark.parametrize(
    "source", ["own.mlir", "within", "./deep/../own.mlir", "file://{specs}/m/within", "{specs}/m/own.mlir"]
)
def test_a_spec_names_files_in_its_folder_by_any_path(outside: Path, source: str) -> None:
    specs = outside.parents[1] / "specs"
    assert Folders(specs).blob(source.format(specs=specs), specs / "m/a_cpu.json").local_path == specs / "m/own.mlir"


def test_external_files_have_no_links_that_lead_out(outside: Path) -> None:
    external = outside.parents[1] / "external"
    external.mkdir()
    (external / "w.irpa").write_text("weights")
    (external / "id").symlink_to(outside)
    specs = outside.parents[1] / "specs"
    folders = Folders(specs, external_files=external)
    assert folders.blob("w.irpa", specs / "m/a_cpu.json").local_path == external / "w.irpa"
    assert folders.blob(f"file://{external}/w.irpa", specs / "m/a_cpu.json").local_path == external / "w.irpa"
    with pytest.raises(ValueError, match="is outside"):
        folders.blob("id", specs / "m/a_cpu.json")


def test_a_spec_of_which_only_the_path_was_given_names_files_beside_itself(outside: Path) -> None:
    specs = outside.parents[1] / "specs"
    guessed = Folders(outside.parents[1], is_guessed=True)
    assert guessed.blob("own.mlir", specs / "m/a_cpu.json").local_path == specs / "m/own.mlir"
    with pytest.raises(ValueError, match=r"outside .*/specs/m; .* the folder of the specs with --specs; to"):
        guessed.blob("../../home/id_rsa", specs / "m/a_cpu.json")


def test_a_path_to_allow_exists(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^--allow-path .*/no: no such file or folder; check the path\.$"):
        Folders(tmp_path, allowed=[tmp_path / "no"])
