"""Requests that are no downloads: is a host reachable, and sending it something."""

import contextlib
import functools
import time
from collections.abc import Mapping, Sequence

import httpx

from harness.fetch.by_httpx import NO_URL
from harness.fetch.http import TRY_LATER
from harness.fetch.sessions import HEADERS, Session
from harness.fetch.watch import Watch


def reachable(url: str, *, timeout_s: float = 5.0) -> str | None:
    """Return why a host does not answer, or None if it answers anything."""
    with Watch(timeout_s) as watch:
        try:
            with _session(HEADERS, timeout_s) as session, session.ended_by(watch.ended) as trace:
                session.client.send(session.client.build_request("HEAD", url, extensions={"trace": trace}))
        except (*NO_URL, httpx.TransportError, ValueError, ImportError, OSError) as error:
            no_answer = f"no answer in {timeout_s:g} s" if watch.ended.is_set() else ""
            return no_answer or str(error) or type(error).__name__
    return None


def posted(
    url: str, content: bytes, content_type: str, *, timeout_s: float = 20.0, waits_s: Sequence[float] = (1, 4)
) -> str:
    """Send content to a server, and return why it did not take it; empty if it did.

    Args:
        url: where to, with or without user name and password.
        content: the body of a POST.
        content_type: its type.
        timeout_s: limit of each attempt.
        waits_s: the waits after attempts that may succeed later.
    """
    for wait_s in (*waits_s, None):
        failure, is_final = _attempted(url, content, {**HEADERS, "Content-Type": content_type}, timeout_s)
        if wait_s is None or is_final or not failure:
            return failure
        time.sleep(wait_s)
    raise AssertionError("the last attempt returns")


def _session(headers: Mapping[str, str], timeout_s: float) -> contextlib.closing[Session]:
    return contextlib.closing(Session(functools.partial(httpx.Client, headers=headers, timeout=timeout_s)))


def _attempted(url: str, content: bytes, headers: Mapping[str, str], timeout_s: float) -> tuple[str, bool]:
    """Return why a POST failed, and whether it always will."""
    with Watch(timeout_s) as watch:
        try:
            with _session(headers, timeout_s) as session, session.ended_by(watch.ended) as trace:
                request = session.client.build_request("POST", url, content=content, extensions={"trace": trace})
                answer = session.client.send(request)
        except (*NO_URL, ValueError, ImportError):  # their texts may contain secrets
            return "its URL, or the proxy or the certificates of the environment, are invalid", True
        except (httpx.TransportError, OSError) as error:
            no_answer = f"no answer in {timeout_s:g} s" if watch.ended.is_set() else ""
            return no_answer or str(error) or type(error).__name__, False
    if answer.is_success:
        return "", True
    status = answer.status_code
    return f"the server answered {status} {answer.reason_phrase}", not (status in TRY_LATER or answer.is_server_error)
