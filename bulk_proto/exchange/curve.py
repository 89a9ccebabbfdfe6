"""Which 32 bytes can be a public key, and keys that cannot: for accounts without a private key."""

from __future__ import annotations

from hashlib import sha256
from itertools import count

from bulk_proto.signing.base58 import encode

_PRIME = 2**255 - 19
_D = -121665 * pow(121666, -1, _PRIME) % _PRIME  # of the curve Ed25519


def is_on_curve(key: bytes) -> bool:
    """Can these 32 bytes be an Ed25519 public key (RFC 8032 section 5.1.3)?"""
    y = int.from_bytes(key, "little") & (2**255 - 1)
    if y >= _PRIME:
        return False
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _PRIME) % _PRIME
    return square == 0 or pow(square, (_PRIME - 1) // 2, _PRIME) == 1


def off_curve_key(name: str) -> str:
    """A key made of ``name`` for which nobody can have the private one."""
    digests = (sha256(f"{name}, {attempt}".encode()).digest() for attempt in count())
    return encode(next(digest for digest in digests if not is_on_curve(digest)))
