"""URLs: without their secrets, as keys of a lock file, and with mirrors and signatures; no I/O."""

import functools
import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import field
from urllib.parse import SplitResult, urlsplit, urlunsplit

from harness.core.values import frozen

REMOTE = ("https", "http", "s3", "gs", "hf")

# Query parameters of a signature, by the one that marks the query as signed. They do not identify the content.
# Azure: learn.microsoft.com/rest/api/storageservices, "Create a service SAS", "account SAS".
_AZURE = "sv ss srt sp st se spr sip si sr sdd ses sig skoid sktid skt ske sks skv skdutid sduoid saoid suoid scid"
_AMAZON = "Algorithm Credential Date Expires Security-Token Signature SignedHeaders"
_SIGNED = {
    "sig": frozenset(_AZURE.split()),
    "X-Amz-Signature": frozenset(f"X-Amz-{name}" for name in _AMAZON.split()) | {"x-id"},
    "X-Goog-Signature": frozenset(f"X-Goog-{name}" for name in _AMAZON.split()),
    "Signature": frozenset({"AWSAccessKeyId", "GoogleAccessId", "Key-Pair-Id", "Policy", "Expires", "Signature"}),
}
# Query parameters that select a version or a format of the content; their values are not secret.
_PLAIN = frozenset({"download", "versionid", "versionId", "snapshot", "generation", "alt", "raw", "ref"})


# Without anything that could be secret or written in another way: what the library for URLs would leave as it is.
_AS_IT_IS = re.compile(r"https?://[a-z0-9.-]+(?::[1-5]?[0-9]{1,4})?(?:/[A-Za-z0-9/._~%+=,-]*)")


@frozen
class Mirror:
    """A replacement for the beginning of URLs.

    Attributes:
        prefix: beginning of the URLs that the mirror serves.
        url: what replaces it.
    """

    prefix: str
    url: str

    @classmethod
    def parse(cls, text: str) -> "Mirror":
        """Parse `PREFIX=URL`.

        Raises:
            ValueError: the text is not of this form, or the URL is not http: or https:.
        """
        prefix, _, url = text.partition("=")
        if "://" not in prefix or urlsplit(url).scheme not in {"https", "http"}:
            expected = "expected PREFIX=URL, such as https://host/models=http://127.0.0.1:8000/models"
            raise ValueError(f"{redacted(prefix)!r} is not a mirror; {expected}")
        return cls(prefix=prefix, url=url)


@frozen
class Grant:
    """A signature that gives access to all URLs below a prefix.

    Attributes:
        prefix: beginning of the URLs.
        token: their query string, which is secret.
    """

    prefix: str
    token: str = field(repr=False)


@functools.lru_cache(maxsize=1024)
def redacted(url: str) -> str:
    """Return a URL that is safe to show: without user, password, fragment and the values of its query."""
    if _AS_IT_IS.fullmatch(url):
        return url
    if not url.isprintable():
        url = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in url)
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError; a port that is not a number may be part of a password
    except ValueError:
        return f"{url.partition(':')[0]}:***"
    # A value without a name may end with equals signs, if it is base64.
    pairs = [each.rstrip("=").partition("=") for each in parts.query.split("&") if each]
    query = "&".join(f"{name}=***" if equals else "***" for name, equals, _ in pairs)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query, fragment=""))


@functools.lru_cache(maxsize=1024)  # each download asks for them again and again
def identity(url: str) -> str:
    """Return a URL without user, password, fragment and signature: two URLs of one content are equal.

    Use it to compare, not to show: the rest of the query may still be secret.
    """
    parts = None if _AS_IT_IS.fullmatch(url) else _split(url)
    if parts is None:
        return url
    pairs = [each for each in parts.query.split("&") if each]
    names = {_name(each) for each in pairs}
    signed = frozenset[str]().union(*(known for mark, known in _SIGNED.items() if mark in names))
    query = "&".join(each for each in pairs if _name(each) not in signed)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query, fragment=""))


def lock_key(url: str) -> str | None:
    """Return the key of a URL in the lock file; None if its query may be secret."""
    if _AS_IT_IS.fullmatch(url):
        return url
    parts = _split(named := identity(url))
    plain = parts is not None and {_name(each) for each in parts.query.split("&") if each} <= _PLAIN
    return named if plain else None


@functools.lru_cache(maxsize=1024)
def index_key(url: str) -> str:
    """Return the key of a URL in the store's index of URLs."""
    return hashlib.sha256(identity(url).encode(errors="surrogatepass")).hexdigest()


def candidates(url: str, mirrors: Collection[Mirror]) -> tuple[str, ...]:
    """Return the URLs to try for a content, in order; those of mirrors contain no credentials."""
    if not mirrors:
        return (url,)
    named = lock_key(url) or ""
    mirrored = (each.url + named[len(each.prefix) :] for each in mirrors if _is_below(named, each.prefix))
    return tuple(dict.fromkeys((*mirrored, url)))


def granted(url: str, grants: Iterable[Grant]) -> str:
    """Return the URL with the signature of the first matching grant, or unchanged if it has a query."""
    for each in grants:
        if "?" not in url and _is_below(url, each.prefix):
            return f"{url}?{each.token}"
    return url


def azure_grants(environment: Mapping[str, str]) -> tuple[Grant, ...]:
    """Return the signatures in AZURE_STORAGE_CONNECTION_STRING, and in AZURE_STORAGE_ACCOUNT and ..._SAS_TOKEN."""
    pairs = (each.partition("=") for each in environment.get("AZURE_STORAGE_CONNECTION_STRING", "").split(";"))
    connection = {name.strip(): value for name, _, value in pairs}
    account, token = environment.get("AZURE_STORAGE_ACCOUNT"), environment.get("AZURE_STORAGE_SAS_TOKEN")
    found = (
        (connection.get("BlobEndpoint"), connection.get("SharedAccessSignature")),
        (account and f"https://{account}.blob.core.windows.net", token),
    )
    return tuple(
        Grant(prefix=prefix.rstrip("/"), token=token.lstrip("?")) for prefix, token in found if prefix and token
    )


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _name(pair: str) -> str:
    return pair.partition("=")[0]


def _is_below(url: str, prefix: str) -> bool:
    """Return whether a URL is the prefix or a path below it, and not just a longer name."""
    return url.startswith(prefix) and (prefix.endswith("/") or url[len(prefix) :][:1] in {"", "/"})
