"""A server at a unix socket plays the engine; the SDK is the real one."""

import contextlib
import dataclasses
import io
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from harness.containers.engine import Engine, full_name
from harness.core.errors import EngineError
from tests.unit.daemons import (
    Daemon,
    Says,
    daemon,
    docker,
    engine,
    podman,
    says,
    tells,
)

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.usefixtures("_sdk")]

INFO = docker()["GET /info"]
DIGEST, OTHER = (f"sha256:{digits * 32}" for digits in ("ab", "cd"))
INSPECT = f"GET /images/{quote(f'h/n@{DIGEST}', safe='/:')}/json"


@contextlib.contextmanager
def talking(folder: Path, answers: Mapping[str, Any]) -> Iterator[tuple[Engine, Daemon]]:
    with daemon(folder / "socket", answers) as server:
        talker = Engine(str(folder / "socket"))
        try:
            yield talker, server
        finally:
            talker.close()


ROOTLESS = ["name=seccomp,profile=builtin", "name=rootless"]
DIRS = ["/etc/cdi", "/run/cdi"]


@pytest.mark.parametrize(
    ("answers", "text", "facts"),
    [
        (docker(), "docker 28.2.2", {}),
        (docker(CDISpecDirs=DIRS), "docker 28.2.2", {"cdi_dirs": tuple(DIRS)}),
        (docker(CDISpecDirs=None, SecurityOptions=None), "docker 28.2.2", {}),
        (docker(SecurityOptions=ROOTLESS), "docker 28.2.2, rootless", {"rootless": True}),
        (docker(SecurityOptions=["name=selinux"]), "docker 28.2.2", {"selinux": True}),
        (docker(SecurityOptions=["name=userns"]), "docker 28.2.2", {"remapped": True}),
        (podman(), "podman 5.4.2", {"cdi_dirs": ("/etc/cdi", "/var/run/cdi")}),
        (podman("5.10.0-dev+1"), "podman 5.10.0-dev+1", {"cdi_dirs": ("/etc/cdi", "/var/run/cdi")}),
        (podman("5.3.2"), "podman 5.3.2", {}),
        (podman("4.3.1", SecurityOptions=ROOTLESS), "podman 4.3.1, rootless", {"rootless": True}),
        (podman("5.3.2", Rootless=True, CgroupVersion="2"), "podman 5.3.2, rootless", {"rootless": True}),
        (
            podman("5.3.2", Rootless=True, CgroupVersion="1"),
            "podman 5.3.2, rootless",
            {"rootless": True, "limits": False},
        ),
        (podman("5.3.2", CgroupVersion="1"), "podman 5.3.2", {}),
        (docker(MemoryLimit=False), "docker 28.2.2", {"limits": False}),
    ],
)
def test_what_an_engine_reports_about_itself(
    tmp_path: Path, answers: Mapping[str, Says], text: str, facts: Mapping[str, Any]
) -> None:
    usual: dict[str, Any] = {"rootless": False, "remapped": False, "limits": True}
    usual |= {"selinux": False, "cdi_dirs": ()}
    with talking(tmp_path, answers) as (talker, _):
        assert str(talker.info) == text
        name, version = text.removesuffix(", rootless").split()
        expected = {"name": name, "version": version, "socket": f"{tmp_path}/socket", **usual, **facts}
        assert dataclasses.asdict(talker.info) == expected


def test_an_engine_that_never_answers_is_not_waited_for(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "socket"))
        mute.listen()
        with pytest.raises(EngineError, match=rf"^Cannot connect to the container engine at {tmp_path}/socket: "):
            Engine(f"{tmp_path}/socket", answers_within_s=1)


@pytest.mark.parametrize("info", [Says(status=500, body=b'{"message": "broken"}'), Says(body=b"<html>")])
def test_an_engine_without_a_valid_description(tmp_path: Path, info: Says) -> None:
    with daemon(tmp_path / "socket", {**docker(), "GET /info": info}), pytest.raises(EngineError) as caught:
        Engine(str(tmp_path / "socket"))
    assert str(caught.value).startswith(f"Cannot connect to the container engine at {tmp_path}/socket: ")


