"""Signed transactions: who may do what, once, and with a valid signature."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

from bulk_proto.signing.base58 import is_key
from bulk_proto.signing.verification import parse_nonce

from .accounts import Account, Ledger
from .action_forms import ActionForm
from .action_reading import ActionRefused, read_action
from .clock import ExchangeClock
from .conditionals import Signed
from .config import ExchangeConfig
from .performing import Desk
from .post_messages import Row, error_row
from .signatures import SignatureRules

_NONCES = 2**64
_is_key = lru_cache(maxsize=1024)(is_key)  # the same few accounts and signers come again and again


class TransactionMalformed(Exception):
    """The payload of a post is no transaction; the text says why."""


class TransactionRefused(Exception):
    """The transaction is not admitted; nothing was done. The text is the exchange's reason."""

    @property
    def rows(self) -> list[Row]:
        return [error_row(str(self))]


class Admission:
    """Checks in the exchange's order: shape, nonce, signature, signer; then every action by itself."""

    def __init__(self, config: ExchangeConfig, clock: ExchangeClock, ledger: Ledger, desk: Desk) -> None:
        self._config = config
        self._clock = clock
        self._ledger = ledger
        self._desk = desk
        self._signatures = SignatureRules(config)

    def execute(self, payload: object) -> list[Row]:
        """Carry out a transaction; returns its rows.

        Raises :class:`TransactionMalformed` for what cannot be read, :class:`TransactionRefused` for
        what is not allowed.
        """
        transaction, forms = _read(payload)
        key, signer, nonce = transaction["account"], transaction["signer"], _nonce(transaction)
        account = self._ledger.look(key)
        if self._config.refuse_repeated_nonce and nonce in account.nonces:
            raise TransactionRefused("duplicate nonce")
        profile = self._signatures.profile_of(transaction)
        if profile is None:
            raise TransactionRefused("bad signature")
        if not self._may_act(account, signer):
            raise TransactionRefused("unauthorized signer")
        account = self._ledger.open(key)
        account.nonces.add(nonce)
        self._clock.next_slot()
        signed = Signed(account, signer, nonce, profile)
        rows: list[Row] = []
        for seqno, form in enumerate(forms):
            oid = partial(self._desk.order_id, transaction["actions"], seqno, signed)
            rows += self._desk.perform(form, oid, signed)
        self._desk.settle()
        return rows

    def _may_act(self, account: Account, signer: str) -> bool:
        """The owner, his agents, and those of the master of a sub-account."""
        if signer == account.key or signer in account.agents:
            return True
        return account.parent is not None and self._may_act(self._ledger.look(account.parent), signer)


def may_take(payload: object) -> bool:
    """Does it hold an order that could trade at once? Those are the ones that a taker delay holds up."""
    actions = payload.get("actions") if isinstance(payload, dict) else None
    for action in actions if isinstance(actions, list) else ():
        match action:
            case {"m": _} | {"of": _}:
                return True
            case {"l": {"tif": "ALO"}}:
                pass
            case {"l": _}:
                return True
            case _:
                pass
    return False


def _read(payload: object) -> tuple[dict[str, Any], list[ActionForm]]:
    if not isinstance(payload, dict):
        raise TransactionMalformed("payload must be an object")
    actions = payload.get("actions")
    if not isinstance(actions, list) or not actions:
        raise TransactionMalformed("actions must be a list with at least one action")
    for name in ("account", "signer"):
        key = payload.get(name)
        if not isinstance(key, str) or not _is_key(key):
            raise TransactionMalformed(f"{name} must be a public key")
    if not isinstance(payload.get("signature"), str):
        raise TransactionMalformed("signature must be text")
    _nonce(payload)
    try:
        return payload, [read_action(action) for action in actions]
    except ActionRefused as refused:
        raise TransactionMalformed(str(refused)) from None


def _nonce(payload: Mapping[str, Any]) -> int:
    try:
        nonce = parse_nonce(payload.get("nonce"))
    except ValueError:
        nonce = -1
    if not 0 <= nonce < _NONCES:
        raise TransactionMalformed("nonce must be an integer from 0 to 2^64 - 1, or its text")
    return nonce
