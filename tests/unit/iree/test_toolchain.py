import os
import shutil
from pathlib import Path

import pytest

from harness.core.cases import Release
from harness.core.errors import ToolError
from harness.iree.toolchain import Toolchain, found
from harness.store.store import Store
from tests.unit.users import needs_root, without_rights

COMMIT, OTHER = "89ece87b89852100c0a4ac3d515e14842d090967", "ae97779f59a8" + "0" * 28
STAMP = '# Auto-generated version info.\nPACKAGE_SUFFIX = ""\nVERSION = "{}"\nREVISIONS = {{"IREE": "{}"}}\n'
PROGRAMS = {
    "iree-compile": "compiler/_mlir_libs",
    "iree-run-module": "_runtime_libs",
    "iree-dump-module": "_runtime_libs",
}


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o755)
    return path


def native(path: Path, content: bytes = b"") -> Path:
    return write(path, b"\x7fELF" + content)


def packages(site: Path, version: str = "3.13.0rc20261016", compiler: str = COMMIT, runtime: str = COMMIT) -> Path:
    """Lay out what the two wheels install."""
    for name, folder in PROGRAMS.items():
        native(site / "iree" / folder / name)
    write(site / "iree/compiler/version.py", STAMP.format(version, compiler))
    write(site / "iree/_runtime_libs/version.py", STAMP.format(version, runtime))
    return site


def wrappers(bin_dir: Path, first_line: str) -> Path:
    for name in PROGRAMS:
        write(bin_dir / name, f"{first_line}\nimport sys\n")
    return bin_dir


def look(tmp_path: Path, folder: Path | None, search_path: str = "") -> Toolchain:
    return found(folder, search_path, Store(tmp_path / "store"))


@pytest.mark.parametrize(
    ("site", "first_line"),
    [
        ("lib/python3.12/site-packages", "#!{env}/bin/python"),
        ("lib64/python3.12/site-packages", "#!{env}/bin/python -I"),
        ("lib/python3/dist-packages", "#!/usr/bin/env python3"),
        ("lib/python3.12/site-packages", "#!/bin/sh"),  # what pip writes where the path of Python is long
    ],
)
@pytest.mark.parametrize("named", ["env", "env/bin", None])
def test_the_native_programs_behind_wrappers(tmp_path: Path, site: str, first_line: str, named: str | None) -> None:
    env = tmp_path / "env"
    packages(env / site)
    bin_dir = wrappers(env / "bin", first_line.format(env=env))
    toolchain = look(tmp_path, tmp_path / named if named else None, f":/nowhere:{bin_dir}")
    for name, program in (
        ("iree-compile", toolchain.iree_compile),
        ("iree-run-module", toolchain.iree_run_module),
        ("iree-dump-module", toolchain.iree_dump_module),
    ):
        assert program == env / site / "iree" / PROGRAMS[name] / name
    assert toolchain.release == Release(name="3.13.0", date=20261016)
    assert (toolchain.compiler_commit, toolchain.runtime_commit) == (COMMIT, COMMIT)


def test_wrappers_that_were_moved_know_their_python(tmp_path: Path) -> None:
    site = packages(tmp_path / "env/lib/python3.12/site-packages")
    wrappers(tmp_path / "local/bin", f"#!{tmp_path}/env/bin/python")
    assert look(tmp_path, tmp_path / "local").iree_compile.is_relative_to(site)


def test_a_folder_of_packages_as_uv_installs_it(tmp_path: Path) -> None:
    wrappers(packages(tmp_path / "target") / "bin", "#!/usr/bin/python3")
    assert look(tmp_path, tmp_path / "target").iree_compile == tmp_path / "target/iree/compiler/_mlir_libs/iree-compile"


@pytest.mark.parametrize("bin_dir", ["build/bin", "build"])
def test_native_programs_in_one_folder(tmp_path: Path, bin_dir: str) -> None:
    for name in PROGRAMS:
        native(tmp_path / bin_dir / name)
    write((tmp_path / bin_dir).parent / "version.py", STAMP.format("3.10.0rc20260115", OTHER))
    toolchain = look(tmp_path, tmp_path / "build")
    assert toolchain.iree_run_module == tmp_path / bin_dir / "iree-run-module"
    assert toolchain.release == Release(name="3.10.0rc20260115", date=20260115)
    assert (toolchain.compiler_commit, toolchain.runtime_commit) == (OTHER, None)