PULL = "POST /images/create"
RED = "\x1b[31mno such tag\x1b[0m\n\r\n"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (tells({"status": "Pulling"}, {"error": RED, "errorDetail": {}}), "Cannot pull h/n:1: no such tag."),
        (tells({"stream": "trying \x1b[1mh\n"}, {"error": "denied"}), "Cannot pull h/n:1: denied. Output: trying h"),
        (says({"message": "unauthorized"}, 500), "Cannot pull h/n:1: unauthorized."),
        (says({"message": "not found"}, 404), "Cannot pull h/n:1: not found."),
        (says({"error": "at once"}), "Cannot pull h/n:1: at once."),
    ],
)
def test_a_pull_that_fails(tmp_path: Path, answer: Says, expected: str) -> None:
    with talking(tmp_path, {**docker(), PULL: answer}) as (talker, _), pytest.raises(EngineError) as caught:
        talker.pull("h/n", "1")
    assert str(caught.value).startswith(expected)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        Says(chunks=(b'{"status": "Pulling"}\n',), breaks_off=True),
        Says(chunks=(b'{"status": "Pull',)),
        Says(chunks=(b'["Pulling"]\n',)),
    ],
)
def test_an_engine_that_ends_in_the_middle_of_a_pull(tmp_path: Path, answer: Says) -> None:
    with talking(tmp_path, {**docker(), PULL: answer}) as (talker, _), pytest.raises(EngineError):
        talker.pull("h/n", "1")


@pytest.mark.parametrize(
    ("version", "query", "name"),
    [("1", "tag=1&fromImage=h%2Fn", "h/n:1"), ("sha256:ab", "tag=sha256%3Aab&fromImage=h%2Fn", "h/n@sha256:ab")],
)
def test_a_pull_by_tag_and_by_digest(tmp_path: Path, version: str, query: str, name: str) -> None:
    with talking(tmp_path, {**docker(), PULL: tells({"status": "Pulling"}, {"status": "Done"})}) as (talker, server):
        talker.pull("h/n", version)
    assert f"POST /images/create?{query}" in server.asked
    assert full_name("h/n", version) == name


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ({"RepoDigests": [f"h/n@{OTHER}", f"h/m@{OTHER}"]}, f"the engine reports {OTHER}; remove the image"),
        ({"RepoDigests": None, "Id": OTHER}, f"the engine reports no digest, but the id {OTHER}; remove the image"),
    ],
)
def test_an_engine_that_has_another_image_than_the_digest_says(
    tmp_path: Path, reported: Mapping[str, Any], expected: str
) -> None:
    answers = {**docker(), PULL: tells({"status": "Done"}), INSPECT: says(reported)}
    with talking(tmp_path, answers) as (talker, _):
        with pytest.raises(EngineError, match=f"h/n@{DIGEST}: expected {DIGEST}, but {expected}"):
            talker.image(f"h/n@{DIGEST}")
        with pytest.raises(EngineError, match=f"h/n@{DIGEST}: expected {DIGEST}, but {expected}"):
            talker.pull("h/n", DIGEST)


def test_an_engine_that_reports_more_digests_than_the_one_asked_for(tmp_path: Path) -> None:
    found = {"RepoDigests": [f"h/n@{OTHER}", f"docker.io/h/n@{DIGEST}"]}
    with talking(tmp_path, {**docker(), INSPECT: says(found)}) as (talker, _):
        assert talker.image(f"h/n@{DIGEST}") == found


def test_a_pull_reports_the_bytes_of_all_layers(tmp_path: Path) -> None:
    def layer(name: str, current: int) -> dict[str, Any]:
        detail = {"current": current, "total": 100_000_000}
        return {"status": "Downloading", "id": name, "progressDetail": detail}

    lines = (layer("a", 0), layer("b", 20_000_000), layer("a", 70_000_000), {"status": "Done", "progressDetail": {}})
    amounts: list[str] = []
    with talking(tmp_path, {**docker(), PULL: tells(*lines)}) as (talker, _):
        talker.pull("h/n", "1", amounts.append)
    assert amounts == ["0.0/100.0 MB", "20.0/200.0 MB", "90.0/200.0 MB"]


def built(folder: Path, *lines: Any, answer: Says | None = None) -> tuple[Daemon, list[str]]:
    notices: list[str] = []
    with talking(folder, {**docker(), "POST /build": answer or tells(*lines)}) as (talker, server):
        talker.build(io.BytesIO(b"context"), "n:1", arguments={"BASE": "b"}, labels={"l": "1"}, progress=notices.append)
    return server, notices


