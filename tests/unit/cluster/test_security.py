from pathlib import Path

import pytest

from harness.cluster.security import security
from harness.core.errors import UsageError


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:8786", "tcp://localhost:8786", "tcp://[::1]:8786"])
def test_on_loopback_there_are_no_certificates(address: str) -> None:
    assert security(address, None) is None


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("tcp://192.0.2.1:8786", "use tls://192.0.2.1:8786 with --certificates DIR"),
        ("tcp://0.0.0.0:8786", "without TLS, all who reach the scheduler"),
        ("tls://head:8786", "name the folder with ca.pem, cert.pem, key.pem with --certificates DIR."),
        ("head:8786", "no address of a scheduler; expected tcp://127.0.0.1:8786 or tls://HOST:8786."),
        ("http://head", "no address of a scheduler;"),
        ("tls://", "no address of a scheduler;"),
    ],
)
def test_all_other_addresses_need_certificates(address: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        security(address, None)
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    with pytest.raises(UsageError, match=r"cert\.pem is missing"):
        security("tls://head:8786", tmp_path)


def test_each_role_has_the_certificate(tmp_path: Path) -> None:
    for name in ("ca", "cert", "key"):
        (tmp_path / f"{name}.pem").touch()
    found = security("tls://head:8786", tmp_path)
    assert found is not None
    assert found.require_encryption
    arguments = [found.get_tls_config_for_role(role) for role in ("client", "worker", "scheduler")]  # type: ignore[no-untyped-call]
    assert {each["cert"] for each in arguments} == {str(tmp_path / "cert.pem")}
