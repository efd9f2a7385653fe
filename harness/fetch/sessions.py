"""Connections to hosts: new ones for each attempt, or those of earlier attempts.

A connection is used again only if a digest vouches for what it brings: bytes after the end of a response could be taken
for the next one.
"""

import contextlib
import functools
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from harness import __version__
from harness.core.errors import FetchError
from harness.fetch import wire
from harness.fetch.ticker import TICK_S
from harness.fetch.wire import Wire
from harness.host.process import CancelToken

HEADERS = {"Accept-Encoding": "identity", "User-Agent": f"iree-quality-harness/{__version__}"}
_CONNECT_S = 10.0
_HOSTS_KEPT = 4  # redirects may lead from host to host

for _name in ("httpx", "httpcore"):  # they log URLs and headers with secrets
    logging.getLogger(_name).setLevel(logging.WARNING)

Trace = Callable[[str, Mapping[str, Any]], None]
Connected = socket.socket | ssl.SSLSocket


class Sessions:
    """The sessions of all downloads, for any number of threads."""

    def __init__(self, *, stall_s: float, transport: httpx.BaseTransport | None = None) -> None:
        """Prepare, without connecting.

        Args:
            stall_s: an attempt to connect fails after this many seconds, or 10 s.
            transport: answers in place of the network.

        Raises:
            FetchError: proxies or certificates in the environment are invalid.
        """
        self._stall_s, self._transport, self._mutex = stall_s, transport, threading.Lock()
        self._free: list[Session] = []
        with _environment_checked():
            self._certificates = httpx.create_ssl_context()
            self._fresh = self._client(kept=0)

    def close(self) -> None:
        """Close the connections that are kept."""
        self._fresh.close()
        for each in self._free:
            each.close()

    @contextlib.contextmanager
    def borrowed(self, *, keeps: bool) -> Iterator["Session"]:
        """Yield a session for one attempt.

        Args:
            keeps: whether it may use connections of earlier attempts, and keep its own.
        """
        if not keeps:
            yield Session(lambda: self._fresh)
            return
        with self._mutex:
            session = self._free.pop() if self._free else None
        session = session or Session(functools.partial(self._client, kept=_HOSTS_KEPT))
        try:
            yield session
        finally:
            with self._mutex:
                self._free.append(session)

    def _client(self, *, kept: int) -> httpx.Client:
        # A `Watch` limits what comes after, and says what is too late.
        timeout = httpx.Timeout(None, connect=min(self._stall_s + 2 * TICK_S, _CONNECT_S))
        return httpx.Client(
            headers=HEADERS,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=kept),
            timeout=timeout,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            verify=self._certificates,
            transport=self._transport,
        )


class Session:
    """A client, and the connections that it has. One thread uses it at a time."""

    def __init__(self, new: Callable[[], httpx.Client]) -> None:
        """Make a client.

        Args:
            new: makes it.
        """
        self._new, self.client = new, new()
        self._connections: list[_Connection] = []
        self._tokens: tuple[CancelToken, ...] = ()
        self._last: Any = None  # the request that httpx made last
        self._wire: Wire | None = None

    @property
    def has_connections(self) -> bool:
        """Whether there are connections of earlier attempts, which their hosts may have closed."""
        return bool(self._connections)

    def wire_for(self, url: str) -> Wire | None:
        """Return the connection that is kept if a request for a URL can go straight there; else None."""
        return self._wire if self._wire and self._wire.takes(url) and self._wire.is_idle else None

    def keep(self, url: str) -> None:
        """Let what follows to the host of a URL go straight to the connection on which its answer was read to the end.

        Without effect after redirects, through a proxy, and if the connection is not to be used again.
        """
        if self._wire is None and len(self._connections) == 1 and not self._connections[0].is_closed:
            self._wire = wire.kept(url, self._connections[0].wrapped, self._last.url.target, self._last.headers)

    def renew(self) -> None:
        """Close all connections."""
        self.close()
        self.client = self._new()

    def close(self) -> None:
        """Close all connections for good."""
        self._wire = None
        self.client.close()
        self._forget_closed()

    @contextlib.contextmanager
    def ended_by(self, *tokens: CancelToken | None) -> Iterator[Trace]:
        """Yield a trace for httpx. When a token is set, the connections are shut down, also those made after it."""
        self._tokens = tuple(filter(None, tokens))
        try:
            with contextlib.ExitStack() as calling:
                for token in self._tokens:
                    calling.enter_context(token.calling(self._shut_down))
                yield self._trace
        finally:
            self._forget_closed()

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith("connect_tcp.complete"):
            self._connections.append(_Connection(info["return_value"].get_extra_info("socket")))
            if any(token.is_set() for token in self._tokens):
                self._shut_down()
        elif event == "http11.send_request_headers.started":
            self._last = info["request"]
        elif event.endswith("start_tls.complete"):
            self._connections[-1].wrapped = info["return_value"].get_extra_info("socket")

    def _shut_down(self) -> None:
        for each in list(self._connections):
            each.shut_down()

    def _forget_closed(self) -> None:
        for each in [each for each in self._connections if each.is_closed]:
            self._connections.remove(each)
            self._wire = None
            each.forget()


class _Connection:
    """A connection that any thread can shut down: by a second descriptor, as the first may be closed at any time."""

    def __init__(self, made: socket.socket) -> None:
        self.wrapped: Connected = made  # TLS puts another in its place
        self._twin = socket.fromfd(made.fileno(), made.family, made.type)

    @property
    def is_closed(self) -> bool:
        return self.wrapped.fileno() < 0

    def shut_down(self) -> None:
        with contextlib.suppress(OSError):  # the host closed it first
            self._twin.shutdown(socket.SHUT_RDWR)

    def forget(self) -> None:
        self._twin.close()


@contextlib.contextmanager
def _environment_checked() -> Iterator[None]:
    try:
        yield
    except (ValueError, ImportError, OSError) as error:
        hint = "check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE"
        raise FetchError(f"The proxies or certificates of the environment are invalid ({error}); {hint}.") from error
