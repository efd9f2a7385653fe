from pathlib import Path

import pytest

from harness.core.errors import DeviceError
from harness.host import emulators

CONFIGS = "share/rocjitsu/configs"


def root(folder: Path, *programs: str, configs: tuple[str, ...] = ("gfx942_cdna3", "gfx1250_mi455x", "notes")) -> Path:
    for path in (*(f"bin/{each}" for each in programs), *(f"{CONFIGS}/{each}.json" for each in configs)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    return folder


def test_the_words_before_a_command(tmp_path: Path) -> None:
    found = emulators.found("auto", root(tmp_path, "rocjitsu", "mirage"))
    assert (str(found), found.chips) == ("rocjitsu", ("gfx1250", "gfx942"))
    config = str(tmp_path / CONFIGS / "gfx942_cdna3.json")
    libraries, program = f"LD_LIBRARY_PATH={tmp_path}/lib", f"{tmp_path}/bin/rocjitsu"
    assert found.words("gfx942") == ("env", "HSA_ENABLE_SDMA=1", libraries, program, "--config", config, "--")
    with pytest.raises(DeviceError, match=r"no configuration for gfx90a; expected one of gfx1250, gfx942\.$"):
        found.words("gfx90a")


def test_a_newer_name_of_a_configuration_replaces_an_older_one(tmp_path: Path) -> None:
    names = ("amdgpu_cdna3", "amdgpu_cdna4", "amdgpu_rdna3_gfx1100_w7900_kmd", "gfx942_cdna3")
    found = emulators.found("rocjitsu", root(tmp_path, "rocjitsu", configs=names))
    assert {chip: path.stem for chip, path in found.configs.items()} == {
        "gfx942": "gfx942_cdna3",
        "gfx950": "amdgpu_cdna4",
        "gfx1100": "amdgpu_rdna3_gfx1100_w7900_kmd",
    }


def test_of_many_configurations_that_of_one_emulated_gpu_is_used(tmp_path: Path) -> None:
    # Those of ROCm/rocm-systems@01bdacd, and older ones.
    names = (
        *("gfx90a_mi210_kmd", "gfx942_cdna3", "gfx942_cdna3_kmd", "gfx950_mi355x", "gfx950_mi355x_kmd"),
        *("gfx950_mi355x_kmd_2gpu", "gfx1250_mi455x", "gfx1250_mi455x_kmd_4gpu", "gfx1100_w7900", "gfx1151"),
        *("gfx1201_r9700", "gfx1201_functional", "guest_gfx950_on_gfx942", "guest_gfx950_on_simulated_gfx942"),
        *("amdgpu_rdna3_gfx1100_w7900_kmd", "amdgpu_cdna4", "amdgpu_cdna4_kmd_2gpu"),
    )
    found = emulators.found("rocjitsu", root(tmp_path, "rocjitsu", configs=names))
    assert {chip: path.stem for chip, path in found.configs.items()} == {
        "gfx90a": "gfx90a_mi210_kmd",
        "gfx942": "gfx942_cdna3",
        "gfx950": "gfx950_mi355x",
        "gfx1100": "gfx1100_w7900",
        "gfx1151": "gfx1151",
        "gfx1201": "gfx1201_r9700",
        "gfx1250": "gfx1250_mi455x",
    }


@pytest.mark.parametrize("name", ["librocjitsu.so", "librocjitsu_kmd.so"])
def test_the_build_has_a_digest_of_the_library(tmp_path: Path, name: str) -> None:
    folder = root(tmp_path, "rocjitsu")
    (folder / "lib").mkdir()
    (folder / "lib" / name).write_bytes(b"emulator")
    assert emulators.found("rocjitsu", folder).build == "91c477bfb062"


def test_mirage_takes_the_same_configurations(tmp_path: Path) -> None:
    found = emulators.found("auto", root(tmp_path, "mirage"))
    assert (found.kind, found.chips) == ("mirage", ("gfx1250", "gfx942"))
    config = str(tmp_path / CONFIGS / "gfx942_cdna3.json")
    assert found.words("gfx942")[3:] == (f"{tmp_path}/bin/mirage", "run", "--config", config, "--")


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"rocjitsu is not in .*rocm-sdk path --root"):
        emulators.found("rocjitsu", root(tmp_path, "mirage"))
    with pytest.raises(DeviceError, match="has no configuration of a chip that rocjitsu runs"):
        emulators.found("auto", root(tmp_path / "empty", "rocjitsu", configs=()))
