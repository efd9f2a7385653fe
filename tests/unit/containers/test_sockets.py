"""Engines are servers of the test."""

from pathlib import Path

import pytest

from harness.containers.sockets import addresses, connected, problems, required
from harness.core.errors import EngineError, UsageError
from tests.unit.daemons import DOCKER, Says, daemon, docker, podman, says
from tests.unit.users import needs_root, without_rights

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.usefixtures("_sdk")]

INFO = docker()["GET /info"]


def here(folder: Path) -> dict[str, str]:
    """Return variables that name only sockets of the test."""
    return {name: f"unix://{folder}/{name.partition('_')[0]}" for name in ("DOCKER_HOST", "CONTAINER_HOST")}


def test_the_environment_replaces_the_default_sockets(tmp_path: Path) -> None:
    environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
    user = [f"unix://{tmp_path}/{name}" for name in ("docker.sock", "podman/podman.sock")]
    with daemon(tmp_path / "docker.sock", {}), daemon(tmp_path / "podman/podman.sock", {}):
        every = [address for _, address in addresses("auto", environment)]
        assert [address for address in every if str(tmp_path) in address] == user
        assert next(name for name, _ in addresses("podman", environment)) == "podman"
        assert {name for name, _ in addresses("docker", environment)} == {"docker"}
        named = here(tmp_path)
        assert [*addresses("container", environment | named)] == [
            ("docker", named["DOCKER_HOST"]),
            ("podman", named["CONTAINER_HOST"]),
        ]
        assert [*addresses("podman", environment | named)] == [("podman", named["CONTAINER_HOST"])]


def test_a_file_that_is_not_a_socket_is_left_out(tmp_path: Path) -> None:
    def found() -> list[str]:
        every = [address for _, address in addresses("auto", {"XDG_RUNTIME_DIR": str(tmp_path)})]
        return [address for address in every if str(tmp_path) in address]

    (tmp_path / "docker.sock").write_text("")
    assert found() == []
    (tmp_path / "docker.sock").unlink()
    with daemon(tmp_path / "docker.sock", {}):
        assert found() == [f"unix://{tmp_path}/docker.sock"]


def test_the_first_engine_that_answers_is_used(tmp_path: Path) -> None:
    with daemon(tmp_path / "CONTAINER", podman()):
        for choice in ("auto", "container", "podman"):
            found = required(choice, here(tmp_path))
            assert found.info.name == "podman"
            found.close()
        assert connected("docker", here(tmp_path)) is None


@pytest.mark.parametrize(
    "ping",
    [
        Says(body=b"<html>"),
        Says(status=500, headers=DOCKER, body=b"{}"),
        Says(headers=DOCKER, body=b"O", breaks_off=True),
        Says(status=403, headers=DOCKER),
        Says(headers={"Api-Version": "1.1"}),
        Says(headers={"Api-Version": "one"}),
    ],
)
def test_a_server_that_is_not_an_engine(tmp_path: Path, ping: Says) -> None:
    with daemon(tmp_path / "DOCKER", {"GET /_ping": ping, "GET /info": INFO}):
        assert connected("docker", here(tmp_path)) is None


@pytest.mark.parametrize(
    "info",
    [
        Says(body=b"<html>"),
        Says(body=b"\xff"),
        Says(body=b"{", breaks_off=True),
        says([]),
        says(None),
        says({}),
        says({"ServerVersion": "28.2.2", "SecurityOptions": [1]}),
        says({"ServerVersion": "28.2.2", "CDISpecDirs": 1}),
        says({"ServerVersion": None, "SecurityOptions": []}),
    ],
)
def test_an_engine_with_an_invalid_description(tmp_path: Path, info: Says) -> None:
    with daemon(tmp_path / "DOCKER", {**docker(), "GET /info": info}):
        assert connected("docker", here(tmp_path)) is None


def test_without_an_answer_the_message_names_all_that_were_tried(tmp_path: Path) -> None:
    environment = here(tmp_path)
    with pytest.raises(EngineError) as caught:
        required("auto", environment)
    assert str(caught.value) == (
        f"No container engine answers (tried unix://{tmp_path}/DOCKER, unix://{tmp_path}/CONTAINER). Start docker or "
        "podman (systemctl start docker, or `podman system service --time=0 unix://PATH`), check that you have access "
        "to its socket, set DOCKER_HOST or CONTAINER_HOST, or use --engine local."
    )
    with pytest.raises(
        EngineError, match=r"answers \(tried unix://.*/CONTAINER\)\. Start podman \(systemctl start podman"
    ):
        required("podman", environment)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:2375", "ssh://host", "/var/run/docker.sock", "npipe://x"])
@pytest.mark.parametrize(("choice", "variable"), [("docker", "DOCKER_HOST"), ("podman", "CONTAINER_HOST")])
def test_an_engine_of_another_machine_is_refused(tmp_path: Path, choice: str, variable: str, address: str) -> None:
    for asked in (choice, "auto"):
        with pytest.raises(UsageError) as caught:
            connected(asked, here(tmp_path) | {variable: address})
        assert str(caught.value) == (
            f"{variable}={address}: expected unix:///PATH. Containers use folders and devices of this machine, so the "
            "engine must run here; choose another one, or use --engine local."
        )


def test_what_is_wrong_with_an_address(tmp_path: Path) -> None:
    environment = here(tmp_path) | {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert problems("docker", environment) == [f"DOCKER_HOST=unix://{tmp_path}/DOCKER does not exist"]
    del environment["DOCKER_HOST"]
    with daemon(tmp_path / "docker.sock", {}):
        assert f"no engine answers at {tmp_path}/docker.sock" in problems("docker", environment)


@needs_root
def test_a_socket_that_this_user_may_not_use(public_dir: Path) -> None:
    environment = here(public_dir)
    with daemon(public_dir / "DOCKER", docker()):
        (public_dir / "DOCKER").chmod(0o660)
        with without_rights():
            assert connected("docker", environment) is None
            advice = "permission denied; join the group root (sudo usermod -aG root $USER) and log in again"
            assert problems("docker", environment) == [f"DOCKER_HOST=unix://{public_dir}/DOCKER: {advice}"]
            with pytest.raises(
                EngineError, match=r"^No container engine answers \(tried .*/DOCKER: permission denied;"
            ):
                required("docker", environment)


@needs_root
def test_a_socket_in_a_folder_that_this_user_may_not_enter(public_dir: Path) -> None:
    folder = public_dir / "podman"
    folder.mkdir(0o700)
    with daemon(folder / "podman.sock", podman()), without_rights():
        every = addresses("podman", {"XDG_RUNTIME_DIR": str(public_dir)})
        assert not [address for _, address in every if str(public_dir) in address]
