import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.urls import Grant, Mirror, azure_grants, candidates, granted, identity, index_key, lock_key, redacted


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/a/b.irpa", "https://host/a/b.irpa"),
        ("file:///a/b%20c.mlir", "file:///a/b%20c.mlir"),
        ("https://me:pw@host:8443/a", "https://host:8443/a"),
        ("https://me:p@w@host/a", "https://host/a"),
        ("https://t0ken@host/a", "https://host/a"),
        ("https://host/a?sv=2024&sig=ab%3D&flag", "https://host/a?sv=***&sig=***&***"),
        ("https://host/a?c2VjcmV0cw==", "https://host/a?***"),
        ("https://host/a?X-Amz-Signature=ab=cd&&", "https://host/a?X-Amz-Signature=***"),
        ("https://host/a#t0ken", "https://host/a"),
        ("https://host/@scope/a", "https://host/@scope/a"),
        ("http://me:p/w@host/a", "http:***"),
        ("http://me:pw@[::1/a", "http:***"),
        ("https://host/a\x1b[31m\udcff\nb", "https://host/a\ufffd[31m\ufffd\ufffdb"),
        ("", ""),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert redacted(url) == shown


SECRETS = st.text(st.characters(exclude_characters="/?#&=@:[]", codec="utf-8"), min_size=1).map("s3cr3t{}".format)


@given(user=SECRETS, password=SECRETS, name=st.from_regex(r"\w+", fullmatch=True), value=SECRETS, fragment=SECRETS)
def test_no_secret_is_ever_shown(user: str, password: str, name: str, value: str, fragment: str) -> None:
    for query in (f"{name}={value}", value, f"{value}==", f"{name}={value}={value}&{value}"):
        shown = redacted(f"https://{user}:{password}@host/path?{query}#{fragment}")
        assert "s3cr3t" not in shown


@given(st.text())
def test_any_text_is_shown_as_one_line(url: str) -> None:
    assert redacted(url).isprintable()


AZURE = "sv=2024-11-04&st=a&se=b&sr=c&sp=r&spr=https&sig=c2VjcmV0%3D"
AMAZON = "X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Date=c&X-Amz-Expires=1&X-Amz-SignedHeaders=host&X-Amz-Signature=d"
GOOGLE = (
    "X-Goog-Algorithm=a&X-Goog-Credential=b&X-Goog-Date=c&X-Goog-Expires=1&X-Goog-SignedHeaders=h&X-Goog-Signature=d"
)


@pytest.mark.parametrize("signature", [AZURE, AMAZON, GOOGLE, "Policy=a&Signature=b&Key-Pair-Id=c"])
def test_a_signature_is_not_part_of_the_identity(signature: str) -> None:
    assert identity(f"https://me:pw@host/a?{signature}#part") == "https://host/a"
    assert identity(f"https://host/a?versionid=7&{signature}") == "https://host/a?versionid=7"
    assert index_key(f"https://host/a?{signature}") == index_key("https://host/a")


@pytest.mark.parametrize("query", ["sv=2024&se=b", "Expires=7", "download=true", "key=s3cret"])
def test_parameters_without_a_signature_are_part_of_the_identity(query: str) -> None:
    assert identity(f"https://host/a?{query}") == f"https://host/a?{query}"


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://host/a", "https://host/a"),
        ("https://me:pw@host/a?download=true", "https://host/a?download=true"),
        (f"https://host/a?snapshot=7&{AZURE}", "https://host/a?snapshot=7"),
        ("https://host/a?key=s3cret", None),
        ("https://host/a?s3cret", None),
        ("http://[::1/a", None),
    ],
)
def test_the_key_in_the_lock_unless_the_query_may_be_secret(url: str, key: str | None) -> None:
    assert lock_key(url) == key


@given(st.text())
def test_any_text_has_a_key(url: str) -> None:
    assert len(index_key(url)) == 64
    assert candidates(url, [Mirror(prefix="https://host", url="http://mirror")])[-1] == url


MIRRORS = (Mirror.parse("https://host/models=http://one/m"), Mirror.parse("https://host=https://two"))


@pytest.mark.parametrize(
    ("url", "mirrored"),
    [
        ("https://host/models/a", ("http://one/m/a", "https://two/models/a")),
        ("https://host/models", ("http://one/m", "https://two/models")),
        ("https://host/models2/a", ("https://two/models2/a",)),
        (f"https://me:pw@host/b?{AZURE}#part", ("https://two/b",)),
        ("https://host/b?versionid=7", ("https://two/b?versionid=7",)),
        ("https://host/b?key=s3cret", ()),
        ("https://hostile/b", ()),
        ("https://host.example/b", ()),
        ("https://host:8443/b", ()),
        ("http://host/b", ()),
    ],
)
def test_mirrors_serve_urls_below_their_prefix(url: str, mirrored: tuple[str, ...]) -> None:
    assert candidates(url, MIRRORS) == (*mirrored, url)


@pytest.mark.parametrize("text", ["", "https://host", "host=http://one", "https://host=", "https://host=ftp://one"])
def test_an_invalid_mirror_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a mirror; expected PREFIX=URL"):
        Mirror.parse(text)


def _grant(prefix: str, signature: str) -> Grant:
    return Grant(prefix=prefix, token=signature)


GRANTS = (_grant("https://host/private", "sig=one"), _grant("https://host", "sig=two"))


@pytest.mark.parametrize(
    ("url", "opened"),
    [
        ("https://host/private/a", "https://host/private/a?sig=one"),
        ("https://host/privateer/a", "https://host/privateer/a?sig=two"),
        ("https://host/a?sig=own", "https://host/a?sig=own"),
        ("https://hostile/a", "https://hostile/a"),
    ],
)
def test_the_first_matching_grant_is_used(url: str, opened: str) -> None:
    assert granted(url, GRANTS) == opened


def test_a_grant_does_not_show_its_token() -> None:
    assert "sig" not in repr(GRANTS)


def test_azure_grants_come_from_its_variables() -> None:
    account = {"AZURE_STORAGE_ACCOUNT": "mine", "AZURE_STORAGE_SAS_TOKEN": "?sv=1&sig=a%3D"}
    connection = "BlobEndpoint=https://other.blob.core.windows.net/;SharedAccessSignature=sv=2&sig=b=="
    assert azure_grants({}) == ()
    assert azure_grants({"AZURE_STORAGE_ACCOUNT": "mine"}) == ()
    assert azure_grants(account) == (_grant("https://mine.blob.core.windows.net", "sv=1&sig=a%3D"),)
    assert azure_grants({**account, "AZURE_STORAGE_CONNECTION_STRING": connection}) == (
        _grant("https://other.blob.core.windows.net", "sv=2&sig=b=="),
        _grant("https://mine.blob.core.windows.net", "sv=1&sig=a%3D"),
    )
