"""Checks signatures: by the rules of today, and by older ones as far as they are admitted.

Some actions have an older JSON form, from the exchange's earlier documents. Whoever sends one has signed
the bytes of those documents, so such a transaction is checked by their rules as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bulk_proto.enums import SignatureDomain
from bulk_proto.signing.verification import verify_transaction

from .config import ExchangeConfig

DOCUMENTS = "documents-1.0"
_OLDER_FIELDS = {"trig": "i", "of": "p", "createSubAccount": "marginSymbol", "transfer": "marginSymbol"}


class SignatureRules:
    """Whether a signature is good, and by which profile of ``signing.layouts.PROFILES``."""

    def __init__(self, config: ExchangeConfig) -> None:
        self._profiles = config.signing_profiles
        self._domains: list[SignatureDomain | None] = [config.domain]
        if config.accept_undomained:
            self._domains.append(None)

    def profile_of(self, transaction: Mapping[str, Any]) -> str | None:
        """The profile by which it is signed, or None.

        A try costs as much as all the rest of an order, so the domain that was good last time is tried first:
        where all clients are of one kind, each order costs one.
        """
        for profile in self._candidates(transaction["actions"]):
            for domain in self._domains:
                if verify_transaction(transaction, domain, profile):
                    self._domains.sort(key=lambda other: other is not domain)
                    return profile
        return None

    def _candidates(self, actions: Sequence[object]) -> Iterator[str]:
        yield from self._profiles
        if DOCUMENTS not in self._profiles and any(map(_is_older, _with_inner_ones(actions))):
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
