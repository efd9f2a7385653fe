"""Keys for what machines share: Ed25519, in PEM files. A private key signs and verifies, a public one verifies."""

import hashlib
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from harness.core.errors import UsageError
from harness.core.text import installing
from harness.core.values import frozen
from harness.host import files as safe

if TYPE_CHECKING:  # it takes 0.1 s to load
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_KEY_BYTES = 1 << 14
_FINGERPRINT_CHARS = 16


@frozen
class Key:
    """A key of those who trust each other's modules.

    Attributes:
        public: verifies.
        private: signs; None for those who only read.
    """

    public: "Ed25519PublicKey"
    private: "Ed25519PrivateKey | None" = field(default=None, repr=False)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the key in a PEM file.

        Raises:
            UsageError: there is no such key in the file, or a package is missing.
        """
        try:
            from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
            from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
            from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415
        except ImportError as error:
            raise UsageError(
                f"{path}: a key needs the package cryptography, which is missing; {installing('shared')}."
            ) from error
        try:
            with safe.opened(path) as file:
                text = safe.content(file, _KEY_BYTES)
            if b"PRIVATE KEY" in text:
                private = serialization.load_pem_private_key(text, password=None)
                if isinstance(private, ed25519.Ed25519PrivateKey):
                    return cls(public=private.public_key(), private=private)
            else:
                public = serialization.load_pem_public_key(text)
                if isinstance(public, ed25519.Ed25519PublicKey):
                    return cls(public=public)
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise UsageError(f"{path}: cannot read the key: {getattr(error, 'strerror', None) or error}.") from None
        raise UsageError(f"{path}: not an Ed25519 key; make one with `openssl genpkey -algorithm ed25519`.")

    @property
    def fingerprint(self) -> str:
        """The beginning of the SHA-256 of the public key, to compare keys by eye."""
        return hashlib.sha256(self.public.public_bytes_raw()).hexdigest()[:_FINGERPRINT_CHARS]

    def sign(self, text: bytes) -> bytes:
        """Return the signature of a text.

        Raises:
            ValueError: the key only verifies.
        """
        if self.private is None:
            raise ValueError("a public key does not sign")
        return self.private.sign(text)

    def is_signed(self, text: bytes, signature: bytes) -> bool:
        """Return whether a signature of a text was made with this key."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

        try:
            self.public.verify(signature, text)
        except InvalidSignature:
            return False
        return True
