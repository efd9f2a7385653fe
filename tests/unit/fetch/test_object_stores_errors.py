"""What the libraries of object stores raise, in words of ours."""

import sys
import traceback
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import fsspec.asyn
import pytest

from harness.fetch import object_stores
from harness.fetch.object_stores import ObjectSource
from harness.fetch.source import AttemptError, Failure
from harness.host.cancel import CancelToken
from tests.unit.object_hosts import FakeFileSystem, read, source


def failure(error: Exception, scheme: str = "s3") -> Failure:
    with pytest.raises(AttemptError) as raised:
        read(source(FakeFileSystem(failure=error), scheme))
    assert "s3cr3t" not in "".join(traceback.format_exception(raised.value))
    return raised.value.failure


def named(name: str, *texts: str, of: type[Exception] = Exception, **attributes: Any) -> Exception:
    """Return an exception of a library, which need not be there."""
    error: Exception = type(name, (of,), {})(*texts)
    vars(error).update(attributes)
    return error


def of_botocore(status: int, code: str, text: str = "text") -> Exception:
    said = {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return named("ClientError", f"An error occurred ({code}): {text}", response=said)


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


ACCESS = "check your access rights and credentials ("


FINAL: dict[str, tuple[Exception, str]] = {
    "missing": (FileNotFoundError("models/clip.irpa"), "it was moved or removed: correct the URL in the spec"),
    "404": (named("HttpError", "Not Found", code="404"), "it was moved or removed"),
    "missing repository": (named("RepositoryNotFoundError", "x", of=OSError), "it was moved or removed"),
    "denied": (PermissionError("Access Denied"), ACCESS),
    "denied by Google": (OSError("Forbidden: b/models/o"), ACCESS),
    "401": (named("HttpError", "Anonymous caller", code=401), ACCESS),
    "private repository": (
        caused(FileNotFoundError("x"), named("RepositoryNotFoundError", response=SimpleNamespace(status_code=401))),
        ACCESS,
    ),
    "unknown key": (of_botocore(403, "InvalidAccessKeyId"), ACCESS),
    "no credentials": (named("NoCredentialsError", "Unable to locate credentials"), ACCESS),
    "expired token": (caused(OSError(22, "Bad Request"), of_botocore(400, "400")), ACCESS),
    "no bucket's name": (named("ParamValidationError", "Invalid bucket name"), "correct the URL in the spec"),
    "no path": (ValueError("Repository id must be 'namespace/name'"), "correct the URL in the spec"),
    "unknown authority": (
        caused(named("SSLError", "x"), named("SSLCertVerificationError", "x")),
        "name the certificates to trust in AWS_CA_BUNDLE",
    ),
}


PASSING: dict[str, tuple[Exception, bool]] = {
    "SlowDown": (caused(OSError(16, "Please reduce your request rate."), of_botocore(503, "SlowDown")), True),
    "429": (named("HfHubHTTPError", "Too Many", response=SimpleNamespace(status_code=429)), True),
    "busy": (OSError(16, "Service Unavailable"), True),
    "500": (named("HttpError", "x", code=500), False),
    "timeout": (TimeoutError("read"), False),
    "refused": (ConnectionRefusedError(111, "Connection refused"), False),
    "unknown": (named("Whatever", "odd"), False),
    "no HTTP": (
        caused(named("HTTPClientError", "x"), named("BadStatusLine", "x", code=400)),
        False,
    ),
    "garbage": (named("JSONDecodeError", "Expecting value", of=ValueError), False),
}


@pytest.mark.parametrize(("error", "fix"), FINAL.values(), ids=FINAL)
def test_a_permanent_failure_is_not_retried(error: Exception, fix: str) -> None:
    failed = failure(error)
    assert not failed.retriable
    assert failed.fix.startswith(fix)


@pytest.mark.parametrize(("error", "busy"), PASSING.values(), ids=PASSING)
def test_a_temporary_failure_is_retried(error: Exception, busy: bool) -> None:  # noqa: FBT001
    failed = failure(error)
    assert (failed.retriable, failed.busy) == (True, busy)
    assert failed.what.startswith(type(error).__name__)


def test_what_an_asynchronous_file_system_raises_is_explained() -> None:
    async def info(**_: Any) -> Mapping[str, Any]:
        raise PermissionError("Access Denied")

    filesystem = SimpleNamespace(async_impl=True, loop=fsspec.asyn.get_loop(), _info=info)
    with pytest.raises(AttemptError, match="PermissionError: Access Denied"):
        read(source(filesystem), cancel=CancelToken())


@pytest.mark.parametrize(
    ("scheme", "variable"), [("s3", "AWS_PROFILE"), ("gs", "GOOGLE_APPLICATION_CREDENTIALS"), ("hf", "HF_TOKEN")]
)
def test_a_refused_request_names_the_variables_for_credentials(scheme: str, variable: str) -> None:
    assert variable in failure(PermissionError("no"), scheme).fix


@pytest.mark.parametrize("text", ["", "two\nlines  and more", "x" * 9999])
def test_any_text_is_one_line_of_some_length(text: str) -> None:
    assert failure(OSError(text)).what == f"OSError: {' '.join(text.split())}"[:300].removesuffix(": ")


@pytest.mark.parametrize(
    "text",
    [
        "404 for url: https://cdn/blob?X-Amz-Signature=s3cr3t&x=s3cr3t.",
        "GET 'https://me:s3cr3t@host/a#s3cr3t' failed",
        "header Authorization: Bearer s3cr3ts3cr3t",
        "token hf_s3cr3ts3cr3t is wrong",
        "AKIAs3cr3ts3cr3t is unknown",
    ],
)
def test_no_secret_of_a_text_gets_any_further(text: str) -> None:
    failed = failure(caused(OSError(text), OSError(text)))
    assert "s3cr3t" not in f"{failed.what} {failed.fix}"


@pytest.fixture
def _no_shared_file_systems() -> Iterator[None]:
    object_stores._shared.cache_clear()
    yield
    object_stores._shared.cache_clear()


@pytest.mark.usefixtures("_no_shared_file_systems")
@pytest.mark.parametrize(
    ("scheme", "package", "modules"),
    [
        ("s3", "s3fs", ("s3fs", "botocore.session")),
        ("gs", "gcsfs", ("gcsfs", "gcsfs.core", "aiohttp")),
        ("hf", "huggingface_hub", ("huggingface_hub",)),
    ],
)
def test_a_missing_package_is_named(
    scheme: str, package: str, modules: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in modules:
        monkeypatch.setitem(sys.modules, each, None)
    with pytest.raises(AttemptError, match=f"the package {package} is missing") as raised:
        read(ObjectSource(f"{scheme}://models/clip.irpa", stall_s=1))
    assert not raised.value.failure.retriable
    assert raised.value.failure.fix == (
        f"install it: {sys.executable} -m uv pip install --python {sys.executable} 'iree-quality-harness[remote]'"
    )
