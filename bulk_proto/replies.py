"""What the exchange answers to requests, decoded but not yet matched to anything.

The core turns them into the outcomes of calls. Of these messages the application sees only those that
cannot be understood.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from .events import MessageRefused, UnknownMessage


class Row(Struct, frozen=True, gc=False):
    """One execution event of a transaction: ``{"resting": {"oid": ...}}`` has kind ``resting``.

    There is one row per event, not per action, in no promised order. A bare string in place of the
    body becomes ``{"message": <string>}``; any other odd body becomes ``{"value": <it>}``.
    """

    kind: str
    body: dict[str, Any]

    @property
    def order_id(self) -> str | None:
        oid = self.body.get("oid")
        return oid if isinstance(oid, str) else None

    @property
    def message(self) -> str | None:
        """The server's text: rows spell it ``message`` or ``reason``."""
        for name in ("message", "reason"):
            text = self.body.get(name)
            if isinstance(text, str):
                return text
        return None


class PostReply(Struct, frozen=True, gc=False):
    """The answer to one ``post``. ``ok`` only says that the transaction was admitted, and is not believed
    when it is False and a row tells of a placed order.

    ``text`` is the first explanation found when it was not. An inner ``ack`` reply becomes one row of
    kind ``ack`` with its fields as body, also where it says no: of several actions one may have failed.
    """

    id: int
    ok: bool
    rows: list[Row]
    text: str | None = None


class UnclearReply(Struct, frozen=True, gc=False):
    """An answer to one ``post`` of which no more than that could be understood.

    It says neither yes nor no: the transaction may have been executed. ``event`` is for the application.
    """

    id: int
    event: MessageRefused | UnknownMessage

    @property
    def problem(self) -> str:
        """What is wrong with it, without any of its values."""
        return "of an unknown kind" if isinstance(self.event, UnknownMessage) else self.event.problem


class SubscriptionConfirmed(Struct, frozen=True, gc=False):
    """These topics are now subscribed; the strings are the server's own spelling."""

    topics: list[str]


class UnsubscriptionConfirmed(Struct, frozen=True, gc=False):
    """This topic is no longer subscribed."""

    topic: str


Reply = PostReply | UnclearReply | SubscriptionConfirmed | UnsubscriptionConfirmed
