"""From checked actions to the payload of one request: encoded, signed, its order ids known beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec
from msgspec import Struct

from bulk_proto.actions.base import Action, member, sequence
from bulk_proto.enums import SignatureDomain
from bulk_proto.errors import InvalidKey, UsageError

from . import base58
from .encoding import EncodedActions, assemble, encode_actions
from .layouts import DEFAULT_PROFILE, LEGACY, PROFILES
from .order_id import candidates, id_suffix
from .shortcut import plain_cores
from .signer import Signer
from .verification import verify_transaction

__all__ = ["Transaction", "sign", "verify_transaction"]

_encode = msgspec.json.Encoder().encode
_SIGNATURE_SIZE = 64  # bytes


class Transaction(Struct, frozen=True, eq=False, dict=True):
    """A signed transaction, ready to be sent any number of times: the same bytes cannot execute twice.

    ``payload`` is the JSON text of the ``payload`` object of a request. ``json_actions`` and
    ``legacy_bytes`` are its actions in their JSON form and their legacy bytes.
    """

    actions: tuple[Action, ...]
    nonce: int
    account: str
    payload: bytes
    json_actions: Sequence[Mapping[str, Any]]
    legacy_bytes: Sequence[bytes]

    @cached_property
    def order_ids(self) -> tuple[tuple[str, ...], ...]:
        """For each action the ids the exchange may give it, the likeliest first.

        Empty where it gets none or only the reply tells. They use ``account``, whoever signed. Computed when
        first asked for, which can be after the bytes have left.
        """
        suffix = id_suffix(self.nonce, self.account)
        pairs = enumerate(zip(self.json_actions, self.legacy_bytes, strict=True))
        return tuple([candidates(document, core, seqno, suffix) for seqno, (document, core) in pairs])

    def __repr__(self) -> str:
        return f"<Transaction of {len(self.actions)} actions, nonce {self.nonce}>"


def sign(
    actions: Sequence[Action],
    *,
    signer: Signer,
    nonce: int,
    account: str,
    domain: SignatureDomain,
    profile: str = DEFAULT_PROFILE,
) -> Transaction:
    """Sign ``actions`` as one transaction for ``account`` on the network of ``domain``.

    ``profile`` names the rules by which actions become bytes, see :mod:`bulk_proto.signing.layouts`.

    Raises, before anything is signed, :class:`InvalidAction` for an empty sequence or an object that is
    no action, :class:`NonceError`, :class:`InvalidKey` for ``account`` and :class:`UsageError` for
    ``domain`` or ``profile``; afterwards :class:`InvalidKey` for a signer that returns no signature.
    """
    if not isinstance(domain, SignatureDomain):
        raise UsageError("domain must be a member of SignatureDomain")
    actions = sequence("actions", actions)
    for action in actions:
        member("each of actions", action, Action)
    json_actions = [action.to_api() for action in actions]
    encoded = _encode_actions(actions, json_actions, profile)
    signature = _as_text(signer.sign(assemble(encoded, nonce, account, domain)))
    return Transaction(
        actions,
        nonce,
        account,
        _encode(
            {
                "actions": json_actions,
                "nonce": str(nonce),
                "account": account,
                "signer": signer.public_key,
                "signature": signature,
            }
        ),
        json_actions,
        encoded.cores,
    )


def _as_text(signature: object) -> str:
    """The base58 text of what a signer returned. Text is not decoded, since the exchange checks it anyway."""
    if isinstance(signature, bytes) and len(signature) == _SIGNATURE_SIZE:
        return base58.encode(signature)
    if isinstance(signature, str) and base58.may_stand_for(signature, _SIGNATURE_SIZE):
        return signature
    raise InvalidKey("the signer returned neither the 64 bytes of an Ed25519 signature nor their base58 text")


def _encode_actions(
    actions: Sequence[Action], json_actions: Sequence[Mapping[str, Any]], profile: str
) -> EncodedActions:
    """The bytes of ``json_actions``, the JSON form of ``actions``."""
    cores = plain_cores(actions) if profile in PROFILES else None
    if not cores:
        return encode_actions(json_actions, profile)
    return EncodedActions(LEGACY, cores, [b""] * len(cores))
