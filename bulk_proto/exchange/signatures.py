"""Checks signatures: by the rules of today, and by older ones as far as they are admitted.

Some actions have an older JSON form, from the exchange's earlier documents. Whoever sends one has signed
the bytes of those documents, so such a transaction is checked by their rules as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bulk_proto.signing.verification import verify_transaction

from .config import ExchangeConfig

DOCUMENTS = "documents-1.0"
_OLDER_FIELDS = {"trig": "i", "of": "p", "createSubAccount": "marginSymbol", "transfer": "marginSymbol"}


def signed_profile(transaction: Mapping[str, Any], config: ExchangeConfig) -> str | None:
    """The rules by which the signature is good, by their name in ``signing.layouts.PROFILES``, or None."""
    domains = (config.domain, None) if config.accept_undomained else (config.domain,)
    for profile in _profiles(transaction["actions"], config):
        for domain in domains:
            if verify_transaction(transaction, domain, profile):
                return profile
    return None


def _profiles(actions: Sequence[object], config: ExchangeConfig) -> Iterator[str]:
    yield from config.signing_profiles
    if DOCUMENTS not in config.signing_profiles and any(map(_is_older, _with_inner_ones(actions))):
        yield DOCUMENTS


def _with_inner_ones(actions: Sequence[object]) -> Iterator[tuple[object, dict[str, Any]]]:
    """Kind and body of each action and of those inside, however deep they are nested."""
    unseen = list(actions)
    while unseen:
        action = unseen.pop()
        if isinstance(action, dict) and len(action) == 1:
            ((kind, body),) = action.items()
            if isinstance(body, dict):
                yield kind, body
                inside = body.get("actions")
                unseen += inside if isinstance(inside, list) else ()


def _is_older(action: tuple[object, dict[str, Any]]) -> bool:
    """Has it a field that only the earlier documents know?"""
    kind, body = action
    return isinstance(kind, str) and _OLDER_FIELDS.get(kind) in body
