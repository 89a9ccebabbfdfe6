"""Order ids, known before the exchange answers: a hash of the order, its place, the account and the nonce.

The id does not depend on the network, the signer or a builder code. For market orders with slippage
there are two published rules, so both ids are candidates and the reply tells which one holds.
Conditional orders have ids too, but the rule is not published: take them from the reply.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from bulk_proto.errors import UsageError

from .base58 import encode
from .encoding import account_bytes, encode_actions, nonce_bytes
from .fields import pack_u32, scaled_bytes, u32


def order_id(action: Mapping[str, Any], seqno: int, nonce: int, account: str) -> str | None:
    """The id of the order at index ``seqno`` of all actions of its transaction; None if it has none.

    ``action`` is in JSON form, ``account`` the one the order is for, whoever signs. Raises as
    :func:`~bulk_proto.signing.encoding.preimage` does.
    """
    return next(iter(order_id_candidates(action, seqno, nonce, account)), None)


def order_id_candidates(action: Mapping[str, Any], seqno: int, nonce: int, account: str) -> tuple[str, ...]:
    """All ids that :func:`order_id`'s order may get, the likeliest first; empty if it gets none."""
    core = encode_actions([action]).cores[0]
    try:
        u32(seqno)
    except ValueError as error:
        raise UsageError(f"seqno {error}") from None
    return candidates(action, core, seqno, id_suffix(nonce, account))


def id_suffix(nonce: int, account: str) -> bytes:
    """What the hashed bytes of all orders of one transaction end with."""
    return account_bytes(account) + nonce_bytes(nonce)


def candidates(action: Mapping[str, Any], core: bytes, seqno: int, suffix: bytes) -> tuple[str, ...]:
    """As :func:`order_id_candidates`, for an action whose legacy bytes ``core`` are at hand."""
    if "l" in action:
        return (_hash(seqno, core, suffix),)
    if (body := action.get("m")) is None:
        return ()
    if "slippage" not in body:
        return (_hash(seqno, core, suffix),)
    slippage = scaled_bytes(body["slippage"])
    return (
        _hash(seqno, core + b"\1" + slippage, suffix),  # as bulk-keychain has it
        _hash(seqno, core + slippage, suffix),  # as the vectors of the Rust SDK have it
    )


def _hash(seqno: int, order: bytes, suffix: bytes) -> str:
    return encode(sha256(pack_u32(seqno) + order + suffix).digest())