def test_a_program_that_does_not_say_what_it_is(tmp_path: Path) -> None:
    for name in PROGRAMS:
        write(tmp_path / "bin" / name, Path(shutil.which("true") or "").read_bytes())
    toolchain = look(tmp_path, tmp_path)
    assert (toolchain.release, toolchain.compiler_commit) == (Release(name="unknown", date=None), None)


def test_compiler_and_runtime_of_different_builds(tmp_path: Path) -> None:
    packages(tmp_path / "lib/python3.12/site-packages", runtime=OTHER)
    wrappers(tmp_path / "bin", "#!/usr/bin/env python3")
    toolchain = look(tmp_path, tmp_path)
    assert (toolchain.compiler_commit, toolchain.runtime_commit) == (COMMIT, OTHER)


def test_the_first_on_the_search_path_counts(tmp_path: Path) -> None:
    for name, version in (("a", "3.11.0"), ("b", "3.12.0")):
        packages(tmp_path / name / "lib/python3.12/site-packages", version)
        wrappers(tmp_path / name / "bin", "#!/usr/bin/env python3")
    assert look(tmp_path, None, f"{tmp_path}/b/bin:{tmp_path}/a/bin").release.name == "3.12.0"
    assert look(tmp_path, tmp_path / "a", f"{tmp_path}/b/bin").release.name == "3.11.0"


@pytest.mark.parametrize(
    ("folder", "where"), [("empty", "{tmp}/empty or its bin folder"), (None, "PATH"), ("nosuch", "{tmp}/nosuch or its")]
)
def test_where_there_is_no_iree(tmp_path: Path, folder: str | None, where: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ToolError) as caught:
        look(tmp_path, tmp_path / folder if folder else None, f"{tmp_path}/empty:relative")
    assert str(caught.value).startswith(f"iree-compile: not found in {where.format(tmp=tmp_path)}")
    assert "harness quality --iree RELEASE" in str(caught.value)


@pytest.mark.parametrize("missing", PROGRAMS)
def test_a_program_that_is_missing_or_only_a_wrapper(tmp_path: Path, missing: str) -> None:
    site = packages(tmp_path / "lib/python3.12/site-packages")
    wrappers(tmp_path / "bin", "#!/usr/bin/env python3")
    program = site / "iree" / PROGRAMS[missing] / missing
    for spoil in (program.unlink, lambda: write(program, "#!/bin/sh\n")):
        spoil()
        with pytest.raises(ToolError) as caught:
            look(tmp_path, tmp_path)
        expected = f"expected an IREE distribution with iree/{PROGRAMS[missing]}/{missing}."
        assert str(caught.value) == f"{missing}: no native program found in {tmp_path}; {expected}"


@pytest.mark.parametrize("text", ["", 'VERSION = "3.13.0"\n', f'REVISIONS = {{"IREE": "{COMMIT}"}}\n'])
def test_half_a_stamp_is_none(tmp_path: Path, text: str) -> None:
    site = packages(tmp_path / "lib/python3.12/site-packages")
    wrappers(tmp_path / "bin", "#!/usr/bin/env python3")
    write(site / "iree/_runtime_libs/version.py", text)
    assert look(tmp_path, tmp_path).runtime_commit is None


