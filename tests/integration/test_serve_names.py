"""By which names a served store may be called: a browser that DNS led to it gets nothing."""

import os

import httpx
import pytest

from harness.core.callbacks import ignore
from harness.fetch.mirror_server import serving
from harness.store.store import Store
from tests.integration.shelf import BODY, URL, asked, raw

FOREIGN = [
    "evil.example",
    "evil.example:{port}",
    "127.0.0.1.evil.example:{port}",
    "localhost.evil.example:{port}",
    "localhost:{port}@evil.example",
    "evil.example@localhost:{port}",
    "localhost:{port}, evil.example",
    "localhost:{port} evil.example",
    "localhost:{port}\x00",
    "127.0.0.1",
    "localhost:1",
    "localhost:{port}0",
    "localhost:-{port}",
    "localhost:",
    "192.0.2.1:{port}",
    "[::2]:{port}",
    "[localhost]:{port}",
    "http://localhost:{port}",
    "",
]


def port_of(url: str) -> int:
    return httpx.URL(url).port or 0


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize("target", ["/", f"/{URL}", "/none"])
def test_any_other_name_is_refused(served: str, host: str, target: str) -> None:
    response = asked(served, target, host.format(port=port_of(served)))
    assert response.status_code == 421
    assert response.text.startswith(f"This server is not known by that name: use {served}")


def test_what_to_do_is_said(served: str, said: list[str]) -> None:
    text = asked(served, "/", "Mirror.example:80").text
    assert text == (
        f"This server is not known by that name: use {served}, "
        "or start it with `harness store serve --known-as Mirror.example`.\n"
    )
    assert said[-1] == f"127.0.0.1 421 {len(text)} bytes for GET / of another host"


def test_two_names_are_refused(served: str) -> None:
    own = f"localhost:{port_of(served)}"
    assert asked(served, "/", own, own).status_code == 421
    assert asked(served, "/", own, "evil.example").status_code == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "[::1]", "[0:0::0:1]", os.uname().nodename])
def test_own_names_are_known(served: str, host: str) -> None:
    assert asked(served, f"/{URL}", f"{host}:{port_of(served)}").content == BODY


def test_old_clients_say_no_name(served: str) -> None:
    assert raw(served, f"GET /{URL} HTTP/1.0\r\n\r\n".encode()).endswith(BODY)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104 - while this test runs
def test_the_address_at_which_a_request_comes_is_known(store: Store, host: str) -> None:
    with serving(store, host, 0, ignore) as url:
        port = port_of(url)
        for address in ("127.0.0.1", "127.0.0.2"):
            reached = f"http://{address}:{port}/"
            assert asked(reached, f"/{URL}", f"{address}:{port}").content == BODY
            assert asked(reached, f"/{URL}", f"127.0.0.3:{port}").status_code == 421


def test_a_server_may_have_more_names(store: Store) -> None:
    with serving(store, "127.0.0.1", 0, ignore, ["mirror.example", "192.0.2.1"]) as url:
        for host in ("mirror.example", "Mirror.Example:9000", "192.0.2.1:80", f"192.0.2.1:{port_of(url)}"):
            assert asked(url, f"/{URL}", host).content == BODY
        assert asked(url, f"/{URL}", "other.example").status_code == 421
