"""The only place that opens a network connection: one request, its redirects, and what went wrong in words.

No user, password or value of a query leaves this file but to the server that it is meant for.
"""

import contextlib
import functools
import logging
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from harness import __version__
from harness.errors import FetchError, IntegrityError
from harness.process import Cancel

_MAX_REDIRECTS = 10
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": f"iree-quality-harness/{__version__}"}
# A connection serves one response: what a server sends beyond its end is never taken for the next one.
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=0)
_NO_URL = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError, OverflowError)
_IN_SPEC = "correct the URL in the spec"
_TRY_LATER = {408, 425, 429}
_MENDS = dict.fromkeys((401, 403), "check the right of access, and whether the credentials in the URL expired")
_MENDS |= dict.fromkeys((404, 410), f"it was moved or removed: {_IN_SPEC}")

for _name in ("httpx", "httpcore"):  # they log URLs and headers with the secrets in them
    logging.getLogger(_name).setLevel(logging.WARNING)

Trace = Callable[[str, Mapping[str, Any]], None]


@dataclass(eq=False)
class AttemptError(Exception):
    """An attempt failed: how, and what the reader can do once all have. `wait_s` is the server's wish."""

    what: str
    _: KW_ONLY
    mend: str = "check the network and the proxy, or try later"
    raises: type[FetchError | IntegrityError] = FetchError
    again: bool = True
    wait_s: float | None = None


def new_client(*, stall_s: float) -> httpx.Client:
    """Return what downloads share; opens no connection yet.

    Raises:
        FetchError: the environment's proxies or certificates are unfit.
    """
    try:
        return httpx.Client(headers=_HEADERS, limits=_LIMITS, timeout=stall_s)
    except (ValueError, ImportError, OSError) as error:
        hint = "check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE"
        raise FetchError(f"The environment allows no connection ({error}); {hint}.") from error


@contextlib.contextmanager
def opened(client: httpx.Client, url: str, cancel: Cancel | None) -> Iterator[httpx.Response]:
    """Lend the response to a GET, whose plain bytes are still to come; an order to stop ends the wait for them.

    Raises:
        AttemptError: it failed, here or while the body was read.
    """
    with (
        _explained(),
        _ended_by(cancel) as trace,
        contextlib.closing(_response(client, url, trace)) as response,
    ):
        _check_head(response)
        yield response


def reachable(url: str, *, timeout_s: float = 5.0) -> str | None:
    """Return why a host does not answer, or None if it does, whatever it answers."""
    try:
        with httpx.Client(headers=_HEADERS, timeout=timeout_s) as client:
            client.head(url)
    except (*_NO_URL, httpx.TransportError, ValueError, ImportError, OSError) as error:
        return str(error) or type(error).__name__
    return None


def redacted(url: str) -> str:
    """Return a URL to show: without user, password, fragment and the values of its query. No I/O."""
    url = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in url)
    try:
        parts = urlsplit(url)
        _ = parts.port  # what is no number may be a piece of a password
    except ValueError:
        return f"{url.partition(':')[0]}:***"
    # A value without a name may end in equals signs, as base64 does.
    pairs = [each.rstrip("=").partition("=") for each in parts.query.split("&") if each]
    query = "&".join(f"{name}=***" if equals else "***" for name, equals, _ in pairs)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query, fragment=""))


def retry_after_s(value: str, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for, as a number or a date, or None. No I/O."""
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
        return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds())
    except (ValueError, OverflowError):
        return None


@contextlib.contextmanager
def _ended_by(cancel: Cancel | None) -> Iterator[Trace]:
    """Yield what notes connections once they are made: an order to stop ends what waits for their bytes."""
    with contextlib.ExitStack() as connections:

        def trace(event: str, info: Mapping[str, Any]) -> None:
            if event == "connection.connect_tcp.complete" and cancel is not None:
                made = info["return_value"].get_extra_info("socket")
                twin = connections.enter_context(socket.fromfd(made.fileno(), made.family, made.type))
                connections.enter_context(cancel.calling(functools.partial(_shut_down, twin)))

        yield trace


def _shut_down(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side was faster
        connection.shutdown(socket.SHUT_RDWR)


def _response(client: httpx.Client, url: str, trace: Trace) -> httpx.Response:
    """Return the response after all redirects; httpx would read the body of each, however long."""
    request = client.build_request("GET", url, extensions={"trace": trace})
    for _ in range(_MAX_REDIRECTS):
        response = client.send(request, stream=True)
        if response.next_request is None:
            return response
        response.close()
        scheme, request = request.url.scheme, response.next_request
        if request.url.scheme not in {"https", scheme}:
            what = f"it redirects from {scheme} to {redacted(str(request.url))}, which is refused"
            raise AttemptError(what, mend=_IN_SPEC, again=False)
    raise AttemptError(f"it redirects {_MAX_REDIRECTS} times and more", mend=_IN_SPEC, again=False)


def _check_head(response: httpx.Response) -> None:
    """Refuse all but 200 and plain bytes."""
    code, encoding = response.status_code, response.headers.get("Content-Encoding", "identity").lower()
    if code != httpx.codes.OK:
        what = f"the server answered {code} {httpx.codes.get_reason_phrase(code)}".rstrip()
        mend = _MENDS.get(code, "ask those who run the host")
        again = code in _TRY_LATER or httpx.codes.is_server_error(code)
        wait_s = retry_after_s(response.headers.get("Retry-After", ""), datetime.now(UTC))
        raise AttemptError(what, mend=mend, again=again, wait_s=wait_s)
    if encoding != "identity":
        what = f"it comes {encoding}-encoded, though its plain bytes were asked for"
        raise AttemptError(what, mend="correct the server or the proxy that does so", again=False)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turn the exceptions of httpx into ours."""
    try:
        yield
    except (*_NO_URL, httpx.TransportError) as error:
        what, causes = f"{type(error).__name__}: {' '.join(str(error).split())}", tuple(_causes(error))
        if any(isinstance(each, _NO_URL) for each in causes):  # whose text may have secrets
            raise AttemptError("this is no URL to ask, or it redirects to none", mend=_IN_SPEC, again=False) from None
        if any(isinstance(each, socket.gaierror) for each in causes):
            what, mend = f"the host cannot be resolved ({error})", "check its name, DNS and the proxy"
            raise AttemptError(what, mend=mend) from error
        if any(isinstance(each, ssl.SSLCertVerificationError) for each in causes):
            raise AttemptError(what, mend="name the certificates in SSL_CERT_FILE", again=False) from error
        raise AttemptError(what) from error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__context__