def test_a_build_reports_its_steps_and_has_no_network(tmp_path: Path) -> None:
    steps = ("Step 1/3 : FROM b", " ---> ab", "STEP 2/3: COPY a b", "Step 3/3 : LABEL l=1", "ok")
    lines = ({"stream": f"{text}\n"} for text in steps)
    server, notices = built(tmp_path, *lines)
    assert notices == ["step 1/3", "step 2/3", "step 3/3"], "the last is told, too"
    request = server.asked[-1]
    assert "networkmode=none" in request
    assert "t=n%3A1" in request
    assert "buildargs=%7B%22BASE%22%3A+%22b%22%7D" in request
    assert server.bodies[request] == b"context"


def test_a_failed_build_quotes_the_end_of_its_output(tmp_path: Path) -> None:
    lines = [{"stream": f"\x1b[91mline {number}\n\x1b[0m"} for number in range(500)]
    with pytest.raises(EngineError) as caught:
        built(tmp_path, *lines, {"errorDetail": {"code": 1}, "error": "The command '/bin/sh' returned: 1"})
    text = str(caught.value)
    assert text.startswith("Cannot build n:1: The command '/bin/sh' returned: 1. Output: ")
    assert text.endswith("line 498 line 499")
    assert len(text) < 700
    assert "\x1b" not in text


def test_a_wall_of_text_begins_with_a_word_and_ends_with_the_cause(tmp_path: Path) -> None:
    wall = f"{'PYTHONPATH=/opt/one:/opt/two ' * 60}crun: cgroups in hybrid mode not supported"
    with pytest.raises(EngineError) as caught:
        built(tmp_path, answer=tells({"stream": wall}, {"error": wall}))
    text = str(caught.value)
    assert text.startswith("Cannot build n:1: ... PYTHONPATH=")
    assert text.count("crun: cgroups in hybrid mode not supported") == 2
    assert "Output: ... PYTHONPATH=" in text
    assert len(text) < 900


def test_a_build_that_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"^Cannot build n:1: no space\.$"):
        built(tmp_path, answer=says({"message": "no space"}, 500))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (says({"error": "bad tar"}), "bad tar."),
        (Says(body=b""), "{}."),
        (says({"message": "no space"}, 500), "no space."),
    ],
)
def test_an_import_that_fails(tmp_path: Path, answer: Says, expected: str) -> None:
    (tmp_path / "base.tar").write_bytes(b"tar")
    with talking(tmp_path, {**docker(), PULL: answer}) as (talker, _), pytest.raises(EngineError) as caught:
        talker.import_base(tmp_path / "base.tar", "h/n", "1")
    assert str(caught.value) == f"Cannot import {tmp_path}/base.tar: {expected}"


def test_an_imported_base_gets_its_name(tmp_path: Path) -> None:
    (tmp_path / "base.tar").write_bytes(b"tar" * 1_000_000)
    answers = {PULL: tells({"progress": "1"}, {"status": "sha256:ab"}), "POST /images/sha256:ab/tag": says({}, 201)}
    with talking(tmp_path, {**docker(), **answers}) as (talker, server):
        talker.import_base(tmp_path / "base.tar", "h/n", "1")
    assert server.asked[-1].startswith("POST /images/sha256:ab/tag?tag=1&repo=h%2Fn")
    assert b"tar" * 1_000_000 in server.bodies.values()


@pytest.mark.parametrize("others", [[], [{"aux": {"Tag": "1", "Digest": f"sha256:{'ab' * 32}", "Size": 420}}]])
def test_a_push_returns_the_digest_in_the_output(tmp_path: Path, others: list[Any]) -> None:
    layers = [{"status": "Preparing", "id": "1f"}, {"status": "Pushed", "progressDetail": {}, "id": "1f"}]
    pushed = {"status": f"1: digest: sha256:{'ab' * 32} size: 420"}
    answers = {"POST /images/h/n/push": tells({"status": "The push refers to"}, *layers, pushed, *others)}
    with talking(tmp_path, {**docker(), **answers}) as (talker, _):
        assert talker.push("h/n", "1") == f"sha256:{'ab' * 32}"


def test_a_push_without_a_digest_in_the_output(tmp_path: Path) -> None:
    answers = {"POST /images/h/n/push": tells({"status": "pushed"})}
    with talking(tmp_path, {**docker(), **answers}) as (talker, _), pytest.raises(EngineError) as caught:
        talker.push("h/n", "1")
    assert str(caught.value) == "Cannot push h/n:1: docker 28.2.2 reports no digest."


