"""What a URL says: how to show it, what it names, where else that may be had, and which grant opens it (pure)."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit, urlunsplit

REMOTE = ("https", "http", "s3", "gs", "hf")

# Parameters by which a host grants access, if the one named first is among them; they name nothing.
# Azure: learn.microsoft.com/rest/api/storageservices, "Create a service SAS", "account SAS".
_AZURE = "sv ss srt sp st se spr sip si sr sdd ses sig skoid sktid skt ske sks skv skdutid sduoid saoid suoid scid"
_AMAZON = "Algorithm Credential Date Expires Security-Token Signature SignedHeaders"
_SIGNED = {
    "sig": frozenset(_AZURE.split()),
    "X-Amz-Signature": frozenset(f"X-Amz-{name}" for name in _AMAZON.split()) | {"x-id"},
    "X-Goog-Signature": frozenset(f"X-Goog-{name}" for name in _AMAZON.split()),
    "Signature": frozenset({"AWSAccessKeyId", "GoogleAccessId", "Key-Pair-Id", "Policy", "Expires", "Signature"}),
}
# Parameters that choose a version or a form of the content at the hosts of models; their values are no secret.
_PLAIN = frozenset({"download", "versionid", "versionId", "snapshot", "generation", "alt", "raw", "ref"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """What begins with `prefix` may be had from `url` in its place."""

    prefix: str
    url: str

    @classmethod
    def parse(cls, text: str) -> "Mirror":
        """Read `PREFIX=URL`.

        Raises:
            ValueError: it is none.
        """
        prefix, _, url = text.partition("=")
        if "://" not in prefix or urlsplit(url).scheme not in {"https", "http"}:
            hint = "expected PREFIX=URL, as in https://host/models=http://127.0.0.1:8000/models"
            raise ValueError(f"{redacted(prefix)!r} is no mirror; {hint}")
        return cls(prefix=prefix, url=url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A shared access signature for all below a prefix."""

    prefix: str
    token: str = field(repr=False)


def redacted(url: str) -> str:
    """Return a URL to show: without user, password, fragment and the values of its query."""
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


def identity(url: str) -> str:
    """Return what a URL names whoever asks: without user, password, fragment and signature.

    What is left of the query may still be a secret: the result is for comparing, not for showing.
    """
    parts = _split(url)
    if parts is None:
        return url
    pairs = [each for each in parts.query.split("&") if each]
    names = {_name(each) for each in pairs}
    signed = frozenset[str]().union(*(known for mark, known in _SIGNED.items() if mark in names))
    query = "&".join(each for each in pairs if _name(each) not in signed)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query, fragment=""))


def lock_key(url: str) -> str | None:
    """Return the name of a URL's content in the lock; None if its query holds what may be a secret."""
    parts = _split(named := identity(url))
    plain = parts is not None and {_name(each) for each in parts.query.split("&") if each} <= _PLAIN
    return named if plain else None


def index_key(url: str) -> str:
    """Return the key under which the store remembers what a URL had."""
    return hashlib.sha256(identity(url).encode(errors="surrogatepass")).hexdigest()


def candidates(url: str, mirrors: Iterable[Mirror]) -> tuple[str, ...]:
    """Return the URLs at which the content may be had, in the order to try; no mirror hears of credentials."""
    named = lock_key(url) or ""
    mirrored = (each.url + named[len(each.prefix) :] for each in mirrors if _is_below(named, each.prefix))
    return tuple(dict.fromkeys((*mirrored, url)))


def granted(url: str, grants: Iterable[Grant]) -> str:
    """Return the URL with the signature of the first grant for it, unless it has a query of its own."""
    for each in grants:
        if "?" not in url and _is_below(url, each.prefix):
            return f"{url}?{each.token}"
    return url


def azure_grants(environment: Mapping[str, str]) -> tuple[Grant, ...]:
    """Return what Azure's usual variables grant: AZURE_STORAGE_CONNECTION_STRING, or ..._ACCOUNT with ..._SAS_TOKEN."""
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
    """Return whether the URL is the prefix or a path below it, and not merely a longer name."""
    return url.startswith(prefix) and (prefix.endswith("/") or url[len(prefix) :][:1] in {"", "/"})
