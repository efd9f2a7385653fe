"""What is sent to a host, cookies and credentials, goes to that host and port alone."""

import pytest

from tests.integration.bench import SMALL, Bench, good, locked
from tests.integration.faulty_server import FaultyServer, Reply

COOKIES = ("a=1", "a=1; Path=/", "a=1; Domain=127.0.0.1; Path=/", "a=1; Domain=.localhost; Max-Age=1000; Path=/")


def redirect(target: str, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=302, headers={"Location": target, **named})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("cookie", COOKIES[:2])
def test_a_cookie_goes_back_to_where_it_is_from(bench: Bench, host: str, cookie: str) -> None:
    first = bench.server.serve("/a", redirect("/b", Set_Cookie=cookie)).replace("127.0.0.1", host)
    bench.server.serve("/b", good(SMALL))
    bench.fetch(locked(first, SMALL))
    assert bench.server.asked("/b")[0].headers["cookie"] == "a=1"


@pytest.mark.parametrize("user", ["", "us3r:passw0rd@"])
@pytest.mark.parametrize("cookie", COOKIES)
@pytest.mark.parametrize("hosts", [("127.0.0.1", "127.0.0.1"), ("localhost", "localhost"), ("localhost", "127.0.0.1")])
def test_cookies_and_credentials_reach_no_other_host_or_port(
    bench: Bench, hosts: tuple[str, str], cookie: str, user: str
) -> None:
    with FaultyServer() as elsewhere:
        target = elsewhere.serve("/b", redirect("/c")).replace("127.0.0.1", hosts[1])
        elsewhere.serve("/c", good(SMALL))
        first = bench.server.serve("/a", redirect("/a2", Set_Cookie=cookie)).replace("127.0.0.1", hosts[0])
        bench.server.serve("/a2", redirect(target, Set_Cookie=cookie))
        bench.fetch(locked(first.replace("//", f"//{user}"), SMALL))
        assert ("authorization" in bench.server.asked("/a2")[0].headers) is bool(user)
        assert [each.path for each in elsewhere.requests] == ["/b", "/c"]
        sent = {name for request in elsewhere.requests for name in request.headers}
        assert not sent & {"cookie", "authorization", "referer"}


def test_a_cookie_is_forgotten_with_its_request(bench: Bench) -> None:
    urls = [bench.server.serve(path, redirect("/b", Set_Cookie="a=1; Path=/")) for path in ("/a", "/c")]
    bench.server.serve("/b", Reply(status=503), good(SMALL), good(SMALL[:-1]))
    with bench.fetcher() as fetcher:
        fetcher.fetch(locked(urls[0], SMALL))
        fetcher.fetch(locked(urls[1], SMALL[:-1]))
    asked = [*bench.server.asked("/a"), *bench.server.asked("/c")]
    assert len(asked) == 3
    assert [each.headers for each in asked if "cookie" in each.headers] == []
    assert [each.headers["cookie"] for each in bench.server.asked("/b")] == ["a=1"] * 3


def test_a_scheme_relative_redirect_takes_no_credentials_along(bench: Bench) -> None:
    with FaultyServer() as elsewhere:
        target = elsewhere.serve("/b", good(SMALL)).removeprefix("http:")
        first = bench.server.serve("/a", redirect(target)).replace("//", "//us3r:passw0rd@")
        bench.fetch(locked(first, SMALL))
        assert "authorization" not in elsewhere.requests[0].headers
