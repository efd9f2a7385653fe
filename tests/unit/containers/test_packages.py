from pathlib import Path

from harness.containers import packages
from harness.containers.packages import Package

STATUS = """Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc
Version: 2.41-12+deb13u5
Description: GNU C Library
 Package: not-a-package
 .
 Version: 1

Package: gcc-14-base
Status: install ok installed
Architecture: amd64
Source: gcc-14 (14.2.0-19)
Version: 1:14.2.0-19~x

Package: removed
Status: deinstall ok config-files
Architecture: amd64
Version: 1

"""


def test_what_dpkg_has_installed() -> None:
    assert list(packages.of_dpkg(STATUS, {"ID": "debian", "VERSION_ID": "13", "VERSION_CODENAME": "trixie"})) == [
        Package(
            purl="pkg:deb/debian/libc6@2.41-12%2Bdeb13u5?arch=amd64&distro=debian-13&upstream=glibc",
            name="libc6",
            version="2.41-12+deb13u5",
        ),
        Package(
            purl="pkg:deb/debian/gcc-14-base@1:14.2.0-19~x?arch=amd64&distro=debian-13&upstream=gcc-14%4014.2.0-19",
            name="gcc-14-base",
            version="1:14.2.0-19~x",
        ),
    ]


def test_a_distribution_without_a_number_and_one_that_is_unknown() -> None:
    forky, unknown = (next(packages.of_dpkg(STATUS, each)) for each in ({"VERSION_CODENAME": "forky"}, None))
    assert "&distro=debian-forky&" in forky.purl
    assert "distro" not in unknown.purl
    assert list(packages.of_dpkg("")) == []


def test_what_python_has_installed(tmp_path: Path) -> None:
    for folder, text in {"Typing_Extensions-4": "Name: Typing_Extensions\nVersion: 4.0+x\n", "broken-1": ""}.items():
        (tmp_path / f"{folder}.dist-info").mkdir()
        (tmp_path / f"{folder}.dist-info" / "METADATA").write_text(text)
    assert list(packages.of_python([str(tmp_path), "/nonexistent"])) == [
        Package(purl="pkg:pypi/typing-extensions@4.0%2Bx", name="typing-extensions", version="4.0+x")
    ]


def test_a_package_of_another_index_says_so() -> None:
    assert packages.pypi("a", "1.0+b").purl == "pkg:pypi/a@1.0%2Bb"
    assert packages.pypi("a", "1", "https://h/simple/").purl == (
        "pkg:pypi/a@1?repository_url=https:%2F%2Fh%2Fsimple%2F"
    )
