"""Who signs: a small protocol for hardware and remote keys, and the key that is held in this process.

The private key leaves :class:`TransactionSigner` as signatures only, and by ``.private_key`` for those
who ask for it. No local variable of a frame that can raise holds it, so that tracebacks with locals
do not show it either.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from bulk_proto.enums import SignatureDomain
from bulk_proto.errors import InvalidKey, UsageError

from . import base58
from .encoding import preimage
from .layouts import DEFAULT_PROFILE
from .verification import parse_nonce, verify_transaction

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class Signer(Protocol):
    """Whatever can sign for one Ed25519 key."""

    @property
    def public_key(self) -> str:
        """The base58 text of the 32 bytes of the public key."""
        ...

    def sign(self, message: bytes) -> bytes | str:
        """The Ed25519 signature (RFC 8032) of ``message``: its 64 raw bytes, or the base58 text of them."""
        ...


class TransactionSigner:
    """Signs with a private key held in memory.

    ``private_key`` is the base58 text of a 32-byte seed, or of 64 bytes: the seed and its public key.
    Raises :class:`InvalidKey` for anything else, without the text. A signer cannot be copied or pickled:
    share it instead.
    """

    __slots__ = ("_key", "_public_key")

    _key: Ed25519PrivateKey
    _public_key: str

    def __init__(self, private_key: str) -> None:
        key = _load(private_key)
        del private_key
        if key is None:
            raise InvalidKey(
                "not a private key: expected the base58 text of a 32-byte seed, "
                "or of 64 bytes that are a seed and its own public key"
            )
        self._key = key
        self._public_key = base58.encode(key.public_key().public_bytes_raw())

    @staticmethod
    def generate_account() -> TransactionSigner:
        """A signer for a new key; store its ``private_key`` safely, nobody can restore it."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # as in _load()

        signer = TransactionSigner.__new__(TransactionSigner)
        signer._key = Ed25519PrivateKey.generate()
        signer._public_key = base58.encode(signer._key.public_key().public_bytes_raw())
        return signer

    @classmethod
    def from_env(cls, name: str = "BULK_PRIVATE_KEY") -> TransactionSigner:
        """A signer for the key in an environment variable, which is read once, now.

        Raises :class:`InvalidKey` when the variable is missing or holds no private key.
        """
        if name not in os.environ:
            raise InvalidKey("the environment variable for the private key is not set")
        return cls(os.environ[name])

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> TransactionSigner:
        """A signer for the key that is the whole text of a file, but for white space around it.

        The one place in this package that reads a file, once and when asked to. Raises OSError when it
        cannot be read and :class:`InvalidKey` when it holds no private key.
        """
        try:
            return cls(Path(path).read_text(encoding="ascii").strip())
        except UnicodeDecodeError:
            pass  # raised below, since the decoder's error holds the bytes of the file
        raise InvalidKey("the file does not hold a private key: it is not ASCII text")

    @property
    def public_key(self) -> str:
        """The base58 text of the public key, which is also the name of the account it owns."""
        return self._public_key

    @property
    def private_key(self) -> str:
        """The base58 text of the 32-byte seed: the one deliberate way out. Store it securely."""
        return base58.encode(self._key.private_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature of ``message``."""
        return self._key.sign(message)

    @staticmethod
    def serialize_transaction(
        actions: Sequence[Mapping[str, Any]],
        nonce: int | str,
        account: str,
        signature_domain: SignatureDomain,
        profile: str = DEFAULT_PROFILE,
    ) -> bytes:
        """The bytes to sign for a transaction of actions in JSON form.

        ``signature_domain`` has no default: a transaction signed for the wrong network is refused, or
        accepted where it was not meant to be. Raises as
        :func:`~bulk_proto.signing.encoding.preimage` does.
        """
        if not isinstance(signature_domain, SignatureDomain):
            raise UsageError("signature_domain must be a member of SignatureDomain")
        return preimage(actions, parse_nonce(nonce), account, signature_domain, profile)

    def sign_transaction(self, tx: Mapping[str, Any], signature_domain: SignatureDomain) -> dict[str, Any]:
        """A copy of ``tx`` with ``signature`` and ``signer`` of this key.

        ``tx`` has ``actions`` in JSON form, ``nonce`` as an integer or decimal text and, unless it is this
        key's own, ``account``. Raises as :meth:`serialize_transaction`.
        """
        signed = {"account": self.public_key, **tx}
        message = self.serialize_transaction(
            signed.get("actions", ()), signed.get("nonce", ""), signed["account"], signature_domain
        )
        return signed | {"signer": self.public_key, "signature": base58.encode(self.sign(message))}

    @staticmethod
    def verify(tx: Mapping[str, Any], signature_domain: SignatureDomain) -> bool:
        """True if ``tx`` carries a valid signature of its own ``signer``, whoever that is; never raises."""
        return verify_transaction(tx, signature_domain)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {getattr(self, '_public_key', 'no key')}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        # Both copy and pickle come this way.
        raise TypeError("a signer holds a private key: it cannot be copied or pickled, share it instead")


def _load(private_key: object) -> Ed25519PrivateKey | None:
    """The key object, or None: this frame holds the secret and therefore never raises."""
    # Market data needs no key, and a client without one need not wait for OpenSSL to be loaded.
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not isinstance(private_key, str):
        return None
    try:
        secret = base58.decode(private_key)
    except InvalidKey:
        return None
    if len(secret) not in (32, 64):
        return None
    key = Ed25519PrivateKey.from_private_bytes(secret[:32])
    if len(secret) == 64 and key.public_key().public_bytes_raw() != secret[32:]:
        return None
    return key
