"""Engines are servers of the test; no environment is opened."""

from pathlib import Path
from typing import Any

import pytest

from harness.containers.definitions import IMAGES_NAME, PACKAGES_NAME
from harness.containers.provider import provider
from harness.core.errors import EngineError, FetchError, UsageError
from harness.core.settings import ToolSettings
from harness.host.cancel import CancelToken
from harness.pipeline.environment import EnvironmentRequest, FoundTools
from harness.store.store import Store
from tests.unit.command_lines import settings
from tests.unit.daemons import daemon, docker, podman

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.usefixtures("_sdk")]
DIGEST = "host.example/n@sha256:" + "ab" * 32


def environment(folder: Path) -> dict[str, str]:
    return {name: f"unix://{folder}/{name}" for name in ("DOCKER_HOST", "CONTAINER_HOST")}


def engine_of(folder: Path, *options: str) -> str:
    """Return the kind of environment that a command line selects."""
    return provider(settings(*options, environment=environment(folder))).engine


def request(root: Path, **changes: Any) -> EnvironmentRequest:
    wanted: dict[str, Any] = {
        "cases": (),
        "folders": (),
        "gpus": (),
        "cancel": CancelToken(),
        "notice": str,
    }
    return EnvironmentRequest(**(wanted | {"store": Store(root / "store"), "out_dir": root / "out"} | changes))


@pytest.mark.parametrize(
    ("options", "without", "with_docker", "with_podman"),
    [
        ([], "local", "container", "container"),
        (["--image=cpu-debian"], "container", "container", "container"),
        ([f"--image={DIGEST}"], "container", "container", "container"),
        (["--engine=container"], "container", "container", "container"),
        (["--engine=docker"], "container", "container", "container"),
        (["--engine=podman", "--image=cpu"], "container", "container", "container"),
        (["--engine=local"], "local", "local", "local"),
        (["--emulator=auto"], "local", "local", "local"),
    ],
)
def test_where_models_run(tmp_path: Path, options: list[str], without: str, with_docker: str, with_podman: str) -> None:
    assert engine_of(tmp_path, *options) == without
    with daemon(tmp_path / "DOCKER_HOST", docker()):
        assert engine_of(tmp_path, *options) == with_docker
    (tmp_path / "DOCKER_HOST").unlink()
    with daemon(tmp_path / "CONTAINER_HOST", podman()):
        assert engine_of(tmp_path, *options) == with_podman


@pytest.mark.parametrize("image", ["cpu", DIGEST])
def test_an_image_needs_a_container(tmp_path: Path, image: str) -> None:
    with pytest.raises(UsageError, match=r"^--image cannot be combined with --engine local; remove one of them\.$"):
        engine_of(tmp_path, "--engine=local", f"--image={image}")


@pytest.mark.parametrize("options", [["--engine=container"], ["--engine=podman"], ["--image=cpu"]])
def test_without_an_engine_a_container_is_refused_when_it_is_opened(tmp_path: Path, options: list[str]) -> None:
    wanted = provider(settings(*options, environment=environment(tmp_path)))
    with pytest.raises(EngineError, match=r"^No container engine answers"), wanted.open(request(tmp_path)):
        pass


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--image=gpu"], r"^--image gpu: no such image; expected one of cpu, rocm, .*, or HOST/NAME@sha256:DIGEST\.$"),
        (["--image=host/n:1"], "--image host/n:1: no such image"),
        (["--iree=9.9.9"], r"9.9.9: no such IREE release; did you mean 3.9.0\?"),
        (["--backend=rocm", "--chip=nonsense!"], "not the name of a chip"),
        (["--emulator=auto"], r"^rocm-emulated: its wheels \(.*\) are not pinned; run `nox -s pins -- rocm-emulated`"),
    ],
)
def test_an_invalid_setting_is_refused_at_once(tmp_path: Path, options: list[str], expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        engine_of(tmp_path, "--engine=container", *options)


def test_an_address_that_is_not_a_socket() -> None:
    elsewhere = {"DOCKER_HOST": "tcp://h:1"}
    with pytest.raises(UsageError, match=r"^DOCKER_HOST=tcp://h:1: expected unix:"):
        provider(settings(environment=elsewhere))
    assert provider(settings("--engine=local", environment=elsewhere)).engine == "local"


@pytest.mark.parametrize(
    ("options", "base"),
    [
        ([], "cpu"),
        (["--backend=cpu"], "cpu"),
        (["--backend=rocm", "--chip=gfx942"], "rocm"),
        (["--compile-chip=gfx942"], "rocm"),
        (["--backend=cuda", "--chip=sm_80"], "cpu"),
        (["--backend=rocm", "--chip=gfx942", "--image=cpu"], "cpu"),
    ],
)
def test_the_image_is_that_of_the_backend(tmp_path: Path, options: list[str], base: str) -> None:
    """The message names the base image, which tells the image."""
    digits = {"cpu": "aa" * 32, "rocm": "bb" * 32}
    text = "".join(
        f'[{name}]\nbase = "h.example/{name}:1@sha256:{each}"\npython = "/bin/python3.12"\n'
        for name, each in digits.items()
    )
    (tmp_path / IMAGES_NAME).write_text(text)
    (tmp_path / PACKAGES_NAME).write_text("{}")
    for name in ("Dockerfile", "requirements.txt"):
        (tmp_path / name).write_text("")
    asked = ["--offline", "--engine=docker", f"--containers={tmp_path}", *options]
    with daemon(tmp_path / "DOCKER_HOST", docker()):
        wanted = provider(settings(*asked, environment=environment(tmp_path)))
        missing = pytest.raises(
            EngineError, match=rf"^The base image h\.example/{base}@sha256:{digits[base]} is not on"
        )
        with missing, wanted.open(request(tmp_path)):
            pass
        with missing:
            wanted.prepare(Store(tmp_path / "store"), CancelToken(), print)


def test_a_release_on_a_page_is_looked_up_when_it_is_needed(tmp_path: Path) -> None:
    options = ["--offline", "--engine=local", "--iree=3.99.0", "--find-links=https://host.example/x.html"]
    wanted = provider(settings(*options))
    with pytest.raises(FetchError, match=r"^Cannot download the wheel index: https://host.example/x.html: "):
        wanted.prepare(Store(tmp_path / "store"), CancelToken(), print)
    with pytest.raises(FetchError), wanted.open(request(tmp_path)):
        pass


def test_installed_tools_need_no_preparation(tmp_path: Path) -> None:
    FoundTools(tools=ToolSettings()).prepare(Store(tmp_path / "store"), CancelToken(), print)
    assert not (tmp_path / "store").exists()
