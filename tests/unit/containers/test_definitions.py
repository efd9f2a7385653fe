import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.containers.definitions import Bootstrapped, Image, Pulled, load
from harness.core.errors import UsageError

CONTAINERS = Path(__file__).parents[3] / "containers"
DIGEST = "sha256:" + "ab" * 32
PULLED = f'base = "docker.io/library/python:3.12-slim@{DIGEST}"\npython = "/usr/local/bin/python3.12"\n'
BOOTSTRAPPED = (
    f'suite = "trixie"\npackages = ["python3.13", "libstdc++6"]\nsha256 = "{"cd" * 32}"\npinned = "2026-11-23"\n'
    'python = "/usr/bin/python3.13"\n'
)
KEYS = {"pulled": PULLED, "bootstrapped": BOOTSTRAPPED}


def written(folder: Path, text: str, packages: str = "{}", wheels: str = "{}") -> Path:
    (folder / "images.toml").write_text(text)
    (folder / "packages.lock.json").write_text(packages)
    (folder / "wheels.lock.json").write_text(wheels)
    return folder


def refused(folder: Path, text: str) -> str:
    with pytest.raises(UsageError) as caught:
        load(written(folder, text))
    return str(caught.value)


def test_a_base_from_a_registry(tmp_path: Path) -> None:
    text = f'[cpu]\n{PULLED}attested = true\n[rocm]\n{PULLED}hip = "/opt/rocm/lib/libamdhip64.so"\n'
    images = load(written(tmp_path, text))
    reference = f"docker.io/library/python:3.12-slim@{DIGEST}"
    assert list(images) == ["cpu", "rocm"]
    assert images["cpu"].base == Pulled(reference=reference, digest=DIGEST, attested=True)
    assert images["rocm"].base == Pulled(reference=reference, digest=DIGEST, attested=False)
    assert (images["cpu"].hip, images["rocm"].hip) == (None, "/opt/rocm/lib/libamdhip64.so")


def test_a_base_of_debian_packages(tmp_path: Path) -> None:
    image = load(written(tmp_path, f"[cpu-debian]\n{BOOTSTRAPPED}", '{"cpu-debian": {"libc6": "2.41-12"}}'))[
        "cpu-debian"
    ]
    assert image == Image(
        name="cpu-debian",
        base=Bootstrapped(
            suite="trixie",
            packages=("python3.13", "libstdc++6"),
            sha256="cd" * 32,
            pinned="2026-11-23",
            versions={"libc6": "2.41-12"},
        ),
        python="/usr/bin/python3.13",
        hip=None,
    )
    assert image.python_version == "3.13"


def test_the_images_of_the_project_are_all_pinned() -> None:
    images = load(CONTAINERS)
    assert set(images) == {"cpu", "rocm", "cpu-debian", "rocm-debian", "rocm-emulated", "vulkan-debian"}
    for image in images.values():
        assert ("emulated" in image.name) == (image.wheels is not None) == (image.emulator is not None)
        assert ("rocm" in image.name) == (image.hip is not None)
        match image.base:
            case Bootstrapped() as base:
                assert set(base.packages) <= set(base.versions)
                assert base.sha256 != "0" * 64
            case Pulled():
                assert image.base.reference.startswith("docker.io/")  # an engine must not guess the registry


@pytest.mark.parametrize(
    ("versions", "is_pinned"),
    [({"a": "1.3a1", "b-c": "2"}, True), ({}, False), ({"a": "1.2", "b-c": "2"}, False), ({"a": "1.3"}, False)],
)
def test_wheels_are_pinned_in_a_file_of_their_own(tmp_path: Path, versions: dict[str, str], *, is_pinned: bool) -> None:
    locked = {package: {"version": version, "sha256": ["12" * 32]} for package, version in versions.items()}
    text = f'[rocm]\n{PULLED}wheels = ["a>=1.3a0", "B.C"]\nindex = "https://h.example/"\n[cpu]\n{PULLED}'
    images = load(written(tmp_path, text, wheels=json.dumps({"rocm": locked})))
    wheels = images["rocm"].wheels
    assert wheels is not None
    assert (wheels.index, wheels.wanted) == ("https://h.example/", ("a>=1.3a0", "B.C"))
    assert {each.package: (each.version, each.sha256) for each in wheels.locked} == {
        package: (version, ("12" * 32,)) for package, version in versions.items()
    }
    assert wheels.is_pinned == is_pinned
    assert images["cpu"].wheels is None