def test_the_digest_in_a_registry(tmp_path: Path) -> None:
    digest = f"sha256:{'ab' * 32}"
    answers = {"GET /distribution/h/n:1/json": says({"Descriptor": {"digest": digest, "size": 1}, "Platforms": []})}
    with talking(tmp_path, {**docker(), **answers}) as (talker, _):
        assert talker.registry_digest("h/n", "1") == digest


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (says({"message": "denied"}, 403), "denied."),
        (says({}), "docker 28.2.2 reports None."),
        (says({"Descriptor": {"digest": "md5:0"}}), "docker 28.2.2 reports 'md5:0'."),
    ],
)
def test_a_registry_without_a_valid_digest(tmp_path: Path, answer: Says, expected: str) -> None:
    answers = {"GET /distribution/h/n:1/json": answer}
    with talking(tmp_path, {**docker(), **answers}) as (talker, _), pytest.raises(EngineError) as caught:
        talker.registry_digest("h/n", "1")
    assert str(caught.value) == f"Cannot look up the digest of h/n:1: {expected}"


def test_a_push_that_fails(tmp_path: Path) -> None:
    answers = {"POST /images/h/n/push": tells({"status": "preparing"}, {"error": "denied"})}
    with talking(tmp_path, {**docker(), **answers}) as (talker, _), pytest.raises(EngineError) as caught:
        talker.push("h/n", "1")
    assert str(caught.value) == "Cannot push h/n:1: denied."


def test_images(tmp_path: Path) -> None:
    answers = {"GET /images/h/n:1/json": says({"Id": "sha256:ab"}), "GET /images/json": says([{"Id": "sha256:ab"}])}
    with talking(tmp_path, {**docker(), **answers}) as (talker, _):
        assert talker.image("h/n:1") == {"Id": "sha256:ab"}
        assert talker.image("h/n:2") is None
        assert talker.images() == [{"Id": "sha256:ab"}]
        with pytest.raises(EngineError, match=r"^Cannot remove h/n:3: No such image or container\.$"):
            talker.remove("h/n:3")


def test_a_container_that_does_not_exist(tmp_path: Path) -> None:
    with talking(tmp_path, docker()) as (talker, _):
        assert not talker.is_running("n")
        talker.discard("n")
        with pytest.raises(EngineError, match=r"^Cannot start the container n: No such image or container\.$"):
            talker.start("n")


def test_a_container_that_exists(tmp_path: Path) -> None:
    states = [says({"State": {"Running": is_running}}) for is_running in (True, False)]
    answers = {"GET /containers/n/json": states, "DELETE /containers/n": Says(status=204)}
    with talking(tmp_path, {**docker(), **answers}) as (talker, server):
        assert (talker.is_running("n"), talker.is_running("n")) == (True, False)
        talker.discard("n")
    assert server.asked[-1] == "DELETE /containers/n?v=True&link=False&force=True"


def test_a_container_that_the_engine_refuses(tmp_path: Path) -> None:
    answers = {"POST /containers/create": says({"message": "no such image: i"}, 404)}
    with talking(tmp_path, {**docker(), **answers}) as (talker, _), pytest.raises(EngineError) as caught:
        talker.create("n", "i", ["a"], {"host": {"read_only": True}, "user": "0:0"})
    assert str(caught.value) == "Cannot create a container of i: no such image: i."


def test_an_engine_too_old_for_what_a_container_needs(tmp_path: Path) -> None:
    old = engine({"Api-Version": "1.39"}, {"ServerVersion": "18.9"})
    with talking(tmp_path, old) as (talker, _), pytest.raises(EngineError, match=r"^Cannot create a container of i: "):
        talker.create("n", "i", ["a"], {"host": {"device_requests": []}, "user": "0:0"})


def test_an_engine_that_has_ended(tmp_path: Path) -> None:
    with talking(tmp_path, docker()) as (talker, _):
        pass
    with pytest.raises(EngineError, match="Cannot look up i: "):
        talker.image("i")
    with pytest.raises(EngineError, match="Cannot start the container n: "):
        talker.start("n")
    with pytest.raises(EngineError, match="Cannot pull h/n:1: "):
        talker.pull("h/n", "1")
