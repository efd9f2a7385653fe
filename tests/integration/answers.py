"""What a server that is not right may answer, for contents of any kind."""

import email.utils
import functools
import gzip
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.bench import CHUNK_BYTES, good, inverted
from tests.integration.faulty_server import Answer, Content, Reply, Request


def altered(answer: Answer, **changes: Any) -> Answer:
    """Return what answers the same but for something."""
    return lambda request: replace(answer(request), **changes)


def with_headers(answer: Answer, **headers: str) -> Answer:
    """Return what answers the same with more headers, or others."""

    def altered(request: Request) -> Reply:
        reply = answer(request)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(reply, headers={**reply.headers, **named})

    return altered


_compressed = functools.cache(gzip.compress)


def encoded(body: bytes, *, part: int | None = None, **options: Any) -> Answer:
    """Return what serves a content, or the first part of it, in gzip, and ranges of that if not told otherwise."""
    return with_headers(good(_compressed(body)[:part], **options), Content_Encoding="gzip")


def ranged(body: bytes, said: Callable[[int, int, int], str]) -> Answer:
    """Return what says another Content-Range, made from the first byte, the last one and the size of the whole."""
    content = good(body)

    def altered(request: Request) -> Reply:
        reply = content(request)
        content_range = said(request.start, request.start + len(reply.body) - 1, len(body))
        return replace(reply, headers={**reply.headers, "Content-Range": content_range})

    return altered


def announcing(body: bytes, announced: Callable[[int], int], *, beyond: bytes = b"") -> Answer:
    """Return what says another length of a range, made from its own."""
    content = good(body)

    def altered(request: Request) -> Reply:
        reply = content(request)
        return replace(reply, announced=announced(len(reply.body)), body=reply.body + beyond)

    return altered


def above(most: int, answer: Answer, otherwise: Reply) -> Answer:
    """Return what serves so many connections at once and no more."""
    return lambda request: answer(request) if request.at_once <= most else otherwise


def shifting(body: bytes, **options: Any) -> Answer:
    """Return what has another content for each connection, and says so; `If-Range` it does not know."""

    def shifting(request: Request) -> Reply:
        turned = body if request.number % 2 else inverted(body)
        return Content(body=turned, etag=f'"{request.number}"', honours_if_range=False, **options)(request)

    return shifting


def wrong_in(body: bytes, start: int) -> Answer:
    """Return what is wrong in one byte, of which no header tells."""
    return good(body[:start] + inverted(body[start : start + 1]) + body[start + 1 :])


def cut_at(body: bytes) -> int:
    return min(len(body), CHUNK_BYTES) * 2 // 3


def date(hours: int) -> str:
    return email.utils.format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)


def busy(status: int, retry_after: str) -> Reply:
    return Reply(status=status, headers={"Retry-After": retry_after})


def multipart(body: bytes) -> Reply:
    head = f"--x\r\nContent-Range: bytes 0-{len(body) - 1}/{len(body)}\r\n\r\n".encode()
    return Reply(
        status=206, body=head + body + b"\r\n--x--\r\n", headers={"Content-Type": "multipart/byteranges; boundary=x"}
    )


def shortened(request: Request, size: int) -> Request:
    stop = min(request.stop or request.start + size, request.start + size)
    return replace(request, headers={**request.headers, "range": f"bytes={request.start}-{stop - 1}"})


def moved(request: Request) -> Request:
    return replace(request, headers={**request.headers, "range": f"bytes={request.start // 2}-{request.start}"})