def test_the_build_of_the_runtime_is_told_by_what_runs_modules(tmp_path: Path) -> None:
    site = packages(tmp_path / "lib/python3.12/site-packages")
    wrappers(tmp_path / "bin", "#!/usr/bin/env python3")
    builds = [look(tmp_path, tmp_path).runtime_build]
    for path in ("compiler/_mlir_libs/iree-compile", "_runtime_libs/iree-dump-module", "_runtime_libs/version.txt"):
        native(site / "iree" / path, b"changed")
    assert look(tmp_path, tmp_path).runtime_build == builds[0]
    for path in ("_runtime_libs/iree-run-module", "_runtime_libs/libx.so.1", "lib/libiree_runtime.so"):
        native(site / "iree" / path, b"changed")
        builds.append(look(tmp_path, tmp_path).runtime_build)
    native(site / "iree/lib/libc.so.6", b"of the system")
    assert look(tmp_path, tmp_path).runtime_build == builds[-1]
    shutil.copytree(tmp_path, tmp_path.with_name(f"{tmp_path.name}-moved"))
    assert look(tmp_path, tmp_path.with_name(f"{tmp_path.name}-moved")).runtime_build == builds[-1]
    assert len(set(builds)) == 4


def test_the_build_is_told_by_the_compilers_files_and_nothing_else(tmp_path: Path) -> None:
    site = packages(tmp_path / "lib/python3.12/site-packages")
    wrappers(tmp_path / "bin", "#!/usr/bin/env python3")
    builds = [look(tmp_path, tmp_path).build]
    for name in ("iree-run-module", "iree-dump-module"):
        native(site / "iree" / PROGRAMS[name] / name, b"changed")
    assert look(tmp_path, tmp_path).build == builds[0]
    for path in ("compiler/_mlir_libs/iree-compile", "compiler/_mlir_libs/libIREECompiler.so"):
        native(site / "iree" / path, b"changed")
        builds.append(look(tmp_path, tmp_path).build)
    native(site / "iree/compiler/_mlir_libs/libIREECompiler.so", b"changed again")
    builds.append(look(tmp_path, tmp_path).build)
    assert len(set(builds)) == 4


@pytest.mark.parametrize(
    "name", ["iree-lld", "libx.so", "_mlir.abi3.so", "iree_platform_libs/rocm/ockl.bc", "libMLIRPythonSupport-mlir.so"]
)
def test_the_build_is_told_by_all_that_the_compiler_may_load(tmp_path: Path, name: str) -> None:
    site = packages(tmp_path / "lib/python3.12/site-packages")
    wrappers(tmp_path / "bin", "#!/usr/bin/env python3")
    folder = site / "iree/compiler/_mlir_libs"
    builds = [look(tmp_path, tmp_path).build]
    for content in (b"", b"changed"):
        native(folder / name, content)
        builds.append(look(tmp_path, tmp_path).build)
    before = (folder / name).stat()
    native(folder / name, b"CHANGED")
    os.utime(folder / name, ns=(before.st_atime_ns, before.st_mtime_ns))
    builds.append(look(tmp_path, tmp_path).build)
    write(folder / "__init__.py", "")
    assert look(tmp_path, tmp_path).build == builds[-1]
    shutil.copytree(tmp_path, tmp_path.with_name(f"{tmp_path.name}-moved"))
    assert look(tmp_path, tmp_path.with_name(f"{tmp_path.name}-moved")).build == builds[-1]
    assert len(set(builds)) == 4


@pytest.mark.parametrize("name", ["bin/iree-lld", "bin/lld", "lib/libIREECompiler.so", "lib/libLLVM.so.21"])
def test_the_build_of_programs_in_one_folder(tmp_path: Path, name: str) -> None:
    for program in PROGRAMS:
        native(tmp_path / "bin" / program)
    write(tmp_path / "version.py", STAMP.format("3.13.0", COMMIT))
    before = look(tmp_path, tmp_path).build
    native(tmp_path / "bin/ls")
    native(tmp_path / "lib/libc.so.6")
    assert look(tmp_path, tmp_path).build == before
    native(tmp_path / name)
    assert look(tmp_path, tmp_path).build != before


@needs_root
@pytest.mark.parametrize("closed", ["bin", "bin/iree-compile"])
def test_a_folder_of_the_path_that_this_user_may_not_read_has_no_programs(public_dir: Path, closed: str) -> None:
    for name in PROGRAMS:
        native(public_dir / "bin" / name)
    (public_dir / closed).chmod(0o700)
    with without_rights(), pytest.raises(ToolError, match="iree-compile: not found in PATH"):
        look(public_dir, None, f"{public_dir}/bin")
