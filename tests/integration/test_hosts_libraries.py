"""What `object_stores` relies on in libraries that make no promise of it, or that name it with an underscore."""

import inspect
import tomllib
from pathlib import Path
from typing import Any

import gcsfs.core
import huggingface_hub
import pytest
import s3fs
from packaging.requirements import Requirement

ASYNCHRONOUS = [s3fs.S3FileSystem, gcsfs.core.GCSFileSystem]


def parameters(function: Any) -> set[str]:
    return set(inspect.signature(function).parameters)


@pytest.mark.parametrize("kind", ASYNCHRONOUS)
def test_file_systems_have_the_coroutines_that_fsspec_documents(kind: Any) -> None:
    assert kind.async_impl
    assert isinstance(kind.loop, property)
    assert {"path", "start", "end"} <= parameters(kind._cat_file)
    for coroutine in (kind._cat_file, kind._info):
        assert inspect.iscoroutinefunction(inspect.unwrap(coroutine))


def test_s3fs_has_a_number_of_attempts() -> None:
    assert isinstance(s3fs.S3FileSystem.retries, int)
    assert {"anon", "version_aware", "config_kwargs"} <= parameters(s3fs.S3FileSystem.__init__)


def test_gcsfs_retries_in_a_decorator_of_its_requests() -> None:
    request = gcsfs.core.GCSFileSystem._request
    assert inspect.unwrap(request) is not request
    assert inspect.iscoroutinefunction(inspect.unwrap(request))
    assert {"access", "requests_timeout"} <= parameters(gcsfs.core.GCSFileSystem.__init__)


def test_the_hub_asks_isdir_what_a_path_is() -> None:
    hub = huggingface_hub.HfFileSystem
    assert not hub.async_impl
    assert {"isdir", "resolve_path", "cat_file", "info"} <= set(dir(hub))
    assert "self.isdir(" in inspect.getsource(hub.url)
    assert "expand_info" in parameters(hub.__init__)


def test_these_libraries_have_an_upper_bound() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    remote = [Requirement(each) for each in project["optional-dependencies"]["remote"]]
    bounded = {each.name for each in remote if any(bound.operator == "<" for bound in each.specifier)}
    assert bounded == {"aiohttp", "botocore", "fsspec", "gcsfs", "huggingface_hub", "s3fs"}
