"""What clients have asked of the exchange, kept for the assertions of a test."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from .requests import Post, Request, Subscribe, Unsubscribe


class Unreadable(Struct, frozen=True):
    """A message that was no request, and why."""

    reason: str


class Receipt(Struct, frozen=True):
    """One message of a client. ``at`` is in seconds since the exchange started."""

    at: float
    connection: int  # counted from 1, in the order of their opening
    request: Request | Unreadable


class Received:
    """Everything that arrived, whatever became of it; the oldest is forgotten beyond ``limit`` messages.

    Iterating gives the receipts, oldest first.
    """

    def __init__(self, limit: int) -> None:
        self._receipts: deque[Receipt] = deque(maxlen=limit)

    def add(self, receipt: Receipt) -> None:
        self._receipts.append(receipt)

    def __iter__(self) -> Iterator[Receipt]:
        return iter(list(self._receipts))

    def __len__(self) -> int:
        return len(self._receipts)

    def clear(self) -> None:
        self._receipts.clear()

    def subscriptions(self) -> list[Any]:
        """All entries of all subscribe requests, as they were sent."""
        return [
            entry for each in self if isinstance(each.request, Subscribe) for entry in each.request.entries
        ]

    def unsubscriptions(self) -> list[str]:
        """The topics of all unsubscribe requests."""
        return [each.request.topic for each in self if isinstance(each.request, Unsubscribe)]

    def transactions(self) -> list[Any]:
        """The payloads of all posts, as they were sent."""
        return [each.request.payload for each in self if isinstance(each.request, Post)]

    def actions(self, kind: str | None = None) -> list[Any]:
        """The actions of all transactions; of one kind, such as ``"l"`` or ``"cx"``, their bodies only."""
        found = []
        for payload in self.transactions():
            actions = payload.get("actions") if isinstance(payload, dict) else None
            found += [action for action in (actions if isinstance(actions, list) else []) if action]
        if kind is None:
            return found
        return [action[kind] for action in found if isinstance(action, dict) and kind in action]

    def unreadable(self) -> list[str]:
        """Why messages were refused that are no requests; empty for a client that speaks properly."""
        return [each.request.reason for each in self if isinstance(each.request, Unreadable)]
