"""What can be wrong with a server, for blobs of any content: each fault, and how a fetch from it is to end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from harness.core.errors import FetchError, IntegrityError
from harness.fetch.retry import Retry
from tests.integration.answers import (
    above,
    altered,
    announcing,
    busy,
    cut_at,
    date,
    encoded,
    moved,
    multipart,
    ranged,
    shifting,
    shortened,
    with_headers,
    wrong_in,
)
from tests.integration.bench import QUICK, STALLED, good, inverted
from tests.integration.faulty_server import Answer, Framing, Reply

Ends = type[FetchError | IntegrityError] | str

GOOD, OTHER = "the right content", "the other content"
GONE = "check the network and the proxy, or try again later"
ASK = "ask the operators of the host"
CHANGED = "it changed on the host or a proxy altered it"
AGAIN = "repeatedly"
PLAIN = {"etag": None, "last_modified": None}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault.

    Attributes:
        answers: makes what the server answers to one request after the other from the right content.
        ends: how it ends for a blob that the lock knows: `GOOD`, or an error.
        unlocked: the same for one that it does not know, if another; `OTHER` is what `other` makes of the right one.
        small: the same for a blob of one part, if another: it comes in one response.
        small_unlocked: the same for such a one that the lock does not know, if yet another.
        other: makes the other content.
        says: what the error says, as a pattern.
        retry: how hard to try.
    """

    answers: Callable[[bytes], Sequence[Reply | Answer]]
    ends: Ends = GOOD
    unlocked: Ends | None = None
    small: Ends | None = None
    small_unlocked: Ends | None = None
    other: Callable[[bytes], bytes] = inverted
    says: str = "."
    retry: Retry = QUICK

    def expected(self, *, is_small: bool, is_locked: bool) -> Ends:
        """Return how it is to end."""
        of_small = (self.small if is_locked else self.small_unlocked or self.small) if is_small else None
        of_any = self.ends if is_locked else self.unlocked or self.ends
        return of_small or of_any