@pytest.mark.parametrize(
    ("kind", "key", "value", "expected"),
    [
        ("pulled", "base", '"docker.io/library/python:3.12"', "a base image must be pinned by its digest"),
        ("pulled", "base", f'"python@{DIGEST[:-1]}"', "a base image must be pinned by its digest"),
        ("pulled", "base", f'"py thon@{DIGEST}"', "NAME:TAG@sha256:DIGEST"),
        ("pulled", "base", "1", "base is 1, expected NAME:TAG@sha256:DIGEST"),
        ("pulled", "attested", '"yes"', "attested is 'yes', expected true or false"),
        (
            "pulled",
            "python",
            '"python3.12"',
            "python is 'python3.12', expected an absolute path that ends with the ver",
        ),
        ("pulled", "python", '"/usr/bin/python3"', "expected an absolute path that ends with the version"),
        ("pulled", "hip", '"lib/libamdhip64.so"', "hip is 'lib/libamdhip64.so', expected an absolute path"),
        ("pulled", "suite", '"trixie"', "expected either `base` (from a registry) or `suite`"),
        ("pulled", "packages", '["python3"]', "unknown key packages; expected attested, base, emulator, hip, ind"),
        ("pulled", "wheels", '[]\nindex = "https://h/"', "wheels is [], expected a list of names of Python packages"),
        (
            "pulled",
            "wheels",
            '["a @ https://h/a.whl"]\nindex = "https://h/"',
            "expected a list of names of Python packages",
        ),
        ("pulled", "wheels", '["a>=1.2"]', "missing key index"),
        ("pulled", "index", '"ftp://h"\nwheels = ["a"]', "index is 'ftp://h', expected the URL of a package index"),
        ("pulled", "emulator", '"rocm"', "emulator is 'rocm', expected an absolute path"),
        ("bootstrapped", "base", f'"python@{DIGEST}"', "expected either `base` (from a registry) or `suite`"),
        ("bootstrapped", "suite", '"--help"', "suite is '--help', expected the name of a Debian suite, such as trixie"),
        ("bootstrapped", "packages", '"python3"', "packages is 'python3', expected a list of names of Debian"),
        ("bootstrapped", "packages", '["a,b"]', "packages is ['a,b'], expected a list of names of Debian packages"),
        ("bootstrapped", "packages", "[1]", "packages is [1], expected a list of names of Debian packages"),
        ("bootstrapped", "sha256", f'"{"CD" * 32}"', "expected 64 hexadecimal digits"),
        ("bootstrapped", "pinned", '"yesterday"', "pinned is 'yesterday', expected a date, such as 2026-11-23"),
        (
            "bootstrapped",
            "attested",
            "true",
            "unknown key attested; expected emulator, hip, index, packages, pinned, python",
        ),
    ],
)
def test_an_invalid_value(tmp_path: Path, kind: str, key: str, value: str, expected: str) -> None:
    others = re.sub(rf"^{key} = .*\n", "", KEYS[kind], flags=re.MULTILINE)
    message = refused(tmp_path, f"[some-image]\n{others}{key} = {value}\n")
    assert message.startswith(f"{tmp_path}/images.toml: [some-image]: ")
    assert message.endswith("; fix it, then run `nox -s pins -- some-image`.")
    assert expected in message


@pytest.mark.parametrize(
    ("kind", "key"),
    [("pulled", "python"), *(("bootstrapped", key) for key in ("packages", "sha256", "pinned", "python"))],
)
def test_a_key_that_is_missing(tmp_path: Path, kind: str, key: str) -> None:
    text = re.sub(rf"^{key} = .*\n", "", KEYS[kind], flags=re.MULTILINE)
    assert f"images.toml: [some-image]: missing key {key};" in refused(tmp_path, f"[some-image]\n{text}")


def test_a_table_without_a_base(tmp_path: Path) -> None:
    assert "expected either `base`" in refused(tmp_path, '[some-image]\npython = "/usr/bin/python3.13"\n')


@pytest.mark.parametrize("name", ["CPU", "-cpu", '"c/u"', '""'])
def test_an_invalid_name(tmp_path: Path, name: str) -> None:
    assert "invalid name; expected lower-case letters, digits and hyphens" in refused(tmp_path, f"[{name}]\n{PULLED}")


def test_an_image_that_is_not_a_table(tmp_path: Path) -> None:
    assert "expected a table, got 1" in refused(tmp_path, "cpu = 1\n")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("images.toml", "[cpu"),
        ("images.toml", f"x = {'[' * 10_000}"),
        ("images.toml", "\N{BROKEN BAR}"),
        ("packages.lock.json", "{"),
        ("packages.lock.json", "[]"),
        ("packages.lock.json", '{"cpu": ["libc6"]}'),
    ],
)
def test_a_file_that_is_not_valid(tmp_path: Path, name: str, content: str) -> None:
    written(tmp_path, "").joinpath(name).write_text(content)
    with pytest.raises(UsageError, match=f"^{tmp_path}/{name}: cannot be read "):
        load(tmp_path)


def removed(path: Path) -> None:
    path.unlink()


def endless(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def sparse(path: Path) -> None:
    os.truncate(path, 1 << 40)


@pytest.mark.parametrize("name", ["images.toml", "packages.lock.json"])
@pytest.mark.parametrize("replaced", [removed, endless, fifo, sparse])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, replaced: Callable[[Path], None]) -> None:
    replaced(written(tmp_path, "") / name)
    with pytest.raises(UsageError, match=f"^{tmp_path}/{name}: cannot be read "):
        load(tmp_path)
