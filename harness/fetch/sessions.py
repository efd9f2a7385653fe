"""Connections to hosts: new ones for each attempt, or those of earlier attempts.

A connection is used again only if a digest vouches for what it brings: bytes after the end of a response could be taken
for the next one.
"""

import contextlib
import functools
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from harness import __version__
from harness.core.errors import FetchError
from harness.fetch import wire
from harness.fetch.ticker import TICK_S
from harness.fetch.wire import Wire
from harness.host.cancel import CancelToken

if TYPE_CHECKING:  # it takes longer to load than most blobs to arrive, and a plain request needs no library
    import ssl

    import httpx

    Connected = socket.socket | ssl.SSLSocket

HEADERS = {"Accept-Encoding": "identity", "User-Agent": f"iree-quality-harness/{__version__}"}
_CONNECT_S = 10.0
_HOSTS_KEPT = 4  # redirects may lead from host to host
_PROXIES = {"http_proxy", "https_proxy", "all_proxy"}
_PORTS, _LAST_PORT = {"http": 80, "https": 443}, 0xFFFF

for _name in ("httpx", "httpcore"):  # they log URLs and headers with secrets
    logging.getLogger(_name).setLevel(logging.WARNING)

Trace = Callable[[str, Mapping[str, Any]], None]


class Sessions:
    """The sessions of all downloads, for any number of threads."""

    def __init__(self, *, stall_s: float, transport: "httpx.BaseTransport | None" = None) -> None:
        """Prepare, without connecting.

        Args:
            stall_s: an attempt to connect fails after this many seconds, or 10 s.
            transport: answers in place of the network.

        Raises:
            FetchError: proxies in the environment are invalid. Certificates are read when they are first needed.
        """
        # A `Watch` limits what comes after, and says what is too late.
        self._connect_s = min(stall_s + 2 * TICK_S, _CONNECT_S)
        self._transport, self._mutex = transport, threading.Lock()
        self._free: list[Session] = []
        has_proxies = any(value and name.lower() in _PROXIES for name, value in os.environ.items())
        self._is_direct = transport is None and not has_proxies
        if has_proxies:
            _ = self._fresh  # now, as it is no fault of any blob if it cannot be made

    def close(self) -> None:
        """Close the connections that are kept."""
        if "_fresh" in vars(self):
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
            session = Session(lambda: self._fresh, self._connected)
            try:
                yield session
            finally:
                session.drop()
            return
        with self._mutex:
            found = self._free.pop() if self._free else None
        session = found or Session(functools.partial(self._client, kept=_HOSTS_KEPT), self._connected)
        try:
            yield session
        finally:
            with self._mutex:
                self._free.append(session)

    @functools.cached_property
    def _certificates(self) -> "ssl.SSLContext":
        import httpx  # noqa: PLC0415 - see above

        with _environment_checked():
            return httpx.create_ssl_context()

    @functools.cached_property
    def _fresh(self) -> "httpx.Client":
        return self._client(kept=0)

    def _client(self, *, kept: int) -> "httpx.Client":
        from http.cookiejar import CookieJar, DefaultCookiePolicy  # noqa: PLC0415 - see above

        import httpx  # noqa: PLC0415 - see above

        with _environment_checked():
            return httpx.Client(
                headers=HEADERS,
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=kept),
                timeout=httpx.Timeout(None, connect=self._connect_s),
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
                verify=self._certificates,
                transport=self._transport,
            )

    def _connected(self, origin: str, made: Callable[["_Connection"], None]) -> Wire | None:
        """Return a new connection for plain requests; None if only httpx can make them. `made` is told of it at once.

        Raises:
            BrokenError: it cannot be made.
        """
        parts = urlsplit(origin)
        host, port = parts.hostname or "", int(parts.netloc.partition(":")[2] or _PORTS[parts.scheme])
        if not self._is_direct or port > _LAST_PORT:
            return None
        certificates = self._certificates if parts.scheme == "https" else None
        with wire.breaking("ConnectError", "ConnectTimeout"):
            connection = _Connection(socket.create_connection((host, port), self._connect_s))
            connection.wrapped.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made(connection)
            if certificates:
                certificates.set_alpn_protocols(["http/1.1"])
                connection.wrapped = certificates.wrap_socket(connection.wrapped, server_hostname=host)
        named = parts.netloc if port != _PORTS[parts.scheme] else host
        headers = {"Host": named, "Accept": "*/*", "Connection": "keep-alive"} | HEADERS
        return Wire(origin, connection.wrapped, [(name.encode(), value.encode()) for name, value in headers.items()])


class Session:
    """A client, and the connections that it has. One thread uses it at a time."""

    def __init__(
        self,
        new: "Callable[[], httpx.Client]",
        connected: Callable[[str, Callable[["_Connection"], None]], Wire | None] = lambda *_: None,
    ) -> None:
        """Prepare, without connecting.

        Args:
            new: makes a client.
            connected: connects to a host without one.
        """
        self._new, self._connected = new, connected
        self._client: httpx.Client | None = None
        self._connections: list[_Connection] = []
        self._tokens: tuple[CancelToken, ...] = ()
        self._last: Any = None  # the request that httpx made last
        self._wire: Wire | None = None

    @property
    def client(self) -> "httpx.Client":
        """The client, which is made when it is first needed."""
        self._client = self._client or self._new()
        return self._client

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

    def connected(self, url: str) -> Wire | None:
        """Return a new connection, in the place of all others, for plain requests to a host; None if httpx has to ask.

        Raises:
            BrokenError: it cannot be made.
        """
        if (origin := wire.origin_of(url)) is None:
            return None
        if self._connections:
            self.renew()
        made = self._connected(origin, self._add)
        self._wire = made or self._wire
        return made

    def renew(self) -> None:
        """Close all connections."""
        if self._client:
            self._client.close()
        self._client = None
        self.drop()

    def close(self) -> None:
        """Close all connections for good."""
        self.renew()

    def drop(self) -> None:
        """Close the connections that httpx did not make, or has closed."""
        for each in self._connections:
            each.wrapped.close()
        self._forget_closed()

    @contextlib.contextmanager
    def ended_by(self, *tokens: CancelToken | None) -> Iterator[Trace]:
        """Yield a trace for httpx. When a token is set, the connections are shut down, also those made after it."""
        self._tokens = tuple(filter(None, tokens))
        try:
            for token in self._tokens:
                token.call(self._shut_down)
            yield self._trace
        finally:
            for token in self._tokens:
                token.forget(self._shut_down)
            if self._wire and not self._wire.is_finished:
                self.drop()
            self._forget_closed()

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith("connect_tcp.complete"):
            self._add(_Connection(info["return_value"].get_extra_info("socket")))
        elif event == "http11.send_request_headers.started":
            self._last = info["request"]
        elif event.endswith("start_tls.complete"):
            self._connections[-1].wrapped = info["return_value"].get_extra_info("socket")

    def _add(self, made: "_Connection") -> None:
        self._connections.append(made)
        if any(token.is_set() for token in self._tokens):
            self._shut_down()

    def _shut_down(self) -> None:
        for each in list(self._connections):
            each.shut_down()

    def _forget_closed(self) -> None:
        for each in list(self._connections):
            if not each.is_closed:
                continue
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