_MAIN = {
    "none": Fault(answers=lambda body: [good(body)]),
    "500 twice": Fault(answers=lambda body: [Reply(status=500), Reply(status=500), good(body)]),
    "503 twice": Fault(answers=lambda body: [Reply(status=503), Reply(status=503, body=b"busy"), good(body)]),
    "500 for good": Fault(answers=lambda _: [Reply(status=500)], ends=FetchError, says=rf"500 Internal .* {ASK}"),
    "500 after a while": Fault(
        answers=lambda body: [good(body), Reply(status=500)], ends=FetchError, small=GOOD, says=rf"500 .* {ASK}"
    ),
    "429 until now": Fault(answers=lambda body: [busy(429, "0"), busy(429, date(-1)), good(body)]),
    "429 for an hour": Fault(
        answers=lambda _: [busy(429, "3600")], ends=FetchError, says=rf"429 .*asks to wait 3600 s .*{ASK}"
    ),
    "503 until a date": Fault(
        answers=lambda _: [busy(503, date(2))], ends=FetchError, says=rf"503 .*asks to wait 7\d\d\d s .*{ASK}"
    ),
    "drops each response": Fault(answers=lambda body: [altered(good(body), drop_at=cut_at(body))]),
    "resets each response": Fault(answers=lambda body: [altered(good(body), drop_at=cut_at(body), reset=True)]),
    "drops all at once": Fault(answers=lambda body: [altered(good(body), drop_at=0)], ends=FetchError, says=GONE),
    "hangs up": Fault(answers=lambda _: [Reply(head=b"", drop_at=0)], ends=FetchError, says=f"disconnected.*{GONE}"),
    "is no HTTP": Fault(
        answers=lambda _: [Reply(head=b"I am no HTTP server\r\n\r\n")], ends=FetchError, says=f"RemoteProtocol.*{GONE}"
    ),
    "stalls once": Fault(
        answers=lambda body: [altered(good(body), stall_at=cut_at(body)), good(body)],
        retry=replace(STALLED, attempts=50),
    ),
    "stalls for good": Fault(
        answers=lambda _: [Reply(stall_at=0, head=b"")],
        ends=FetchError,
        says=f"no byte of the blob came for 0.1 s.*{GONE}",
        retry=replace(STALLED, stall_s=0.1),
    ),
    "is slow on each connection": Fault(answers=lambda body: [altered(good(body), pause_s=0.001)]),
    "503 above 2 at once": Fault(
        answers=lambda body: [above(2, good(body), Reply(status=503))], retry=replace(QUICK, attempts=50)
    ),
    "resets above 2 at once": Fault(
        answers=lambda body: [above(2, good(body), Reply(head=b"", reset=True))], retry=replace(QUICK, attempts=50)
    ),
    "redirects": Fault(answers=lambda body: [Reply(status=302, headers={"Location": "?x=1"}), good(body)]),
    "redirects to another scheme": Fault(
        answers=lambda _: [Reply(status=302, headers={"Location": "ftp://host/a?x=s1gnature"})],
        ends=FetchError,
        says=r"refused to follow a redirect from http to ftp://host/a\?x=\*\*\* .*correct the URL",
    ),
    "is encoded": Fault(
        answers=lambda body: [encoded(body)],
        unlocked=FetchError,
        says="gzip-encoded, .*correct the server or the proxy",
    ),
    "is encoded, whole": Fault(
        answers=lambda body: [encoded(body, ranges=False)], unlocked=FetchError, says="gzip-encoded, "
    ),
    "is encoded, in chunks": Fault(
        answers=lambda body: [altered(encoded(body, ranges=False), framing=Framing.CHUNKED)],
        unlocked=FetchError,
        says="gzip-encoded, ",
    ),
    "is encoded and drops once": Fault(
        answers=lambda body: [altered(encoded(body, ranges=False), drop_at=cut_at(body)), encoded(body, ranges=False)],
        unlocked=FetchError,
        says="gzip-encoded, ",
    ),
    "is encoded later": Fault(
        answers=lambda body: [good(body), good(body), encoded(body)],
        unlocked=FetchError,
        small_unlocked=GOOD,
        says="gzip-encoded, ",
    ),
    "is said to be encoded": Fault(
        answers=lambda body: [with_headers(good(body), Content_Encoding="gzip")],
        ends=FetchError,
        says=f"gzip-encoded as it says .*{GONE}|gzip-encoded, ",
    ),
    "is encoded but not all of it": Fault(
        answers=lambda body: [encoded(body, ranges=False, part=len(body) // 2)],
        ends=FetchError,
        says=f"ends before its content.*{GONE}|gzip-encoded, ",
    ),
    "is encoded and larger": Fault(
        answers=lambda body: [encoded(body + bytes(32 << 20), ranges=False)],
        ends=IntegrityError,
        unlocked=FetchError,
        says=rf"content is at least \d+ bytes; expected .*{CHANGED}|gzip-encoded, ",
    ),
    "is encoded in another way": Fault(
        answers=lambda body: [with_headers(good(body), Content_Encoding="br")],
        ends=FetchError,
        says="br-encoded, .*correct the server or the proxy that encodes it",
    ),
}

_CONTENT = {
    "wrong bytes": Fault(
        answers=lambda body: [good(inverted(body))], ends=IntegrityError, unlocked=OTHER, says=f"content is .*{CHANGED}"
    ),
    "wrong bytes at first": Fault(
        answers=lambda body: [good(inverted(body), etag='"two"'), good(body)], small_unlocked=OTHER
    ),
    "one wrong byte": Fault(
        answers=lambda body: [wrong_in(body, len(body) - 1)],
        ends=IntegrityError,
        unlocked=OTHER,
        other=lambda body: body[:-1] + inverted(body[-1:]),
        says=f"content is .*{CHANGED}",
    ),
    "announces too much": Fault(
        answers=lambda body: [altered(good(body, ranges=False), announced=len(body) + 1)],
        ends=IntegrityError,
        unlocked=FetchError,
        small=FetchError,
    ),
    "announces too little": Fault(
        answers=lambda body: [altered(good(body, ranges=False), announced=len(body) - 1)],
        ends=IntegrityError,
        unlocked=OTHER,
        other=lambda body: body[:-1],
        says=f"content is .*{CHANGED}",
    ),
    "announces too much of a range": Fault(answers=lambda body: [announcing(body, lambda size: size + 1)]),
    "announces too little of a range": Fault(answers=lambda body: [announcing(body, lambda size: size - size // 2)]),
    "has chunks": Fault(answers=lambda body: [altered(good(body, ranges=False), framing=Framing.CHUNKED)]),
    "has chunks of ranges": Fault(answers=lambda body: [altered(good(body), framing=Framing.CHUNKED)]),
    "drops chunks": Fault(
        answers=lambda body: [
            altered(good(body, ranges=False), framing=Framing.CHUNKED, drop_at=cut_at(body)),
        ],
        ends=FetchError,
        says=f"incomplete chunked read.*{GONE}",
    ),
    "drops chunks once": Fault(
        answers=lambda body: [
            altered(good(body, ranges=False), framing=Framing.CHUNKED, drop_at=cut_at(body)),
            altered(good(body, ranges=False), framing=Framing.CHUNKED),
        ],
    ),
    "ends with the connection": Fault(answers=lambda body: [altered(good(body, ranges=False), framing=Framing.CLOSE)]),
    "sends more than it says": Fault(
        answers=lambda body: [announcing(body, lambda size: size, beyond=b"HTTP/1.1 200 OK")]
    ),
}

_RANGES = {
    "has no ranges": Fault(answers=lambda body: [good(body, ranges=False)]),
    "has no ranges and drops": Fault(
        answers=lambda body: [altered(good(body, ranges=False), drop_at=cut_at(body))], ends=FetchError, says=GONE
    ),
    "has no ranges any more": Fault(answers=lambda body: [good(body), good(body, ranges=False)]),
    "has ranges at times": Fault(
        answers=lambda body: [lambda request: good(body, ranges=request.number % 7 != 2)(request)],
        retry=replace(QUICK, attempts=50),
    ),
    "answers short ranges": Fault(answers=lambda body: [lambda request: good(body)(shortened(request, 10_000))]),
    "answers other ranges": Fault(
        answers=lambda body: [good(body), lambda request: good(body)(moved(request))],
        ends=FetchError,
        small=GOOD,
        says=rf"206 Partial Content without a range from byte \d+ .*{ASK}",
    ),
    "ranges of an unknown whole": Fault(
        answers=lambda body: [ranged(body, lambda start, last, _: f"bytes {start}-{last}/*")],
        ends=FetchError,
        says=rf"206 .*/\*'.*{ASK}",
    ),
    "ranges beyond the whole": Fault(
        answers=lambda body: [ranged(body, lambda start, _, size: f"bytes {start}-{size}/{size}")],
        ends=FetchError,
        says=rf"206 .*{ASK}",
    ),
    "a whole of absurd size": Fault(
        answers=lambda body: [ranged(body, lambda start, last, _: f"bytes {start}-{last}/{'9' * 5000}")],
        ends=FetchError,
        says=rf"206 .*{ASK}",
    ),
    "a whole that grows": Fault(
        answers=lambda body: [good(body), ranged(body, lambda start, last, size: f"bytes {start}-{last}/{size + 1}")],
        ends=IntegrityError,
        unlocked=FetchError,
        small=GOOD,
    ),
    "ranges without a Content-Range": Fault(
        answers=lambda body: [Reply(status=206, body=body)], ends=FetchError, says=rf"206 .*: None .*{ASK}"
    ),
    "ranges in many parts": Fault(
        answers=lambda body: [multipart(body)], ends=FetchError, says=rf"206 .*: None .*{ASK}"
    ),
    "416 for all": Fault(
        answers=lambda body: [Reply(status=416, headers={"Content-Range": f"bytes */{len(body)}"})],
        ends=FetchError,
        says=f"416 .*{ASK}",
    ),
    "416 without a size": Fault(answers=lambda _: [Reply(status=416)], ends=FetchError, says=f"416 .*{ASK}"),
    "416 after a while": Fault(
        answers=lambda body: [good(body), Reply(status=416, headers={"Content-Range": "bytes */1"})],
        ends=IntegrityError,
        unlocked=FetchError,
        small=GOOD,
    ),
}

_VALIDATORS = {
    "another ETag later": Fault(answers=lambda body: [good(body), good(body), good(body, etag='"two"')]),
    "ever new ETags": Fault(
        answers=lambda body: [lambda request: good(body, etag=f'"{request.number}"', honours_if_range=False)(request)],
        ends=FetchError,
        small=GOOD,
        says=f"its ETag was .* and is .*, {AGAIN}",
    ),
    "weak ETag": Fault(answers=lambda body: [good(body, etag='W/"one"', last_modified=None)]),
    "weak ETag and drops": Fault(
        answers=lambda body: [altered(good(body, etag='W/"one"', last_modified=None), drop_at=cut_at(body))],
        unlocked=FetchError,
        says=GONE,
    ),
    "a date": Fault(answers=lambda body: [good(body, etag=None)]),
    "nothing to know it by": Fault(answers=lambda body: [good(body, **PLAIN)]),
    "no ETag any more": Fault(
        answers=lambda body: [good(body), good(body, **PLAIN)],
    ),
    "the other content later": Fault(
        answers=lambda body: [good(body), good(body), good(inverted(body), etag='"two"')],
        ends=IntegrityError,
        unlocked=OTHER,
        small=GOOD,
        says=f"content is .*{CHANGED}",
    ),
    "the other content later, unconditionally": Fault(
        answers=lambda body: [good(body), good(body), good(inverted(body), etag='"two"', honours_if_range=False)],
        ends=IntegrityError,
        unlocked=OTHER,
        small=GOOD,
        says=f"content is .*{CHANGED}",
    ),
    "the other content later, with no word": Fault(
        answers=lambda body: [
            altered(good(body, **PLAIN), drop_at=cut_at(body)),
            good(inverted(body), **PLAIN),
        ],
        ends=IntegrityError,
        unlocked=OTHER,
        says=f"content is .*{CHANGED}",
    ),
    "the right content later": Fault(
        answers=lambda body: [good(inverted(body), etag='"two"'), good(inverted(body), etag='"two"'), good(body)],
        small=IntegrityError,
        small_unlocked=OTHER,
        says=f"content is .*{CHANGED}",
    ),
    "another content for each connection": Fault(
        answers=lambda body: [shifting(body)], ends=FetchError, small=GOOD, says=f"its ETag was .* and is .*, {AGAIN}"
    ),
}

FAULTS = _MAIN | _CONTENT | _RANGES | _VALIDATORS
