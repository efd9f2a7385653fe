"""Turns exceptions of the libraries of object stores into failures, without tokens and values of queries."""

import contextlib
import errno
import functools
import logging
import re
from collections.abc import Iterator, Mapping

from harness.core.text import installing
from harness.core.urls import redacted
from harness.core.values import frozen
from harness.fetch.source import CORRECT_URL, MOVED, AttemptError, Failure, causes
from harness.host.cancel import Cancelled

_LONGEST_TEXT = 300
_TOKEN = re.compile(r"\b(?:Bearer\s+|hf_|AKIA|ASIA|ya29\.)[\w./+=-]{8,}")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>]+", re.IGNORECASE)

# Exceptions by the name of their class or a base class: not all libraries need to be installed.
_ACCESS_DENIED = {"PermissionError", "NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"}
_ACCESS_DENIED |= {"ProfileNotFound", "SSOError", "DefaultCredentialsError", "RefreshError", "LocalTokenNotFoundError"}
_ACCESS_DENIED |= {"ClientAuthenticationError"}
_NOT_FOUND = {"FileNotFoundError", "EntryNotFoundError", "RepositoryNotFoundError", "RevisionNotFoundError"}
_INVALID_URL = {"ParamValidationError", "HfUriError", "HFValidationError"}

for _name in ("botocore", "aiobotocore", "s3fs", "fsspec", "google.auth", "huggingface_hub", "urllib3", "adlfs"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # at lower levels they log headers with secrets
for _name in ("gcsfs", "azure"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # they log the exceptions that they raise, with tracebacks


@frozen
class Access:
    """What a user needs to read from a host.

    Attributes:
        package: the Python package to install.
        credentials: environment variables with credentials.
        certificates: environment variable that names the certificates to trust.
        refused: HTTP statuses of a request without access.
        extra: the extra of the harness that has the package.
    """

    package: str
    credentials: str
    certificates: str = "SSL_CERT_FILE"
    refused: frozenset[int] = frozenset({401, 403})
    extra: str = "remote"


@contextlib.contextmanager
def explained(access: Access) -> Iterator[None]:
    """Turn exceptions of the libraries into AttemptError, without secrets and without a chained exception."""
    try:
        yield
    except Cancelled:
        raise
    except ImportError as error:
        what = f"the package {access.package} is missing or broken ({_line(error)})"
        raise AttemptError(Failure(what=what, fix=installing(access.extra), retriable=False)) from None
    except Exception as error:  # noqa: BLE001 - of half a dozen libraries
        raise AttemptError(_failure(error, access)) from None


def _failure(error: Exception, access: Access) -> Failure:
    """Return the failure for an exception. No I/O."""
    chain = tuple(causes(error))
    names = {each.__name__ for cause in chain for each in type(cause).__mro__}
    statuses = {_status(each) for each in chain}
    what = _line(error)
    final = functools.partial(Failure, what=what, retriable=False)
    if "SSLCertVerificationError" in names:
        return final(fix=f"name the certificates to trust in {access.certificates}")
    if names & _ACCESS_DENIED or statuses & access.refused or str(error).startswith("Forbidden"):
        return final(fix=f"check your access rights and credentials ({access.credentials})")
    if names & _NOT_FOUND or 404 in statuses:  # noqa: PLR2004 - Not Found
        return final(fix=MOVED)
    if names & _INVALID_URL or type(error) in {ValueError, NotImplementedError}:
        return final(fix=CORRECT_URL)
    return Failure(what=what, busy=bool(statuses & {429, 503}) or getattr(error, "errno", None) == errno.EBUSY)


def _status(error: BaseException) -> int | None:
    """Return the HTTP status in an exception of botocore, httpx or gcsfs."""
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    else:
        status = getattr(response, "status_code", None)
    if type(error).__name__ == "HttpError":
        status = vars(error).get("code")
    return int(status) if str(status).isdecimal() else None


def _line(error: BaseException) -> str:
    """Return type and text of an exception in one line, without secrets."""
    text = _TOKEN.sub("***", _URL.sub(lambda match: redacted(match[0]), " ".join(str(error).split())))
    return f"{type(error).__name__}: {text}"[:_LONGEST_TEXT] if text else type(error).__name__
