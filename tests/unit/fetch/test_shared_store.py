import sys
from pathlib import Path

import pytest

from harness.core.callbacks import ignore
from harness.core.errors import UsageError
from harness.core.settings import FetchSettings
from harness.fetch import shared_store
from harness.store.signing import Key


@pytest.mark.parametrize("scheme", ["s3", "az"])
def test_a_missing_package_names_the_extra(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in ("fsspec.core", "fsspec"):
        monkeypatch.setitem(sys.modules, each, None)
    with pytest.raises(UsageError) as raised:
        shared_store.objects(f"{scheme}://place/prefix")
    program = sys.executable
    assert str(raised.value) == (
        f"{scheme}://place/prefix: a package for {scheme}:// is missing; install it: {program} -m uv pip install "
        f"--python {program} 'iree-quality-harness[shared]'."
    )


def test_a_key_without_its_package_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(UsageError, match=r"a key needs the package cryptography, .*'iree-quality-harness\[shared\]'"):
        Key.read(tmp_path / "key")


def test_a_folder_needs_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in ("fsspec.core", "fsspec", "cryptography.exceptions"):
        monkeypatch.setitem(sys.modules, each, None)
    shared_store.objects(f"{tmp_path.as_uri()}/with%20space")


def test_without_a_network_only_a_folder_is_shared(tmp_path: Path) -> None:
    def is_used(url: str | None, *, offline: bool) -> bool:
        return shared_store.opened(FetchSettings(store_url=url, offline=offline), ignore) is not None

    assert is_used(tmp_path.as_uri(), offline=True)
    assert is_used(tmp_path.as_uri(), offline=False)
    assert not is_used("s3://bucket/prefix", offline=True)
    assert not is_used(None, offline=False)


def test_a_process_asks_one_that_fails_no_more() -> None:
    """Each session of a search opens a store; what does not answer the first one would delay them all."""
    settings = FetchSettings(store_url="file:///nowhere/at/all")
    first, second = (shared_store.opened(settings, ignore) for _ in range(2))
    assert first is second
