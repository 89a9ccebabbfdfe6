"""Checking a signed transaction as the exchange does: encode the JSON anew, then verify the signature."""

from __future__ import annotations

from collections.abc import Mapping

from bulk_proto.enums import SignatureDomain
from bulk_proto.errors import NonceError

from .base58 import decode, decode32
from .encoding import preimage
from .layouts import DEFAULT_PROFILE

_MAX_NONCE_DIGITS = 20


def parse_nonce(value: object) -> int:
    """The nonce of a JSON transaction, an integer or a decimal text; raises :class:`NonceError`."""
    if type(value) is int:
        return value
    if isinstance(value, str) and len(value) <= _MAX_NONCE_DIGITS and value.isascii() and value.isdigit():
        return int(value)
    raise NonceError("a nonce is an integer or its decimal text")


def verify_transaction(tx: object, domain: SignatureDomain | None, profile: str = DEFAULT_PROFILE) -> bool:
    """True if ``tx["signature"]`` is that of ``tx["signer"]`` over the actions, nonce and account of ``tx``.

    Whether the signer may act for the account is another question. Without a ``signer`` the account must
    have signed. Whatever ``tx`` holds, nothing is raised for it; an unknown ``domain`` or ``profile``
    raises :class:`UsageError`.
    """
    from cryptography.exceptions import InvalidSignature  # here, since a client itself verifies nothing
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if not isinstance(tx, Mapping):
        return False
    actions, nonce, account = tx.get("actions"), tx.get("nonce"), tx.get("account")
    try:
        message = preimage(actions, parse_nonce(nonce), account, domain, profile)  # type: ignore[arg-type]
        key = Ed25519PublicKey.from_public_bytes(decode32(tx.get("signer", account)))
        key.verify(decode(tx.get("signature", "")), message)
    except (InvalidSignature, ValueError):
        return False
    return True
