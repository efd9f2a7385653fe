from dataclasses import replace
from pathlib import Path

import pytest

from harness.containers.apptainer import Apptainer, ApptainerTools
from harness.containers.provider import provider
from harness.core.errors import EngineError, UsageError
from harness.core.settings import ContainerSettings, Settings
from harness.host.cancel import CancelToken
from harness.pipeline.tools import ToolRun
from tests.unit.kfd import gpu

IMAGE = "/opt/iree-quality"


def tools(root: Path, program: str = "/usr/bin/apptainer") -> ApptainerTools:
    (root / "image").mkdir()
    return ApptainerTools(
        apptainer=Apptainer(program=program, version="1.4.5"),
        image=root / "image",
        shown={f"{IMAGE}/toolchain": root / "iree"},
        variables={"LANG": "C.UTF-8"},
    )


def asked(root: Path, *argv: str, reads: tuple[str, ...] = ()) -> ToolRun:
    log = root / "log"
    log.touch()
    paths = {f"in.{index}": root / name for index, name in enumerate(reads)}
    return ToolRun(argv=argv, reads=paths, folder=root, log_path=log, timeout_s=60, variables={"HOME": "/", "A": "1,2"})


def test_the_command_line_of_a_tool(tmp_path: Path) -> None:
    run = asked(tmp_path, f"{IMAGE}/toolchain/iree-run-module", "--x", reads=('a,"b',))
    used = replace(tools(tmp_path), gpus=(gpu(),))
    assert used.exec_argv(run, tmp_path / "work") == [
        *("/usr/bin/env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        *("APPTAINERENV_LANG=C.UTF-8", "APPTAINERENV_A=1,2", "APPTAINERENV_TMPDIR=/proc/self/cwd/tmp"),
        *("/usr/bin/apptainer", "--silent", "--nocolor", "exec"),
        *("--userns", "--containall", "--cleanenv", "--no-home", "--no-mount=bind-paths", "--no-privs"),
        *("--net", "--network=none", "--pwd=/work"),
        *("--mount", f"type=bind,source={tmp_path}/work,destination=/work"),
        *("--mount", f"type=bind,source={tmp_path}/iree,destination={IMAGE}/toolchain,ro"),
        *("--mount", f'type=bind,"source={tmp_path}/a,""b",destination=/work/in.0,ro'),
        *("--mount", "type=bind,source=/dev/kfd,destination=/dev/kfd"),
        *("--mount", "type=bind,source=/dev/dri/renderD128,destination=/dev/dri/renderD128"),
        *(f"{tmp_path}/image", f"{IMAGE}/toolchain/iree-run-module", "--x"),
    ]


def test_a_wrapper_is_that_of_the_image_or_else_comes_along(tmp_path: Path) -> None:
    used = tools(tmp_path)
    (tmp_path / "image" / "bin").mkdir()
    (tmp_path / "image" / "bin" / "sh").touch()
    assert used.exec_argv(asked(tmp_path, "/bin/sh", "tool"), tmp_path)[-2:] == ["/bin/sh", "tool"]
    assert used.exec_argv(asked(tmp_path, "numactl", "tool"), tmp_path)[-2:] == ["numactl", "tool"]
    own = tmp_path / "own"
    own.touch()
    argv = used.exec_argv(asked(tmp_path, str(own), "tool"), tmp_path)
    assert argv[-2:] == ["/work/wrapper", "tool"]
    assert f"type=bind,source={own},destination=/work/wrapper,ro" in argv


def stand_in(root: Path, script: str) -> str:
    path = root / "apptainer"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_a_signal_that_ends_a_tool_is_one(tmp_path: Path) -> None:
    used = tools(tmp_path, stand_in(tmp_path, "exit 134"))
    ended = used.run(asked(tmp_path, "tool"), CancelToken()).process
    assert (ended.exit_code, ended.signal_name) == (None, "SIGABRT")


def test_a_container_that_does_not_start_is_no_fault_of_the_model(tmp_path: Path) -> None:
    used = tools(tmp_path, stand_in(tmp_path, "echo 'FATAL:   no user namespaces.' >&2; exit 255"))
    with pytest.raises(EngineError, match=r"cannot start a container: no user namespaces. Check"):
        used.run(asked(tmp_path, "tool"), CancelToken())
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    ("option", "settings"),
    [
        ("--cap", ContainerSettings(engine="apptainer", capabilities=("SYS_NICE",))),
        ("cpu: .*-debian", ContainerSettings(engine="apptainer", image="cpu")),
        ("--image x/y@sha256:", ContainerSettings(engine="apptainer", image=f"x/y@sha256:{64 * 'a'}")),
    ],
)
def test_what_apptainer_cannot_do(option: str, settings: ContainerSettings) -> None:
    with pytest.raises(UsageError, match=option):
        provider(Settings(container=settings))
