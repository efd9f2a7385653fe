import dataclasses
import json
from pathlib import Path

import pytest

from harness.core.blobs import LOCK_NAME, FetchedBlob
from harness.core.errors import UsageError
from harness.specs import lock
from harness.specs.lock import LockedBlob

URL = "https://host/model.mlir"
FETCHED = FetchedBlob(url=URL, sha256="ab" * 32, bytes=7, etag='"1"', md5="cd" * 16)
ENTRY = {"etag": '"1"', "md5": "cd" * 16, "sha256": "ab" * 32, "size": 7}


def test_a_folder_without_a_lock_file_has_nothing_locked(tmp_path: Path) -> None:
    assert lock.read(tmp_path / LOCK_NAME) == {}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    text = lock.text({}, {URL: FETCHED})
    assert json.loads(text) == {URL: ENTRY}
    (tmp_path / LOCK_NAME).write_text(text)
    assert lock.read(tmp_path / LOCK_NAME) == {URL: LockedBlob(sha256="ab" * 32, size=7, etag='"1"', md5="cd" * 16)}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", "malformed at $: expected `object`, got `array`"),
        ("{", "line 1 column 2"),
        ("\xff", "invalid start byte"),
        ('{"https://h/x": {}}', "malformed at $[...]: object missing required field `sha256`"),
        ('{"https://h/x": {"sha256": "ab", "size": "many"}}', "malformed at $[...].size: expected `int`, got `str`"),
        ('{"https://h/x": {"sha256": "ab", "size": 1e999}}', "1e999 is too large for a number"),
        ('{"https://h/x": {"sha256": "ab", "size": 1}}', "its sha256 is not 64 hexadecimal digits"),
        (json.dumps({"https://h/x": {"sha256": "ab" * 32, "size": -1}}), "its size is not a number of bytes"),
        (json.dumps({"https://h/\0": {"sha256": "ab" * 32, "size": 1}}), "has the character U+0000"),
    ],
)
def test_what_is_no_lock_file_is_refused(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / LOCK_NAME
    path.write_text(text, encoding="latin-1")
    with pytest.raises(UsageError) as caught:
        lock.read(path)
    assert str(caught.value).startswith(f"{path}: not a valid lock file (")
    assert why in str(caught.value)


def test_what_the_host_does_not_say_again_is_kept_for_the_same_content_only() -> None:
    known = {URL: LockedBlob(sha256="ab" * 32, size=7, etag='"1"', last_modified="Thu, 01 Jan 1970 00:00:00 GMT")}
    silent = dataclasses.replace(FETCHED, etag=None, md5=None)
    same = json.loads(lock.text(known, {URL: silent}))[URL]
    assert (same["etag"], same["last_modified"]) == ('"1"', "Thu, 01 Jan 1970 00:00:00 GMT")
    other = json.loads(lock.text(known, {URL: dataclasses.replace(silent, sha256="ef" * 32)}))[URL]
    assert other == {"sha256": "ef" * 32, "size": 7}


def test_a_url_that_may_have_a_secret_is_not_written() -> None:
    secret = f"{URL}?token=secret"
    assert json.loads(lock.text({}, {secret: FETCHED, URL: FETCHED})) == {URL: ENTRY}


def test_a_locked_blob_has_what_was_fetched() -> None:
    known = LockedBlob(sha256=FETCHED.sha256, size=FETCHED.bytes, last_modified=FETCHED.last_modified)
    assert lock.locked(URL, FETCHED) == lock.blob(URL, known)
